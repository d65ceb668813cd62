"""The main job over HTTP: everything of theirs goes, everything of a stranger's stays, and the counts agree."""

from collections import Counter

import pytest

from content_app import planning
from content_app.models import Candidate, Item, ReceiptItem, Search, Verification
from requests_app import audit
from requests_app.models import LedgerLeaf
from tests.flow.conftest import approve, freeze, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


def held(sandbox, guids):
    remaining = sandbox.tell("/remaining", guids=list(guids))["remaining"]
    return {guid: keys for guid, keys in remaining.items() if keys}


def contents_of(person):
    return {(i["guid"], key) for i in person["interactions"] for key in i["content"]}


def test_a_request_goes_from_a_phone_call_to_a_verified_deletion(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    strangers = {guid: keys for one in subject["strangers"] for guid, keys in held(centre, one["guids"]).items()}
    request = take(subject)

    run()
    found = set(request.candidates.values_list("external_id", "content_key"))
    assert found == contents_of(subject)

    plan = freeze(request, staff)
    approve(request, plan, supervisor)
    run()

    request.refresh_from_db()
    assert request.state == "verified"
    assert held(centre, subject["guids"]) == {}
    assert strangers
    assert held(centre, strangers) == strangers
    gone = Item.objects.filter(receipts__outcome__in=["deleted", "already_gone"])
    assert set(gone.values_list("external_id", "content_key")) == contents_of(subject)
    results = Verification.objects.filter(round=1).values_list("result", flat=True)
    assert Counter(results) == {"verified_absent": len(contents_of(subject))}
    assert Search.objects.get().way == Search.Way.SWEEP, "everybody was read, and nobody else was kept"


def test_the_ledger_of_a_whole_path_holds_and_names_nobody(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    approve(request, freeze(request, staff), supervisor)
    run()
    verdict = audit.verify()
    assert verdict.ok
    assert verdict.pending == 0
    text = b"\n".join(bytes(leaf.leaf) for leaf in LedgerLeaf.objects.all()).decode()
    spellings = [text for address in subject["identifiers"] for text in address["formats"]]
    assert not [spelling for spelling in (*spellings, *subject["name"].split()) if spelling in text]


def test_every_intent_stands_before_its_call_and_every_call_has_a_receipt(centre, connect, take, staff, supervisor):
    connect(centre)
    request = take(centre.ask("/subjects")["subjects"][0])
    run()
    approve(request, freeze(request, staff), supervisor)
    run()
    kinds = [leaf.type for leaf in LedgerLeaf.objects.filter(type__startswith="deletion.").order_by("id")]
    acts = [kind for kind in kinds if kind != "deletion.verified"]
    assert acts[0::2] == ["deletion.intended"] * (len(acts) // 2)
    assert acts[1::2] == ["deletion.receipt"] * (len(acts) // 2)


def test_shadow_mode_plans_and_reports_but_deletes_nothing(centre, connect, take, staff, supervisor):
    connect(centre, deletes=False)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    approve(request, freeze(request, staff), supervisor)
    run()
    request.refresh_from_db()
    assert request.state == "approved"
    assert request.errand.attention == "shadow"
    assert set(held(centre, subject["guids"])) == set(subject["guidsWithContent"])
    assert not [call for call in centre.ask("/log")["calls"] if call["method"] == "DELETE" or "delete" in call["path"]]


def test_a_contact_after_the_scope_is_listed_apart_and_stays(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    later = centre.tell("/contact", subject=subject["id"], ongoingSeconds=0)
    started = request.scope_as_of
    run()
    apart = request.candidates.filter(external_id=later["guid"])
    assert set(apart.values_list("kind", "included")) <= {("after_scope", False), ("found", True)}
    assert started is not None


def test_content_that_turns_up_later_waits_for_a_supplementary_list(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    plan = freeze(request, staff)
    guid = subject["guidsWithContent"][0]
    late = centre.tell("/late-content", guid=guid, type="conversationSummary")
    approve(request, plan, supervisor)
    run()

    request.refresh_from_db()
    assert request.state == "verified", "late content holds nothing else up"
    assert held(centre, subject["guids"]) == {guid: [late["contentKey"]]}, "and is never deleted unseen"
    assert request.errand.attention == "supplement"

    supplement = freeze(request, staff)
    assert supplement.kind == "supplementary"
    assert list(supplement.items.values_list("external_id", "content_key")) == [(guid, late["contentKey"])]
    approve(request, supplement, supervisor)
    run()
    request.refresh_from_db()
    assert request.state == "verified"
    assert held(centre, subject["guids"]) == {}


def test_what_staff_exclude_stays_and_its_interaction_goes_file_by_file(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    spare = request.candidates.filter(content_class="transcript").first()
    planning.choose(request.pk, actor=staff, candidate_ids=[spare.pk], link="other_person")
    plan = freeze(request, staff)
    assert plan.items.get(content_key=spare.content_key, external_id=spare.external_id).action == "keep"
    approve(request, plan, supervisor)
    run()
    assert held(centre, subject["guids"]) == {spare.external_id: [spare.content_key]}


def test_a_shared_number_is_never_silently_included(centre, connect, take, staff):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    take({"name": "Somebody Else", "identifiers": subject["identifiers"][:1]})
    run()
    shared = request.candidates.filter(shared=True)
    assert shared.exists()
    assert set(shared.values_list("included", flat=True)) == {None}
    with pytest.raises(Exception, match="wait for a decision"):
        freeze(request, staff)


def test_nothing_held_needs_no_approval(centre, connect, take, staff):
    connect(centre)
    nobody = {"name": "Nobody Known", "identifiers": [{"kind": "mobile", "formats": ["+447700900999"]}]}
    request = take(nobody)
    run()
    freeze(request, staff)
    run()
    request.refresh_from_db()
    assert (request.state, request.approved_by) == ("verified", None)


def test_what_vanished_meanwhile_is_already_gone(centre, connect, take, staff, supervisor):
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    first = take(subject)
    run()
    plan = freeze(first, staff)
    second = take(subject)
    run()
    Candidate.objects.filter(request=second).update(included=True, link="shared_theirs")
    other = freeze(second, staff)
    approve(first, plan, supervisor)
    run()
    approve(second, other, supervisor)
    run()
    second.refresh_from_db()
    assert second.state == "verified"
    assert set(ReceiptItem.objects.filter(item__plan=other).values_list("outcome", flat=True)) == {"already_gone"}
