"""The test foundation itself: the cast, the guards, the closed network, and that nothing is left out in silence."""

import os
import socket
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection

from gdpr_portal.roles import ROLES
from requests_app.models import Finding, Request
from tests import factories, run


def test_every_role_has_one_in_the_cast(
    agent, staff, supervisor, auditor, administrator, privacy_manager, dpo, outsider
):
    cast = [agent, staff, supervisor, auditor, administrator, privacy_manager, dpo]
    assert {group.name for person in cast for group in person.groups.all()} == set(ROLES)
    assert not outsider.get_all_permissions()


def test_who_signs_in_is_who_they_are(login, staff):
    assert login(staff).get("/health/").wsgi_request.user == staff


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_the_network_is_closed():
    with pytest.raises(Exception, match="192.0.2.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_guards_hold_in_every_committing_test_and_let_the_flush_through(time):
    assert not User.objects.exists()
    assert Group.objects.count() == len(ROLES)
    request = factories.RequestFactory()
    Finding.objects.create(request=request, method="callback", level="IAL-2", result="passed", by=request.opened_by)
    for table in ("requests_app_finding", "requests_app_request"):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("state", ["validated", "planned", "approved", "executed", "verified", "closed"])
def test_a_request_can_be_made_in_any_state(db, state):
    assert factories.RequestFactory(**{f"is_{state}": True}).state == state
    assert Request.objects.get().state == state


def test_an_identifier_is_sealed(db):
    row = factories.identifier(factories.DataSubjectFactory(), "phone", "+441632960001")
    assert b"960001" not in row.value_enc


@pytest.mark.parametrize(
    ("counts", "missing", "at_home", "in_ci"),
    [
        ({"passed": 3}, "", True, True),
        ({"passed": 3, "failed": 1}, "", False, False),
        ({"passed": 3, "skipped": 1}, "", True, False),
        ({}, "no Chromium", True, False),
    ],
)
def test_what_did_not_run_fails_in_ci(monkeypatch, capsys, counts, missing, at_home, in_ci):
    leg = run.Leg("Chromium", (), counts=counts, missing=missing)
    for place, verdict in ((False, at_home), (True, in_ci)):
        monkeypatch.setattr(run, "IN_CI", place)
        assert leg.ok is verdict
    run.sum_up([leg])
    assert ("NOT RUN" in capsys.readouterr().out) is bool(missing)


@pytest.mark.parametrize(("place", "workers"), [("", ()), ("", ("-n", "2")), ("true", ())])
def test_a_test_without_its_program_is_left_out_loudly_and_fails_in_ci(tmp_path, place, workers):
    (tmp_path / "test_lost.py").write_text(
        'import pytest\n\n@pytest.mark.needs("no-such-program")\ndef test_a(): pass\n\n'
        '@pytest.mark.needs("sh")\ndef test_b(): pass\n\ndef test_c(): pass\n'
    )
    command = (sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:django", "-p", "tests.needs")
    done = subprocess.run(
        (*command, *workers, f"--rootdir={tmp_path}", str(tmp_path)),
        env=os.environ | {"CI": place, "PYTHONPATH": "."}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "no-such-program, not found here" in done.stdout
    assert ("NOT RUN: 1 test needs" in done.stdout) is (not place)
    assert "2 passed" in done.stdout
    assert ("1 error" in done.stdout) is bool(place)
    assert done.returncode == bool(place)
