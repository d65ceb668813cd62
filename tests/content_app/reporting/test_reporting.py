"""Who may export what and when, and when a request may be closed."""

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command

from content_app import pipeline, planning, reporting
from content_app.models import Candidate
from requests_app import audit, publisher, transitions
from requests_app.models import AccessLogEntry, Decision, LedgerLeaf, Request, StaffPseudonym
from requests_app.states import State
from tests import factories
from tests.content_app.reporting.desk import A, B, refused, run


def test_an_export_is_in_the_ledger_and_in_the_access_log(walk, auditor):
    request = walk.to()
    exported = reporting.export(request.pk, actor=auditor, fmt="csv")
    leaf = json.loads(bytes(LedgerLeaf.objects.get(type="report.exported").leaf))
    assert leaf["facts"] == {"format": "csv", "sha256": hashlib.sha256(exported.data).hexdigest()}
    assert AccessLogEntry.objects.filter(user=auditor, what="report", object_id=str(request.pk)).count() == 1


@pytest.mark.parametrize("role", ["agent", "administrator", "outsider"])
def test_who_may_not_export_is_refused_and_recorded(request, walk, role):
    one = walk.to()
    with refused("not_permitted"):
        reporting.export(one.pk, actor=request.getfixturevalue(role), fmt="json")
    assert LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(one.pk)).exists()
    assert not LedgerLeaf.objects.filter(type="report.exported").exists()


@pytest.mark.parametrize("state", ["received", "validated", "planned", "approved", "executed"])
def test_before_everything_is_read_back_it_is_too_early(db, auditor, state):
    one = factories.RequestFactory(**({f"is_{state}": True} if state != "received" else {}))
    with refused("too_early"):
        reporting.export(one.pk, actor=auditor, fmt="json")


def test_closed_history_has_no_report(db, auditor):
    with refused("history"):
        reporting.export(factories.RequestFactory(origin="history", state="closed").pk, actor=auditor, fmt="pdf")


def test_nobody_exports_the_report_about_themselves(walk, auditor):
    one = walk.to()
    Request.objects.filter(pk=one.pk).update(subject_user=auditor)
    with refused("own_request"):
        reporting.export(one.pk, actor=auditor, fmt="pdf")


def test_the_reply_closes_the_request(walk, staff):
    request = walk.to()
    reporting.record_reply(request.pk, actor=staff, channel="post")
    request.refresh_from_db()
    assert (request.state, request.outcome) == ("closed", "completed")
    assert request.closed_at
    assert Decision.objects.filter(request=request, kind="replied", reason="post", by=staff).count() == 1
    told = reporting.facts(request.pk)
    assert (told["reply"]["channel"], told["reply"]["role"]) == ("post", "staff")
    assert audit.verify().ok


def test_what_was_kept_makes_it_completed_in_part(walk, validator, staff):
    request = walk.to(to="validated")
    kept = request.candidates.filter(external_id=B)
    planning.choose(request.pk, actor=validator, candidate_ids=kept.values_list("pk", flat=True), link="shared_other")
    walk.approve(request, walk.freeze(request))
    run(request)
    reporting.record_reply(request.pk, actor=staff, channel="email")
    request.refresh_from_db()
    assert request.outcome == "completed_in_part"


def test_what_was_only_listed_is_completed(walk, staff):
    request = walk.to(right="access")
    reporting.record_reply(request.pk, actor=staff, channel="email")
    request.refresh_from_db()
    assert request.outcome == "completed"


@pytest.mark.parametrize(
    "role", ["agent", "supervisor", "auditor", "administrator", "privacy_manager", "dpo", "outsider"]
)
def test_only_staff_record_the_reply(request, walk, role):
    one = walk.to()
    with refused("not_permitted"):
        reporting.record_reply(one.pk, actor=request.getfixturevalue(role), channel="email")
    one.refresh_from_db()
    assert one.state == "verified"
    leaf = json.loads(bytes(LedgerLeaf.objects.get(type="attempt.refused").leaf))
    assert leaf["facts"] == {"attempt": "reply", "reason": "not_permitted"}


def test_a_reply_needs_a_channel_a_verified_request_and_another_person(walk, staff):
    early, request = walk.to(to="planned"), walk.to()
    with refused("no_channel"):
        reporting.record_reply(request.pk, actor=staff, channel="pigeon")
    with refused("wrong_state"):
        reporting.record_reply(early.pk, actor=staff, channel="email")
    Request.objects.filter(pk=request.pk).update(subject_user=staff)
    with refused("own_request"):
        reporting.record_reply(request.pk, actor=staff, channel="email")
    assert not Decision.objects.filter(kind="replied").exists()


def test_what_turned_up_later_must_be_dealt_with_before_the_reply(walk, centre, staff):
    request = walk.to(to="planned")
    centre.held[A]["conversationSummary"] = "conversationSummary"
    walk.approve(request, request.plans.get())
    run(request)
    with refused("supplement"):
        reporting.record_reply(request.pk, actor=staff, channel="email")
    walk.approve(request, walk.freeze(request))
    run(request)
    reporting.record_reply(request.pk, actor=staff, channel="email")


