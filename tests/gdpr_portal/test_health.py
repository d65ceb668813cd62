"""`manage.py health`: one line each, and 1 when anything is not well."""

import socket
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from content_app import heartbeats
from requests_app import publisher
from tests import factories


def health(*words):
    """(exit code, lines)"""
    out = StringIO()
    try:
        call_command("health", *words, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def running(db):
    factories.heartbeat("cluster", host=socket.gethostname())
    factories.heartbeat("loop")


def test_where_everything_is_well_it_ends_with_0(running):
    code, lines = health()
    assert code == 0
    assert [line.split()[:2] for line in lines] == [
        ["ok", "database"], ["ok", "cluster"], ["ok", "loop"], ["ok", "queue"], ["ok", "ledger"],
    ]  # fmt: skip


def test_whatever_stands_still_is_a_line_that_says_what_to_do(running):
    factories.heartbeat("cluster", node="blue-2", ago=timedelta(minutes=2))
    code, lines = health()
    assert code == 1
    assert [line for line in lines if line.startswith("fail")] == [
        "fail cluster  The worker cluster blue-2 is silent: no sign of life for 120 seconds. "
        "Look at another-host: start manage.py qcluster again if it has died, restart it if it is there."
    ]


def test_a_ledger_that_does_not_fit_is_a_failure(running, monkeypatch):
    monkeypatch.setattr(publisher, "fault", lambda: publisher.FAULTS["fork"])
    code, lines = health()
    assert code == 1
    assert lines[-1].startswith("fail ledger")


def test_a_host_is_asked_about_itself_alone(running):
    factories.heartbeat("cluster", node="blue-2", ago=timedelta(minutes=2))
    code, lines = health("--here")
    assert code == 0
    assert [line.split()[1] for line in lines] == ["database", "cluster", "queue", "ledger"]


def test_a_container_is_asked_about_its_part(running):
    assert health("--here", "--part=cluster")[0] == 0
    assert health("--part=loop")[0] == 0
    assert health("--here", "--part=loop")[0] == 1, "no loop runs on this host"


def test_a_database_that_is_away_is_a_line_and_no_traceback(monkeypatch):
    def away(**more):
        raise OperationalError("connection to server at 10.0.0.7 failed")

    monkeypatch.setattr(heartbeats, "signs", away)
    code, lines = health()
    assert code == 1
    assert lines == [
        "fail database The database does not answer (OperationalError). Start PostgreSQL, or mend DATABASE_URL."
    ]
