"""The published ledger and the stored one do not fit: nothing is deleted, and nothing else stops."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from content_app.models import Intent
from requests_app import audit, publisher, signed_note, signing_keys, validation
from requests_app.models import LedgerLeaf, Request
from requests_app.signed_note import Head
from tests.flow.conftest import approve, freeze, identifiers_of, run
from tests.flow.test_crash import forget_leases
from tests.flow.test_erasure import held
from tests.guards_aside import guards_aside
from tests.requests_app.test_publisher import write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


# --- how a ledger comes apart, and how it is mended ------------------------------------------------------------------


def _execute(statement, *parameters):
    connection.check_constraints()
    with guards_aside(connection), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _shorter(log):
    _execute("DELETE FROM requests_app_checkpoint")
    return lambda: call_command("recover_ledger", str(publisher.store_of(log).directory.parent), stdout=StringIO())


def _instead(log, text):
    file = publisher.store_of(log).directory / "checkpoint"
    good = file.read_text()
    file.write_text(text)
    return lambda: file.write_text(good)


def _fork(log):
    size, key = publisher.latest().size, publisher._signing_key(log)
    return _instead(log, signed_note.sign(str(Head(log.origin, size, b"x" * 32)), name=log.origin, private=key))


def _checkpoint(log):
    return _instead(log, publisher.store_of(log).checkpoint().replace(f"{log.origin}\n", f"{log.origin}9\n", 1))


def _key(log):
    file = signing_keys.file_of(log.name)
    good = file.read_bytes()
    file.unlink()
    signing_keys.load_or_make(file)
    return lambda: file.write_bytes(good)


def _root(log):
    leaf = LedgerLeaf.objects.order_by("id").first()
    key = leaf.pk if connection.vendor == "postgresql" else leaf.pk.hex
    _execute("UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = %s", b"{}", key)
    return lambda: _execute("UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = %s", bytes(leaf.leaf), key)


ALARM = "Nothing is deleted: the ledger does not fit"
BREAKS = {"shorter": _shorter, "fork": _fork, "root": _root, "checkpoint": _checkpoint, "key": _key}


def loop_once():
    """What the loop does in a minute, without its queue."""
    call_command("pick_up", stdout=StringIO())


def test_every_fault_is_tried():
    assert set(BREAKS) == set(publisher.FAULTS)


# --- what stops and what does not ------------------------------------------------------------------------------------


def act(client, address, /, *args, **data):
    answer = client.post(reverse(f"admin:{address}", args=args), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def take_over_http(client, subject):
    """The form, as staff send it."""
    kinds, values = zip(*identifiers_of(subject), strict=True)
    act(
        client, "requests_app_request_add", right="erasure", name=subject["name"], channel="phone",
        received_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M}", jurisdiction="UK", scope="everything",
        subject_kind="customer", identifier_kind=list(kinds), identifier_value=list(values),
    )  # fmt: skip
    return Request.objects.latest("id")


def first_page(client):
    return client.get(reverse("admin:index")).content.decode()


def sent_to_delete(centre):
    return [call for call in centre.ask("/log")["calls"] if call["method"] == "DELETE" or "delete" in call["path"]]


@pytest.mark.parametrize("fault", publisher.FAULTS)
def test_a_mismatch_stops_deletion_and_nothing_else(
    fault, centre, connect, take, staff, validator, supervisor, auditor, administrator, login, tmp_path, settings
):
    connect(centre)
    subjects = centre.ask("/subjects")["subjects"]
    answered = take(subjects[0])
    run()
    approve(answered, freeze(answered, staff), supervisor)
    run()
    calls = len(sent_to_delete(centre))
    intents = Intent.objects.count()
    assert calls
    mend = BREAKS[fault](publisher.latest().log)
    write(1)  # so that there is something to publish
    loop_once()
    if fault == "root":
        with pytest.raises(publisher.Mismatch):
            publisher.check_from_rows()  # the loop's look at its start
    assert publisher.fault() == publisher.FAULTS[fault]

    # Intake by form and by file, the identity check, the search, the list, the approval.
    desk, bench = login(staff), login(supervisor)
    request = take_over_http(desk, subjects[1])
    file = tmp_path / "requests.csv"
    file.write_text(
        "name,right,channel,received_at,phone,jurisdiction\nIda Import,erasure,phone,2026-03-02,+447700900999,UK\n"
    )
    call_command("import_requests", str(file), stdout=StringIO())
    validation.record_finding(request.pk, actor=validator, method="callback", level="IAL-2", result="passed")
    act(login(validator), "requests_app_request_validate", request.pk)
    run()
    request.refresh_from_db()
    assert request.state == "validated"
    act(desk, "content_freeze", request.pk)
    plan = request.plans.get()
    files = str(plan.items.exclude(action="keep").count())
    act(bench, "content_approve", request.pk, plan_id=plan.pk, digest=plan.digest, confirmed=files)
    request.refresh_from_db()
    assert request.state == "approved"

    # Nothing is sent and nothing is written about it, however often the worker looks; the page says why.
    for _ in range(3):
        forget_leases()
        run()
    request.refresh_from_db()
    assert request.state == "approved"
    assert request.errand.attention == "ledger"
    assert len(sent_to_delete(centre)) == calls
    assert Intent.objects.count() == intents
    assert set(held(centre, subjects[1]["guids"])) == set(subjects[1]["guidsWithContent"])
    assert (
        "The ledger is not published"
        in bench.get(reverse("admin:content_request_panel", args=[request.pk])).content.decode()
    )

    # The reply goes on. A report carries proofs, so it waits, in words.
    report = reverse("admin:content_report", args=[answered.pk, "json"])
    assert publisher.FAULTS[fault] in desk.get(report, follow=True).content.decode().replace("&#x27;", "'")
    act(desk, "content_reply", answered.pk, channel="email")
    answered.refresh_from_db()
    assert answered.state == "closed"

    # Whoever can have it mended hears of it.
    for person in (auditor, administrator, supervisor):
        assert (
            "Nothing is deleted: the ledger does not fit" in login(person).get(reverse("admin:index")).content.decode()
        )
    assert "Nothing is deleted: the ledger" not in desk.get(reverse("admin:index")).content.decode()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", json=True, stdout=out)
    said = {one["says"] for one in json.loads(out.getvalue())["findings"] if one["level"] == "fail"}
    assert publisher.FAULTS[fault] in said

    # Mended: it goes on by itself.
    mend()
    loop_once()
    assert publisher.fault() == ""
    forget_leases()
    run()
    request.refresh_from_db()
    assert request.state == "verified"
    assert held(centre, subjects[1]["guids"]) == {}
    assert audit.verify().ok
    assert ALARM not in first_page(bench)
    assert desk.get(report).status_code == 200