def test_what_could_not_be_deleted_must_be_decided_before_the_reply(walk, centre, staff, validator):
    request = walk.to(to="planned")
    centre.forbidden = {B}
    walk.approve(request, request.plans.get())
    run(request)
    totals = reporting.facts(request.pk)["totals"]
    assert (totals["deleted"], totals["needs_person"], totals["reappeared"]) == (2, 1, 1)
    with refused("wrong_state"):
        reporting.record_reply(request.pk, actor=staff, channel="email")
    left = request.candidates.filter(external_id=B).values_list("pk", flat=True)
    planning.choose(request.pk, actor=validator, candidate_ids=left, link="out_of_scope")
    walk.freeze(request)
    run(request)
    totals = reporting.facts(request.pk)["totals"]
    assert (totals["found"], totals["deleted"], totals["needs_person"], totals["kept"]) == (3, 2, 0, 1)
    reporting.record_reply(request.pk, actor=staff, channel="email")
    request.refresh_from_db()
    assert request.outcome == "completed_in_part"


def test_a_failure_that_nobody_decided_about_holds_the_reply_up(walk, centre, staff):
    request = walk.to(to="planned")
    centre.forbidden = {B}
    walk.approve(request, request.plans.get())
    run(request)
    Candidate.objects.filter(request=request).update(kind="found")
    transitions.move(request.pk, seen=State.EXECUTED, to=State.VERIFIED, actor=audit.WORKER)
    with refused("needs_person"):
        reporting.record_reply(request.pk, actor=staff, channel="email")


def test_what_a_person_deleted_by_hand_holds_nothing_up(walk, centre, staff, monkeypatch):
    request = walk.to(to="planned")
    centre.forbidden = {B}
    walk.approve(request, request.plans.get())
    pipeline.advance(request.pk)
    del centre.held[B]
    run(request)
    assert request.state == "verified"
    reporting.record_reply(request.pk, actor=staff, channel="email")
    request.refresh_from_db()
    assert request.outcome == "completed"


def test_an_item_without_an_outcome_holds_the_reply_up(walk, staff):
    request = walk.to(to="planned")
    walk.approve(request, request.plans.get())
    for seen, to in ((State.APPROVED, State.EXECUTED), (State.EXECUTED, State.VERIFIED)):
        transitions.move(request.pk, seen=seen, to=to, actor=audit.WORKER)
    with refused("unfinished"):
        reporting.record_reply(request.pk, actor=staff, channel="email")


@pytest.mark.parametrize("fmt", reporting.FORMATS)
def test_the_command_writes_what_the_room_exports(walk, tmp_path, fmt):
    request = walk.to(to="closed")
    place = tmp_path / f"report.{fmt}"
    call_command("export_report", request.reference.lower(), format=fmt, output=place, verbosity=0)
    leaf = json.loads(bytes(LedgerLeaf.objects.get(type="report.exported").leaf))
    assert leaf["facts"] == {"format": fmt, "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}
    assert place.read_bytes()[:64] == reporting.render(request.pk, fmt=fmt)[:64]
    assert (leaf["actor"], leaf["role"]) == ("machine:export_report", "machine")
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_the_command_says_what_is_wrong(walk, tmp_path):
    request, early = walk.to(), walk.to(to="planned")
    taken = tmp_path / "taken.json"
    taken.write_text("mine")
    for reference, place, words in (
        ("DSR-0000-0000", tmp_path / "a.json", "There is no request"),
        (early.reference, tmp_path / "a.json", "is planned"),
        (request.reference, taken, "exists"),
        (request.reference, tmp_path, "is not a file"),
        (request.reference, tmp_path / "nowhere" / "a.json", "cannot be written"),
        (request.reference, taken / "a.json", "cannot be written"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("export_report", reference, format="json", output=place)
    assert taken.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["taken.json"]
    assert not LedgerLeaf.objects.filter(type="report.exported").exists()


def test_the_command_replaces_a_file_when_it_is_told_to(walk, tmp_path):
    request = walk.to()
    taken = tmp_path / "taken.json"
    taken.write_text("mine")
    call_command("export_report", request.reference, format="json", output=taken, force=True, verbosity=0)
    assert json.loads(taken.read_text())["schema"] == "portal-report"


def test_a_file_is_found_in_the_ledger_by_its_bytes_alone(walk, staff, tmp_path, capsys):
    request, place = walk.to(to="closed"), tmp_path / "somewhere.bin"
    for fmt in reporting.FORMATS:
        place.write_bytes(reporting.export(request.pk, actor=staff, fmt=fmt).data)
        leaf = LedgerLeaf.objects.filter(type="report.exported").order_by("id").last()
        call_command("find_report", place)
        told = capsys.readouterr().out
        assert f"The report of {request.reference} as {fmt}, exported at" in told
        assert f"{StaffPseudonym.objects.get(user=staff).pseudonym} (staff)" in told
        assert f"ledger entry {leaf.pk}, which waits for its number" in told
    publisher.publish()
    call_command("find_report", place)
    leaf.refresh_from_db()
    assert f"number {leaf.index.seq}, published in portal.test/audit/" in capsys.readouterr().out


def test_a_file_with_one_other_byte_is_not_found(walk, staff, tmp_path):
    data = reporting.export(walk.to().pk, actor=staff, fmt="pdf").data
    place = tmp_path / "report.pdf"
    for other in (data[:-1], data + b"\n", b""):
        place.write_bytes(other)
        with pytest.raises(CommandError, match="No export from here gave this file"):
            call_command("find_report", place)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("find_report", tmp_path / "nowhere")


def test_a_file_that_was_handed_out_twice_is_found_twice(walk, staff, tmp_path, capsys):
    request = walk.to()
    place = tmp_path / "report.csv"
    for _ in range(2):
        place.write_bytes(reporting.export(request.pk, actor=staff, fmt="csv").data)
    call_command("find_report", place)
    assert capsys.readouterr().out.count("The report of") == 2
