"""Room 7: what a report says, what it never says, and when a request may be closed."""

import csv
import hashlib
import io
import json
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pypdf
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from content_app import pipeline, planning, reporting, systems
from content_app.connectors import registry
from content_app.connectors.base import Check, Content, Interaction, Outcome
from content_app.models import Candidate, System
from content_app.reporting import pdf, sheet, wording
from requests_app import approval, audit, sequencer, transitions, validation
from requests_app.errors import Refused
from requests_app.models import AccessLogEntry, Decision, LedgerLeaf, Request, StaffPseudonym
from requests_app.states import State
from tests import factories, story
from tests.sandbox import CLIENT_ID, CLIENT_SECRET

SCHEMA = json.loads(Path("docs/report.schema.json").read_text())
NAME, PHONE, EMAIL = "Ines Quillfeather", "+44 7700 900123", "ines.quill@example.org"
#: Every spelling in which the person could leak.
THEIRS = ("Ines", "Quillfeather", "7700", "900123", "ines.quill", "example.org")
COMPANY_LINE = "+442079460000"
A, B, C = (f"00000000-0000-4000-8000-{number:012d}" for number in (1, 2, 3))


# --- a contact centre in memory --------------------------------------------------------------------------------------


class Centre:
    """What a connector would see: interaction → its content keys and classes."""

    manifest = registry.CONNECTORS["vcc"].manifest
    calls = 0

    def __init__(self):
        self.held = {}
        self.forbidden = set()
        self.stubborn = set()

    def hold(self, external_id, *classes):
        self.held[external_id] = {name: name for name in classes}

    def get(self, external_id):
        contents = self.held.get(external_id)
        if not contents:
            return None
        files = tuple(Content(key, name, "audio/wav", 1, None) for key, name in contents.items())
        return Interaction(external_id, timezone.now(), PHONE, COMPANY_LINE, "inbound", (), files)

    def delete_content(self, external_id, content_key):
        if (external_id, content_key) in self.forbidden:
            return Outcome(external_id, content_key, "forbidden", "forbidden")
        gone = self.held[external_id].pop(content_key, None)
        return Outcome(external_id, content_key, "deleted" if gone else "already_gone")

    def delete_interactions(self, external_ids):
        return [self._delete(external_id) for external_id in external_ids]

    def _delete(self, external_id):
        if external_id in self.forbidden:
            return Outcome(external_id, None, "forbidden", "forbidden")
        if external_id not in self.stubborn:
            self.held.pop(external_id, None)
        return Outcome(external_id, None, "deleted")

    def self_test(self):
        return [Check("login", True)]

    def close(self):
        pass


@pytest.fixture
def centre(monkeypatch):
    one = Centre()
    monkeypatch.setattr(registry, "connect", lambda kind, account, gate: one)
    return one


@pytest.fixture
def system(db, administrator, supervisor):
    made = factories.SystemFactory(name="Contact centre")
    systems.propose_deletion(made.pk, actor=administrator)
    systems.confirm_deletion(made.pk, actor=supervisor)
    return made


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


def run(request):
    """The worker, until the request is read back or waits for a person."""
    request.refresh_from_db()
    while request.state in pipeline.WORKING and pipeline.advance(request.pk):
        request.refresh_from_db()
    sequencer.drain()
    request.refresh_from_db()


@contextmanager
def refused(code):
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


