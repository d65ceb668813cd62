"""What a report says: everything that was done, counted once, and nothing else."""

from collections import Counter
from datetime import timedelta

import jsonschema
import pytest
from django.core.management import call_command

from content_app import leftovers, noting, pipeline, planning, reporting
from content_app.models import Leftover, Search, System
from content_app.reporting import sheet
from content_app.reporting.wording import page
from requests_app import approval, publisher
from requests_app.models import LedgerLeaf, StaffPseudonym
from tests import story
from tests.content_app import admin_story
from tests.content_app.reporting.desk import NAME, SCHEMA, A, B, C, Centre, rows_of, run, text_of
from tests.sandbox import CLIENT_ID, CLIENT_SECRET


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


def test_it_says_which_way_was_searched_and_what_that_cost(walk):
    request = walk.to(to="validated")
    system = System.objects.get()
    Search.objects.update(finished_at=None, way="sweep", calls_expected=105, calls_made=106, sharers=200)
    noting.finish(Search.objects.get())
    walk.approve(request, walk.freeze(request))
    run(request)
    told = reporting.facts(request.pk)
    jsonschema.validate(told, SCHEMA)
    (found,) = told["searches"]
    at = found.pop("finished_at")
    assert found == {"system": system.name, "way": "sweep", "calls": 106, "expected": 105, "shared": 200}
    assert at < told["lists"][0]["frozen"]["at"]
    assert ["Searched", f"{system.name}: 106 calls, 105 expected, in one pass for 200 requests"] in page(told)["asked"]


@pytest.fixture
def with_leftovers(walk, validator):
    """A request whose statistics were counted: three of theirs in the first days of March, one that may be."""
    request = walk.to(to="validated")
    row = admin_story.left_over(request, contacts=3, doubtful=1)
    Leftover.objects.update(finished_at=None)
    leftovers._finish(row)
    walk.approve(request, walk.freeze(request))
    run(request)
    return request


def test_it_says_what_the_statistics_still_hold_and_that_nothing_deletes_it(with_leftovers):
    told = reporting.facts(with_leftovers.pk)
    jsonschema.validate(told, SCHEMA)
    (held,) = told["statistics"]
    assert (held["contacts"], held["doubtful"], held["calls"], held["expected"], held["shared"]) == (3, 1, 1, 2, 3)
    assert (held["earliest"][:10], held["latest"][:10]) == ("2026-03-02", "2026-03-09")
    limit = next(one["text"] for one in told["cannot_vouch_for"] if one["code"] == "statistics")
    said = (
        "The statistics of Contact centre still hold 3 contacts of the person, 2 March 2026 to 9 March 2026, of which "
        "no content was found; 1 more may be theirs."
    )
    assert limit.startswith(f"{said} No interface deletes them")
    printed = page(told)
    assert printed["summary"].endswith(said)
    assert any(
        label == "Statistics read" and words.endswith("1 call, 2 expected, in one pass for 3 requests")
        for label, words in printed["asked"]
    )
    assert told["totals"] == reporting.facts(with_leftovers.pk)["totals"]


def test_the_pdf_and_the_csv_say_it_too(with_leftovers):
    printed = " ".join(text_of(reporting.render(with_leftovers.pk, fmt="pdf")).split())
    assert printed.count("still hold 3 contacts of the person") == 2, "in the summary and among the limits"
    assert any(
        "Right to be Forgotten" in row["note"] for row in rows_of(reporting.render(with_leftovers.pk, fmt="csv"))
    )


def test_where_nothing_is_left_or_nobody_counted_no_limit_says_otherwise(walk):
    request = walk.to(to="validated")
    assert reporting.facts(request.pk)["statistics"] == []
    row = admin_story.left_over(request)
    Leftover.objects.update(finished_at=None)
    leftovers._finish(row)
    told = reporting.facts(request.pk)
    assert (told["statistics"][0]["contacts"], told["statistics"][0]["earliest"]) == (0, None)
    assert "statistics" not in {one["code"] for one in told["cannot_vouch_for"]}
    assert "statistics" not in page(told)["summary"]


def test_a_search_from_before_says_its_calls_alone(walk):
    told = reporting.facts(walk.to().pk)
    told["searches"] = [{"system": "A", "way": None, "calls": 1, "expected": None, "shared": None, "finished_at": ""}]
    assert ["Searched", "A: 1 call"] in page(told)["asked"]


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
    request = walk.to()
    publisher.publish()
    told = reporting.facts(request.pk)
    assert {row["class"] for row in told["out_of_reach"]} == {name for name, _ in Centre.manifest.out_of_reach}
    codes = {limit["code"] for limit in told["cannot_vouch_for"]}
    assert codes == {
        "systems_word",
        "where_searched",
        "copies",
        "after_scope",
        "later_read_back",
        "own_record",
        "no_witness",
    }


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
    away = start_sandbox(seed=11, interactions=400, days=7, subjects=4)
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
