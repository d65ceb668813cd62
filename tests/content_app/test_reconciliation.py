"""Three accounts of every deletion are compared, and behind the guards each difference is made and named."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from content_app import reconciliation
from content_app.models import Intent, Item, Plan, Receipt, ReceiptItem, Step, StepItem, Verification
from content_app.reconciliation import gathering
from requests_app import audit, sequencer, transitions
from requests_app.models import Approval, ApprovalWithdrawal, LedgerLeaf, Request
from requests_app.states import State
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db


@pytest.fixture
def walked(system, centre, rooms):
    """``walked("a", "b")`` is a request whose voicemails were deleted, read back twice, and told of."""

    def made(*names):
        for name in names:
            centre.hold(name, "voicemail")
        request = rooms.approved()
        rooms.executed(request)
        assert rooms.read_back(request)
        transitions.move(request.pk, seen=State.EXECUTED, to=State.VERIFIED, actor=audit.WORKER)
        assert rooms.read_back(request, round_number=2)
        sequencer.drain()
        request.refresh_from_db()
        return request

    return made


@pytest.fixture
def request_(walked):
    return walked("a", "b", "c")


def codes(request):
    return {difference.code for difference in reconciliation.of(request.pk).differences}


def behind_the_guards(act, request):
    with guards_aside(connection):
        act(request)


# --- when everything fits --------------------------------------------------------------------------------------------


def test_a_request_whose_accounts_agree_has_no_difference(request_):
    account = reconciliation.of(request_.pk)
    assert account.differences == ()
    assert (account.intents, account.receipts) == (2, 2), "the trial alone, then the rest"
    assert account.readings == 1 + 3 + 3
    line = account.lines[0]
    assert (line.to_delete, line.intended, line.final, line.gone, line.absent) == (3, 3, 3, 3, 3)


def test_a_request_that_is_being_carried_out_has_none_either(system, centre, rooms):
    for name in "abcd":
        centre.hold(name, "voicemail")
    request = rooms.approved()
    assert codes(request) == set()
    rooms.execute(request, budget=2)
    assert codes(request) == set()


def test_an_answer_that_was_lost_is_said_to_be_open_and_is_no_fault(request_, system, centre, rooms):
    centre.hold("d", "voicemail")

    def die(entry):
        if entry[0].startswith("delete"):
            raise SystemExit

    other = rooms.approved(identifiers=[("phone", "+447700900123")])
    centre.after = die
    with pytest.raises(SystemExit):
        rooms.execute(other)
    account = reconciliation.of(other.pk)
    assert [one.code for one in account.differences] == ["open_intent"]
    assert account.faults == 0


# --- each difference -------------------------------------------------------------------------------------------------


def entry(name):
    return LedgerLeaf.objects.filter(type=name).order_by("id")


def append(name, request, **facts):
    audit.append(name, actor=audit.WORKER, about=request, **facts)


def an_intent_loses_its_entry(request):
    Intent.objects.filter(pk=Intent.objects.earliest("pk").pk).update(leaf=entry("plan.frozen").first())


def an_intent_is_invented_in_the_ledger(request):
    plan = request.plans.get()
    append("deletion.intended", request, plan=plan.pk, step=uuid7(), fence=1, items=1, kind="batch", digest="a" * 64)


def a_receipt_disappears(request):
    receipt = Receipt.objects.latest("pk")
    ReceiptItem.objects.filter(receipt=receipt).delete()
    receipt.delete()


def a_receipt_is_given_to_an_intent_of_nobody(request):
    """To one of a step that belongs to another request, which is not looked at."""
    other = Request.objects.exclude(pk=request.pk).get()
    item = Item.objects.filter(plan__request=request).first()
    plan = Plan.objects.create(
        request=other, version=9, scope_as_of=timezone.now(), created_at=timezone.now(), expires_at=timezone.now(),
        created_by=request.opened_by, salt=b"s" * 32,
    )  # fmt: skip
    step = Step.objects.create(plan=plan, system=item.system, kind="batch")
    elsewhere = Intent.objects.create(step=step, fence=1, leaf=entry("request.received").get(object_id=other.pk))
    Receipt.objects.filter(pk=Receipt.objects.earliest("pk").pk).update(intent=elsewhere)


def a_receipt_loses_its_entry(request):
    Receipt.objects.filter(pk=Receipt.objects.earliest("pk").pk).update(leaf=entry("plan.frozen").first())


def a_receipt_is_invented_in_the_ledger(request):
    append(
        "deletion.receipt", request, plan=request.plans.get().pk, step=uuid7(), fence=1, status="done", deleted=1,
        already_gone=0, failed=0, probed=0, digest="a" * 64,
    )  # fmt: skip


def a_receipt_stands_before_its_intent(request):
    """The two entries change their numbers."""
    intent = Intent.objects.earliest("pk")
    first, second = intent.leaf.index, intent.receipt.leaf.index
    low, high = first.seq, second.seq
    rows = type(first).objects
    rows.filter(pk=low).update(seq=10_000)
    rows.filter(pk=high).update(seq=low)
    rows.filter(pk=10_000).update(seq=high)


def an_outcome_is_changed(request):
    ReceiptItem.objects.filter(pk=ReceiptItem.objects.latest("pk").pk).update(outcome="already_gone")


def an_outcome_is_made_a_failure(request):
    ReceiptItem.objects.filter(pk=ReceiptItem.objects.latest("pk").pk).update(outcome="retry")


def an_outcome_disappears(request):
    ReceiptItem.objects.latest("pk").delete()


def an_outcome_is_added(request):
    first, last = Receipt.objects.earliest("pk"), Receipt.objects.latest("pk")
    ReceiptItem.objects.create(receipt=last, item=first.items.get().item, outcome="deleted")


def an_outcome_is_of_another_list(request):
    other = Item.objects.exclude(plan__request=request).first()
    ReceiptItem.objects.filter(pk=ReceiptItem.objects.latest("pk").pk).update(item=other)


def an_outcome_is_of_a_kept_item(request):
    Item.objects.filter(pk=ReceiptItem.objects.latest("pk").item_id).update(action="keep")


def an_item_is_slipped_into_a_step(request):
    step = Step.objects.earliest("pk")
    other = Item.objects.filter(plan__request=request).exclude(step_items__step=step).first()
    StepItem.objects.create(step=step, item=other)


def a_status_is_changed(request):
    Receipt.objects.filter(pk=Receipt.objects.latest("pk").pk).update(status="failed")


def a_reading_disappears(request):
    Verification.objects.filter(round=1).latest("pk").delete()


def all_readings_of_a_round_disappear(request):
    Verification.objects.filter(round=2).delete()


def a_reading_is_changed(request):
    Verification.objects.filter(pk=Verification.objects.filter(round=1).latest("pk").pk).update(result="reappeared")


def a_reading_loses_its_entry(request):
    pk = Verification.objects.filter(round=1).latest("pk").pk
    Verification.objects.filter(pk=pk).update(leaf=entry("plan.frozen").first())


def a_kept_item_is_read_back(request):
    Item.objects.filter(pk=Verification.objects.latest("pk").item_id).update(action="keep")


def an_approval_is_invented_in_the_ledger(request):
    append("approval.given", request, plan=uuid7(), digest="a" * 64, execute_after=timezone.now())


def an_approval_loses_its_entry(request):
    Approval.objects.update(plan_id=uuid7())


def an_approval_is_of_another_list(request):
    Approval.objects.filter(request=request).update(digest="b" * 64)


def a_line_of_the_list_is_changed(request):
    Item.objects.filter(pk=Item.objects.filter(plan__request=request).first().pk).update(external_id="z")


def a_list_gets_another_fingerprint(request):
    Plan.objects.filter(request=request).update(digest="c" * 64)


def _rewrite(leaf, change):
    """As somebody would who owns the database: the entry and its hash, consistently."""
    body = audit.json.loads(bytes(leaf.leaf))
    change(body)
    text = audit.rfc8785.dumps(body)
    LedgerLeaf.objects.filter(pk=leaf.pk).update(leaf=text, hash=audit.tlog.leaf_hash(text))


def the_frozen_list_is_forgotten_in_the_ledger(request):
    _rewrite(entry("plan.frozen").get(object_id=request.pk), lambda body: body["facts"].update(plan=str(uuid7())))


def the_delay_of_the_approval_is_made_longer(request):
    later = audit._instant(timezone.now() + timedelta(hours=12))
    _rewrite(entry("approval.given").get(object_id=request.pk), lambda body: body["facts"].update(execute_after=later))


def the_approval_is_taken_back_before_the_act(request):
    """The entry of the withdrawal gets a number below that of the acts."""
    approval = Approval.objects.get(request=request)
    ApprovalWithdrawal.objects.create(approval=approval, reason="mistake")
    append("approval.withdrawn", request, plan=approval.plan_id, reason="mistake")
    sequencer.drain()
    rows = type(Intent.objects.earliest("pk").leaf.index).objects
    last, first = rows.latest("seq"), Intent.objects.earliest("pk").leaf.index
    low = first.seq
    rows.filter(pk=low).update(seq=10_000)
    rows.filter(pk=last.seq).update(seq=low)


def the_approval_comes_after_the_act(request):
    index = entry("approval.given").get(object_id=request.pk).index
    type(index).objects.filter(pk=index.seq).update(seq=10_000)


def the_approval_disappears_from_the_ledger(request):
    _rewrite(entry("approval.given").get(object_id=request.pk), lambda body: body["facts"].update(plan=str(uuid7())))


MADE = {
    an_intent_loses_its_entry: {"intent_without_leaf", "leaf_without_intent"},
    an_intent_is_invented_in_the_ledger: {"leaf_without_intent"},
    a_receipt_disappears: {"intent_without_receipt", "leaf_without_receipt", "no_final_outcome"},
    a_receipt_is_given_to_an_intent_of_nobody: {"receipt_without_intent", "intent_without_receipt"},
    a_receipt_loses_its_entry: {"receipt_without_leaf", "leaf_without_receipt"},
    a_receipt_is_invented_in_the_ledger: {"leaf_without_receipt"},
    a_receipt_stands_before_its_intent: {"receipt_before_intent"},
    an_outcome_is_changed: {"counts_differ", "digest_differs"},
    an_outcome_is_made_a_failure: {"counts_differ", "digest_differs", "status_differs", "no_final_outcome"},
    an_outcome_disappears: {"counts_differ", "digest_differs", "no_outcome", "no_final_outcome"},
    an_outcome_is_added: {"counts_differ", "digest_differs", "not_intended", "two_finals"},
    an_outcome_is_of_another_list: {"digest_differs", "not_on_list", "no_outcome", "no_final_outcome"},
    an_outcome_is_of_a_kept_item: {"list_differs", "not_on_list", "read_back_not_on_list"},
    an_item_is_slipped_into_a_step: {"counts_differ", "digest_differs", "no_outcome"},
    a_status_is_changed: {"status_differs"},
    a_reading_disappears: {"counts_differ", "digest_differs"},
    all_readings_of_a_round_disappear: {"leaf_without_reading"},
    a_reading_is_changed: {"counts_differ", "digest_differs"},
    a_reading_loses_its_entry: {"reading_without_leaf", "counts_differ", "digest_differs"},
    a_kept_item_is_read_back: {"list_differs", "not_on_list", "read_back_not_on_list"},
    an_approval_is_invented_in_the_ledger: {"leaf_without_approval"},
    an_approval_loses_its_entry: {"approval_without_leaf", "leaf_without_approval"},
    an_approval_is_of_another_list: {"approved_other_list"},
    a_line_of_the_list_is_changed: {"list_differs"},
    a_list_gets_another_fingerprint: {"list_differs", "approved_other_list"},
    the_frozen_list_is_forgotten_in_the_ledger: {"list_without_leaf"},
    the_delay_of_the_approval_is_made_longer: {"act_before_window"},
    the_approval_is_taken_back_before_the_act: {"act_after_withdrawal", "receipt_before_intent"},
    the_approval_comes_after_the_act: {"act_before_approval"},
    the_approval_disappears_from_the_ledger: {"act_unapproved", "approval_without_leaf", "leaf_without_approval"},
}


@pytest.mark.parametrize("act", MADE, ids=lambda act: act.__name__)
def test_it_is_named(act, request_, rooms, centre):
    centre.hold("other", "voicemail")
    other = rooms.take(identifiers=[("phone", "+447700900123")])
    rooms.search(other)
    rooms.freeze(other)
    sequencer.drain()
    assert codes(request_) == set()
    behind_the_guards(act, request_)
    assert codes(request_) == MADE[act]
    for difference in reconciliation.of(request_.pk).differences:
        assert difference.id in difference.words


def test_every_difference_that_has_words_is_made_by_a_test():
    made = set().union(*MADE.values()) | {"open_intent", "never_read_back", "unknown_request"}
    assert made == set(reconciliation.WORDS)


def test_a_request_that_moved_on_before_everything_was_read_back_is_named(request_):
    behind_the_guards(lambda request: Verification.objects.exclude(round=0).delete(), request_)
    assert "never_read_back" in codes(request_)


def test_an_entry_about_a_request_that_is_not_there_is_named(request_):
    nobody = uuid7()
    append("deletion.intended", nobody, plan=uuid7(), step=uuid7(), fence=1, items=1, kind="batch", digest="a" * 64)
    assert [(one.code, one.id) for one in reconciliation.strangers()] == [("unknown_request", str(nobody))]


# --- over all --------------------------------------------------------------------------------------------------------


def test_over_all_it_goes_portion_by_portion_and_misses_nobody(walked, centre):
    made = [walked(f"{number}") for number in range(5)]
    first = reconciliation.portion(budget=3)
    second = reconciliation.portion(first.after, budget=3)
    assert second.after is None
    seen = [account.request.pk for account in (*first.accounts, *second.accounts)]
    assert seen == sorted(request.pk for request in made)
    assert [account.request.pk for account in reconciliation.everything()] == seen


def test_more_requests_cost_no_more_queries(walked, django_assert_num_queries):
    one = walked("one")
    with django_assert_num_queries(11):
        gathering.gather([one.pk])
    more = [walked(f"{number}").pk for number in range(4)]
    with django_assert_num_queries(11):
        assert len(gathering.gather([one.pk, *more])) == 5


def test_the_command_names_what_it_finds_and_fails(request_, capsys):
    call_command("reconcile")
    assert "1 requests, 2 intents, 2 receipts, 0 differences." in capsys.readouterr().out
    call_command("reconcile", "--request", request_.reference.lower())
    behind_the_guards(a_status_is_changed, request_)
    with pytest.raises(CommandError):
        call_command("reconcile")
    assert f"{request_.reference}: The status of receipt" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no request"):
        call_command("reconcile", "--request", "DSR-0000-0000")


def test_a_difference_carries_a_real_id(request_):
    behind_the_guards(a_status_is_changed, request_)
    (difference,) = reconciliation.of(request_.pk).differences
    assert UUID(difference.id) == Receipt.objects.latest("pk").pk