@pytest.fixture
def walk(centre, system, staff, validator, supervisor):
    """``walk(to="verified", contents=…)`` is a request that came there through the real rooms."""

    def freeze(request):
        return planning.freeze(request.pk, actor=validator)

    def approve(request, plan):
        approval.approve(request.pk, actor=supervisor, plan_id=plan.pk, digest=plan.digest, expires_at=plan.expires_at)

    def walked(*, to="verified", contents=((A, "callRecording"), (A, "transcript"), (B, "voicemail")), **told):
        told = {"name": NAME, "identifiers": [("phone", PHONE), ("email", EMAIL)]} | told
        request = story.validated(staff, validator, **told)
        rows = [
            {"external_id": external_id, "content_key": name, "content_class": name} for external_id, name in contents
        ]
        if rows:
            story.found(request, system, *rows)
        else:
            story.found(request, system)
            Candidate.objects.filter(request=request).update(kind="after_scope")
        for external_id in {external_id for external_id, _ in contents}:
            centre.hold(external_id, *(name for owner, name in contents if owner == external_id))
        if to == "validated":
            return request
        plan = freeze(request)
        if to != "planned":
            if plan.items.exclude(action="keep").exists():
                approve(request, plan)
            run(request)
        if to == "closed":
            reporting.record_reply(request.pk, actor=staff, channel="email")
            sequencer.drain()
        request.refresh_from_db()
        return request

    return SimpleNamespace(to=walked, freeze=freeze, approve=approve)


def text_of(pdf_bytes):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf_bytes)).pages)


def rows_of(csv_bytes):
    return list(csv.DictReader(io.StringIO(csv_bytes.decode("utf-8-sig"))))


# --- what the facts say ----------------------------------------------------------------------------------------------


def test_the_facts_are_what_the_schema_describes(walk):
    for request in (walk.to(to="closed"), walk.to(contents=()), walk.to(right="access")):
        jsonschema.Draft202012Validator(SCHEMA).validate(reporting.facts(request.pk))


