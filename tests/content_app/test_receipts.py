"""The engine's pen: one receipt an intent, one writer a step, and the state of an item read from its latest receipt."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from content_app import receipts
from content_app.connectors.base import Content
from content_app.models import Candidate, Intent, Item, Plan, Receipt, ReceiptItem, Step
from requests_app import approval
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_(system, centre, rooms):
    """An approved request for three voicemails; nothing was sent yet."""
    for name in "abc":
        centre.hold(name, "voicemail")
    return rooms.approved()


@pytest.fixture
def plan(request_):
    return request_.plans.get()


def begin(items):
    """A step over the items, with its intent."""
    step = receipts.open_step(items[0].plan, kind=Step.Kind.BATCH, items=items)
    return step, receipts.intend(step, items=items, kind="batch")


def lost(act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    assert caught.value.code == "lost_lease"


# --- intents, receipts, fences ---------------------------------------------------------------------------------------


def test_an_intent_and_a_receipt_each_have_their_ledger_entry(plan):
    items = list(plan.items.all())
    step, intent = begin(items)
    assert (step.fence, intent.fence, intent.leaf.type) == (1, 1, "deletion.intended")
    receipt = receipts.receive(intent, [(item, "deleted", "") for item in items])
    assert (receipt.status, receipt.probed, receipt.leaf.type) == ("done", False, "deletion.receipt")
    assert Step.objects.get().lease_until is None
    assert LedgerLeaf.objects.filter(type__startswith="deletion.").count() == 2


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (("deleted", "already_gone", "deleted"), "done"),
        (("deleted", "retry", "needs_person"), "partial"),
        (("retry", "needs_person", "retry"), "failed"),
    ],
)
def test_the_status_of_a_receipt_counts_what_is_gone(plan, results, status):
    items = list(plan.items.all())
    _, intent = begin(items)
    code = {"retry": "timeout", "needs_person": "forbidden"}
    rows = [(item, result, code.get(result, "")) for item, result in zip(items, results, strict=True)]
    assert receipts.receive(intent, rows).status == status


def test_if_the_intent_cannot_be_written_nothing_has_happened(plan, monkeypatch):
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=list(plan.items.all()))
    monkeypatch.setattr(receipts.audit, "append", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        receipts.intend(step, items=list(plan.items.all()), kind="batch")
    assert not Intent.objects.exists()
    assert Step.objects.get().fence == 0


def test_a_step_that_another_worker_has_taken_takes_no_intent(plan):
    items = list(plan.items.all())
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=items)
    Step.objects.update(fence=7)
    lost(receipts.intend, step, items=items, kind="batch")
    assert not Intent.objects.exists()


def test_no_intent_is_written_once_the_approval_is_gone(request_, plan, supervisor):
    items = list(plan.items.all())
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=items)
    approval.withdraw_approval(request_.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)
    with pytest.raises(Refused) as caught:
        receipts.intend(step, items=items, kind="batch")
    assert caught.value.code == "wrong_state"
    assert not Intent.objects.exists()


def test_one_intent_has_one_receipt(plan):
    items = list(plan.items.all())
    _, intent = begin(items)
    receipts.receive(intent, [(item, "deleted", "") for item in items])
    with pytest.raises(DatabaseError):
        receipts.receive(intent, [(item, "retry", "timeout") for item in items])
    assert Receipt.objects.count() == 1


# --- taking over -----------------------------------------------------------------------------------------------------


def test_a_step_is_taken_over_when_its_lease_has_run_out_and_not_before(plan, clock, settings):
    clock.move_to(timezone.now() + timedelta(days=1))
    items = list(plan.items.all())
    step, intent = begin(items)
    clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS) - timedelta(microseconds=1))
    assert receipts.take_over(step) is None
    clock.shift(timedelta(microseconds=1))
    taken = receipts.take_over(step)
    assert (taken, taken.step.fence) == (intent, 2)
    assert receipts.take_over(step) is None, "the successor's lease runs now"
    lost(receipts.receive, intent, [(item, "needs_person", "timeout") for item in items])
    receipts.receive(taken, [(item, "deleted", "") for item in items], probed=True)
    assert receipts.take_over(step) is None, "there is nothing left to settle"


def test_a_released_step_is_taken_over_at_once_and_a_late_release_frees_nothing(plan):
    items = list(plan.items.all())
    step, _ = begin(items)
    old = Step.objects.get()
    receipts.release(step)
    assert receipts.take_over(step) is not None
    receipts.release(old)
    assert Step.objects.get().lease_until is not None


def test_a_step_without_an_intent_has_nothing_to_settle(plan):
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=list(plan.items.all()))
    assert receipts.take_over(step) is None


# --- tries -----------------------------------------------------------------------------------------------------------


def retry(item, code):
    _, intent = begin([item])
    receipts.receive(intent, [(item, "retry", code)])


def test_tries_are_counted_and_the_last_one_ends_with_a_person(plan, settings):
    settings.PORTAL_MAX_ATTEMPTS = 3
    item, other = plan.items.all()[:2]
    retry(other, "timeout")
    for _ in range(2):
        assert receipts.failure(item, "server_error", permanent=False)[1] == "retry"
        retry(item, "server_error")
    assert receipts.failure(item, "server_error", permanent=False) == (item, "needs_person", "server_error")
    assert receipts.failure(other, "server_error", permanent=False)[1] == "retry", "each item has its own"


@pytest.mark.parametrize("code", sorted(receipts.NOT_SENT))
def test_what_was_never_sent_is_no_try(plan, settings, code):
    settings.PORTAL_MAX_ATTEMPTS = 2
    item = plan.items.first()
    for _ in range(3):
        retry(item, code)
    assert receipts.failure(item, code, permanent=False)[1] == "retry"
    assert receipts.failure(item, "timeout", permanent=False)[1] == "retry"


def test_what_cannot_get_better_ends_with_a_person_at_once(plan):
    item = plan.items.first()
    assert receipts.failure(item, "rejected", permanent=True) == (item, "needs_person", "rejected")


# --- what is left ----------------------------------------------------------------------------------------------------


def test_an_item_is_unfinished_until_its_own_latest_receipt_is_final(plan):
    first, second, third = plan.items.order_by("external_id")
    assert set(receipts.unfinished(plan)) == {first, second, third}, "no receipt at all"
    retry(first, "timeout")
    _, intent = begin([first, second])
    receipts.receive(intent, [(first, "deleted", ""), (second, "retry", "timeout")])
    assert set(receipts.unfinished(plan)) == {second, third}
    _, intent = begin([second])
    receipts.receive(intent, [(second, "needs_person", "timeout")])
    assert list(receipts.unfinished(plan)) == [third]
    assert {item.external_id: item.latest for item in receipts.with_latest(receipts.to_delete(plan))} == {
        "a": "deleted", "b": "needs_person", "c": None,
    }  # fmt: skip


def test_what_is_kept_is_never_to_be_deleted(system, centre, rooms):
    centre.hold("a", "voicemail")
    rooms.search(request := rooms.take())
    request.candidates.update(included=False, link="other_person")
    plan = rooms.freeze(request)
    assert plan.items.count() == 1
    assert not receipts.to_delete(plan).exists()


def test_systems_are_named_once_each(plan, system):
    assert receipts.systems_of(receipts.unfinished(plan)) == [system.pk]


# --- what turns up later ---------------------------------------------------------------------------------------------


def content(key):
    return Content(key, "transcript", "text/plain", 5, None)


def test_new_content_waits_and_is_noted_once(request_, plan):
    item = plan.items.get(external_id="a")
    assert receipts.discover(plan, [(item, [content("voicemail"), content("late")])]) == 1
    assert receipts.discover(plan, [(item, [content("voicemail"), content("late")])]) == 0
    row = Candidate.objects.get(content_key="late")
    assert (row.kind, row.included, row.external_id, row.link) == ("discovered", True, "a", "own_identifier")
    assert receipts.waiting(request_).get() == row
    assert LedgerLeaf.objects.filter(type="content.discovered").count() == 1


def test_what_staff_have_excluded_is_not_discovered_again(request_, plan):
    request_.candidates.filter(external_id="b").update(included=False, link="other_person")
    assert receipts.discover(plan, [(plan.items.get(external_id="b"), [content("voicemail")])]) == 0


def listed(request, *, digest, action="delete_interaction", ago=timedelta(0)):
    """A further list that holds the late content, frozen if it has a digest."""
    before = request.plans.order_by("-version").first()
    at = timezone.now() - ago
    made = Plan.objects.create(
        request=request, version=before.version + 1, kind="supplementary", salt=before.salt, created_at=at,
        created_by=before.created_by, scope_as_of=before.scope_as_of, expires_at=at + timedelta(days=1),
    )  # fmt: skip
    row = request.candidates.get(content_key="late")
    Item.objects.create(
        plan=made, system=row.system, content_class="transcript", external_id="a", content_key="late",
        occurred_at=row.occurred_at, direction="inbound", action=action, ground="own_identifier", commitment="0" * 64,
    )  # fmt: skip
    made.digest = digest
    made.save()
    return made


@pytest.mark.parametrize(
    ("digest", "action", "ago", "waits"),
    [
        ("", "keep", timedelta(0), True),  # not frozen
        ("e" * 64, "delete_interaction", timedelta(0), True),  # frozen, not approved
        ("e" * 64, "keep", timedelta(0), False),  # keeps everything and needs no approval
        ("e" * 64, "keep", timedelta(hours=1), True),  # from before it turned up
    ],
)
def test_it_waits_until_a_list_in_force_has_it(request_, plan, digest, action, ago, waits):
    receipts.discover(plan, [(plan.items.get(external_id="a"), [content("late")])])
    further = listed(request_, digest=digest, action=action, ago=ago)
    assert receipts.waiting(request_).exists() is waits
    assert (further in receipts.in_force(request_.pk)) is (digest != "" and action == "keep")


def test_an_approved_list_is_in_force_and_a_withdrawn_one_is_not(request_, plan, supervisor):
    assert list(receipts.in_force(request_.pk)) == [plan]
    approval.withdraw_approval(request_.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)
    assert list(receipts.in_force(request_.pk)) == []


def test_a_request_has_begun_with_its_first_receipt(request_, plan):
    assert not receipts.has_begun(request_)
    assert not receipts.carried_out(request_).exists()
    item = plan.items.first()
    _, intent = begin([item])
    assert list(receipts.carried_out(request_)) == [plan]
    receipts.receive(intent, [(item, "retry", "timeout")])
    assert receipts.has_begun(request_)
    assert ReceiptItem.objects.count() == 1