def test_the_schema_knows_every_field_and_no_other(walk):
    told = reporting.facts(walk.to(to="closed").pk)
    for extra in ({"name": NAME}, {"request": told["request"] | {"subject": "x"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(told | extra, SCHEMA)
    for name, definition in SCHEMA["$defs"].items():
        if definition.get("type") == "object":
            assert set(definition["required"]) == set(definition["properties"]), name
            assert definition["additionalProperties"] is False, name


def test_it_says_what_was_found_deleted_kept_and_read_back(walk, centre, validator):
    request = walk.to(
        to="validated", contents=((A, "callRecording"), (A, "transcript"), (B, "voicemail"), (C, "voicemail"))
    )
    kept = request.candidates.get(external_id=A, content_class="transcript")
    planning.choose(request.pk, actor=validator, candidate_ids=[kept.pk], link="other_person")
    del centre.held[C]
    walk.approve(request, walk.freeze(request))
    run(request)
    told = reporting.facts(request.pk)
    totals = told["totals"]
    assert (totals["found"], totals["deleted"], totals["already_gone"], totals["kept"]) == (4, 2, 1, 1)
    assert (totals["verified_absent"], totals["not_verified"]) == (3, 0)
    assert totals["kept_grounds"] == [{"ground": "other_person", "count": 1}]
    rows = {row["class"]: row for row in told["content"]}
    assert rows["voicemail"]["deleted"] == rows["voicemail"]["already_gone"] == 1
    assert rows["screenRecording"]["found"] == 0
    assert set(rows) == set(Centre.manifest.content_classes)


def test_rows_add_up_to_the_totals(walk):
    told = reporting.facts(walk.to().pk)
    for name in sheet.COUNTS:
        assert sum(row[name] for row in told["content"]) == told["totals"][name]
    totals = told["totals"]
    assert totals["found"] == sum(totals[fate] for fate in ("deleted", "already_gone", "needs_person", "open", "kept"))
    assert totals["found"] - totals["kept"] == sum(totals[name] for name in reporting.tally.READINGS)


def test_people_appear_by_role_and_pseudonym_as_the_ledger_has_them(walk, staff, validator, supervisor):
    request = walk.to(to="closed")
    supervisor.groups.clear()
    steps = {step["step"]: step for step in reporting.facts(request.pk)["steps"]}
    known = {user: str(StaffPseudonym.objects.get(user=user).pseudonym) for user in (staff, validator, supervisor)}
    assert (steps["validated"]["role"], steps["validated"]["pseudonym"]) == ("staff", known[validator])
    assert (steps["approved"]["role"], steps["approved"]["pseudonym"]) == ("supervisor", known[supervisor])
    assert (steps["executed"]["role"], steps["executed"]["pseudonym"]) == ("machine", "machine:worker")
    assert [step["step"] for step in reporting.facts(request.pk)["steps"]] == [
        "received", "validated", "planned", "approved", "executed", "verified", "closed",
    ]  # fmt: skip


def test_it_names_the_digest_and_computes_it_again(walk):
    request = walk.to()
    (listed,) = reporting.facts(request.pk)["lists"]
    assert listed["digest"] == request.plan_digest
    assert listed["digest_holds"]
    assert listed["approved"]["role"] == "supervisor"


def test_it_says_what_is_out_of_reach(walk):
    told = reporting.facts(walk.to().pk)
    assert {row["class"] for row in told["out_of_reach"]} == {name for name, _ in Centre.manifest.out_of_reach}
    codes = {limit["code"] for limit in told["cannot_vouch_for"]}
    assert codes == {"systems_word", "where_searched", "copies", "after_scope", "later_read_back", "own_record"}


def test_the_later_read_back_is_due_until_it_is_done(walk, clock, settings):
    request = walk.to()
    before = reporting.facts(request.pk)["later_read_back"]
    assert before == {"due_at": "2026-03-09T09:00:00.000000Z", "done_at": None}
    clock.shift(timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS, seconds=1))
    assert pipeline.due() == [request.pk]
    pipeline.advance(request.pk)
    assert reporting.facts(request.pk)["later_read_back"]["done_at"] == "2026-03-09T09:00:01.000000Z"


def test_the_ledger_part_counts_entries_and_says_when_some_wait_for_a_number(walk):
    request = walk.to()
    told = reporting.facts(request.pk)["ledger"]
    mine = LedgerLeaf.objects.filter(object_id=str(request.pk))
    assert (told["entries"], told["waiting"], told["all_numbered"]) == (mine.count(), 0, True)
    reporting.record_reply(request.pk, actor=request.opened_by, channel="post")
    told = reporting.facts(request.pk)["ledger"]
    assert (told["waiting"], told["all_numbered"], told["last"]["number"]) == (2, False, None)


def test_a_supplementary_list_is_united_with_the_first(walk, centre):
    request = walk.to(to="planned")
    centre.held[A]["conversationSummary"] = "conversationSummary"
    plan = request.plans.get()
    walk.approve(request, plan)
    run(request)
    walk.approve(request, walk.freeze(request))
    run(request)
    told = reporting.facts(request.pk)
    assert [(each["version"], each["kind"]) for each in told["lists"]] == [(1, "main"), (2, "supplementary")]
    assert (told["totals"]["found"], told["totals"]["deleted"], told["totals"]["verified_absent"]) == (4, 4, 4)
    assert told["items"][-1]["lists"] in ([1], [2])


def test_what_came_back_and_was_deleted_again_counts_once(walk, centre):
    request = walk.to(to="planned", contents=((A, "voicemail"), (B, "voicemail")))
    centre.stubborn = {B}
    walk.approve(request, request.plans.get())
    run(request)
    assert reporting.facts(request.pk)["totals"]["reappeared"] == 1
    centre.stubborn = set()
    walk.approve(request, walk.freeze(request))
    run(request)
    told = reporting.facts(request.pk)
    assert (told["totals"]["found"], told["totals"]["deleted"], told["totals"]["reappeared"]) == (2, 2, 0)
    assert [item["lists"] for item in told["items"]] == [[1], [1, 2]]


def test_a_list_that_was_sent_back_is_not_in_force(walk, supervisor):
    request = walk.to(to="planned")
    approval.send_back(request.pk, actor=supervisor, reason="missing_items")
    story.found(request, System.objects.get(), {"external_id": C, "kind": "discovered"})
    walk.approve(request, walk.freeze(request))
    run(request)
    assert [each["version"] for each in reporting.facts(request.pk)["lists"]] == [2]


def test_an_empty_list_that_was_sent_back_is_not_in_force(walk, supervisor):
    request = walk.to(to="planned", right="access")
    approval.send_back(request.pk, actor=supervisor, reason="missing_items")
    story.found(request, System.objects.get(), {"external_id": C, "kind": "discovered"})
    walk.freeze(request)
    run(request)
    told = reporting.facts(request.pk)
    assert ([each["version"] for each in told["lists"]], told["totals"]["found"]) == ([2], 4)


def test_what_the_portal_deleted_stays_deleted_when_a_later_list_finds_it_gone(walk, centre, supervisor):
    request = walk.to(to="planned")
    centre.held[A]["conversationSummary"] = "conversationSummary"
    walk.approve(request, request.plans.get())
    run(request)
    walk.freeze(request)
    approval.send_back(request.pk, actor=supervisor, reason="missing_items")
    story.found(request, System.objects.get(), {"external_id": C, "kind": "discovered"})
    walk.approve(request, walk.freeze(request))
    run(request)
    told = reporting.facts(request.pk)
    assert [each["version"] for each in told["lists"]] == [1, 3]
    assert (told["totals"]["found"], told["totals"]["deleted"], told["totals"]["already_gone"]) == (5, 4, 1)


def test_a_list_with_nothing_to_delete_needs_no_approval_and_counts(walk):
    told = reporting.facts(walk.to(right="access").pk)
    assert (told["lists"][0]["approved"], told["totals"]["kept"]) == (None, 3)
    assert told["later_read_back"] is None


@pytest.mark.django_db(transaction=True)
def test_the_counts_equal_the_sandbox_s_own_log(start_sandbox, monkeypatch, walk, system, staff, validator):
    monkeypatch.undo()
    away = start_sandbox(seed=11, interactions=400, days=28, subjects=4)
    System.objects.update(gateway_url=away.url, auth_url=away.url)
    monkeypatch.setenv(f"{system.credential}_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", CLIENT_SECRET)
    person = away.ask("/subjects")["subjects"][0]
    kinds = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}
    known = [(kinds[address["kind"]], address["formats"][0]) for address in person["identifiers"]]
    request = story.validated(staff, validator, name=person["name"], identifiers=known)
    call_command("run_pipeline", "--until-idle", verbosity=0)
    walk.approve(request, walk.freeze(request))
    call_command("run_pipeline", "--until-idle", verbosity=0)
    files = [file for call in away.ask("/log")["calls"] for one in call["deleted"] for file in one["content"]]
    told = reporting.facts(request.pk)
    reported = {row["class"]: row["deleted"] for row in told["content"] if row["deleted"]}
    assert reported == Counter(file["type"] for file in files)
    assert told["totals"]["deleted"] == told["totals"]["verified_absent"] == len(files) > 5


# --- what no format says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", reporting.FORMATS)
def test_no_format_names_the_person(walk, staff, fmt):
    request = walk.to(to="closed", contact=EMAIL)
    data = reporting.export(request.pk, actor=staff, fmt=fmt).data
    text = text_of(data) if fmt == "pdf" else data.decode()
    assert request.reference in text
    assert not [spelling for spelling in (*THEIRS, COMPANY_LINE, staff.username, staff.last_name) if spelling in text]


def test_interactions_are_in_the_json_alone(walk, staff):
    request = walk.to()
    exported = {fmt: reporting.export(request.pk, actor=staff, fmt=fmt).data for fmt in reporting.FORMATS}
    assert A in exported["json"].decode()
    assert A not in exported["csv"].decode()
    assert A not in text_of(exported["pdf"])


# --- the formats -----------------------------------------------------------------------------------------------------


def test_the_same_facts_give_the_same_bytes(walk, staff):
    request = walk.to(to="closed")
    for fmt in reporting.FORMATS:
        first = reporting.export(request.pk, actor=staff, fmt=fmt).data
        assert reporting.export(request.pk, actor=staff, fmt=fmt).data == first


def test_the_json_is_the_facts(walk, staff):
    request = walk.to()
    exported = reporting.export(request.pk, actor=staff, fmt="json")
    assert json.loads(exported.data) == reporting.facts(request.pk)
    assert exported.name == f"{request.reference}-report.json"


def test_the_csv_has_a_row_for_each_class_and_each_limit(walk, staff):
    request = walk.to()
    rows = rows_of(reporting.export(request.pk, actor=staff, fmt="csv").data)
    assert Counter(row["row"] for row in rows) == {
        "content": len(Centre.manifest.content_classes), "out_of_reach": len(Centre.manifest.out_of_reach), "limit": 6,
    }  # fmt: skip
    assert {row["reference"] for row in rows} == {request.reference}
    assert {row["approved_role"] for row in rows} == {"supervisor"}
    assert sum(int(row["deleted"] or 0) for row in rows) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula(walk, staff, start):
    System.objects.update(name=f"{start}HYPERLINK(1)")
    request = walk.to()
    assert sheet.neutral(f"{start}1") == f"'{start}1"
    rows = rows_of(reporting.export(request.pk, actor=staff, fmt="csv").data)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(sheet.FORMULA)]


def test_the_pdf_is_tagged_for_the_archive_and_for_screen_readers(walk, staff):
    data = reporting.export(walk.to(to="closed").pk, actor=staff, fmt="pdf").data
    reader = pypdf.PdfReader(io.BytesIO(data))
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en-GB"
    assert len(reader.pages) <= 2


def test_the_pdf_tells_the_story(walk, staff):
    request = walk.to(to="closed")
    text = " ".join(text_of(reporting.export(request.pk, actor=staff, fmt="pdf").data).split())
    assert "3 pieces of content were found in 1 connected system: 3 deleted. All 3 were looked for again" in text
    assert request.plan_digest in text
    assert "What this report cannot vouch for" in text
    assert str(StaffPseudonym.objects.get(user=staff).pseudonym) in text


@pytest.mark.parametrize(
    "name", ['#read("/etc/passwd") $x$ *b* \\', "</w:t> <script>", "日本 😀", "a\x01b", "#panic()"]
)
def test_hostile_and_strange_text_stays_text(walk, staff, name):
    System.objects.update(name=name)
    data = reporting.export(walk.to().pk, actor=staff, fmt="pdf").data
    text = "".join(text_of(data).split())
    assert "".join(pdf.spell_out(name).split()) in text or "".join(name.split()) in text


def test_an_end_without_a_deletion_has_a_short_report(walk, staff, validator, privacy_manager, supervisor):
    ends = {
        "refused": lambda one: approval.refuse(one.pk, actor=privacy_manager, reason="legal_claims"),
        "withdrawn": lambda one: validation.withdraw(one.pk, actor=validator, reason="person_withdrew"),
        "not_identified": lambda one: validation.not_identified(one.pk, actor=validator, reason="no_answer"),
    }
    for state, end in ends.items():
        request = walk.to(to="validated")
        end(request)
        told = reporting.facts(request.pk)
        jsonschema.validate(told, SCHEMA)
        assert (told["request"]["outcome"], told["lists"], told["totals"]["found"]) == (state, [], 0)
        assert [limit["code"] for limit in told["cannot_vouch_for"]] == ["own_record"]
        assert wording.summary(told).endswith("Nothing was deleted.")
        assert reporting.export(request.pk, actor=staff, fmt="pdf").data.startswith(b"%PDF")


def test_nothing_held_says_so(walk):
    told = reporting.facts(walk.to(contents=()).pk)
    assert wording.summary(told) == "The connected systems were searched, and nothing of the person was found in them."


# --- who may export what, when ---------------------------------------------------------------------------------------


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


# --- the reply -------------------------------------------------------------------------------------------------------


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


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", reporting.FORMATS)
def test_the_command_writes_what_the_room_exports(walk, tmp_path, fmt):
    request = walk.to(to="closed")
    place = tmp_path / f"report.{fmt}"
    call_command("export_report", request.reference.lower(), format=fmt, output=place, verbosity=0)
    assert place.read_bytes() == reporting.render(request.pk, fmt=fmt)
    leaf = json.loads(bytes(LedgerLeaf.objects.get(type="report.exported").leaf))
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
