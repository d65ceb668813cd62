"""Room 5: every gate before a delete, and that nothing is ever deleted that the second person did not approve."""

from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from content_app import execution, planning, receipts
from content_app.connectors.base import Check, ConnectorError
from content_app.models import Breaker, Intent, Item, Receipt, ReceiptItem, Step, System, Verification
from requests_app import approval
from requests_app.errors import Refused
from requests_app.models import Approval, ApprovalBar
from tests.centre import Centre, plug
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db

RECORDING, SCREEN = "callRecording", "screenRecording"


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code


@contextmanager
def behind_the_portal():
    """What somebody who owns the database can do."""
    connection.check_constraints()
    with guards_aside(connection):
        yield
        connection.check_constraints()


def deletes(centre):
    """Every call to delete, whatever came of it."""
    return [entry for entry in centre.log if entry[0].startswith("delete")]


def outcomes(**which):
    """(interaction, key) → its latest outcome and code."""
    rows = ReceiptItem.objects.filter(**which).order_by("pk")
    return {(row.item.external_id, row.item.content_key): (row.outcome, row.code) for row in rows}


def choose(request, by, link, **which):
    ids = list(request.candidates.filter(**which).values_list("pk", flat=True))
    return planning.choose(request.pk, actor=by, candidate_ids=ids, link=link)


# --- the gates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["received", "validated", "planned", "executed"])
def test_only_an_approved_request_is_carried_out(approved, rooms, centre, state):
    request = approved()
    with behind_the_portal():
        type(request).objects.filter(pk=request.pk).update(**{"state": state})
    refused("wrong_state", rooms.execute, request)
    assert centre.log == []


def test_a_withdrawn_approval_is_none(approved, rooms, centre, supervisor):
    request = approved()
    approval.withdraw_approval(request.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)
    refused("wrong_state", rooms.execute, request)
    assert centre.log == []


def test_an_approval_that_is_withdrawn_while_a_run_begins_holds_before_the_first_act(
    approved, rooms, centre, supervisor
):
    request = approved()

    def withdraw(entry):
        if entry == ("get", "a"):
            approval.withdraw_approval(request.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)

    centre.before = withdraw
    refused("wrong_state", rooms.execute, request)
    assert deletes(centre) == []
    assert not Intent.objects.exists()


def test_until_the_time_to_withdraw_is_over_nothing_is_sent(approved, rooms, centre, clock):
    request = approved()
    with behind_the_portal():
        Approval.objects.update(execute_after=timezone.now() + timedelta(hours=2))
    clock.shift(timedelta(hours=2, microseconds=-1))
    refused("not_yet", rooms.execute, request)
    assert centre.log == []
    clock.shift(timedelta(microseconds=1))
    assert rooms.execute(request)


def test_whoever_was_barred_after_approving_has_not_approved(approved, rooms, centre, supervisor):
    request = approved()
    ApprovalBar.objects.create(request=request, user=supervisor, ground="set_hold")
    refused("barred", rooms.execute, request)
    assert centre.log == []


@pytest.mark.parametrize(
    "change",
    [
        lambda request: Item.objects.filter(external_id="a").update(external_id="x"),
        lambda request: Item.objects.filter(external_id="a").update(action="keep"),
        lambda request: request.plans.update(digest="e" * 64),
        lambda request: request.approvals.update(digest="e" * 64),
        lambda request: type(request).objects.filter(pk=request.pk).update(plan_digest="e" * 64),
        lambda request: request.plans.update(expires_at=timezone.now() + timedelta(days=365)),
    ],
    ids=["another item", "another action", "the list's", "the approval's", "the request's", "the header"],
)
def test_four_digests_that_differ_anywhere_stop_everything(approved, rooms, centre, change):
    request = approved()
    with behind_the_portal():
        change(request)
    refused("digest", rooms.execute, request)
    assert centre.log == []


def test_an_approval_that_names_another_requests_list_carries_out_nothing(approved, rooms, centre, staff, connect):
    request, another = approved(), approved(c=("voicemail",))
    centre.log.clear()
    with behind_the_portal():
        Approval.objects.filter(request=another).delete()
        Approval.objects.filter(request=request).update(plan_id=another.plans.get().pk)
    with pytest.raises(Exception, match="matching query does not exist"):
        rooms.execute(request)
    assert centre.log == []


def test_a_self_test_that_fails_comes_before_any_look(approved, rooms, centre):
    request = approved()
    centre.checks = [Check("login", True), Check("delete_scope", False, "Ask for the scope")]
    with pytest.raises(Refused, match="Ask for the scope"):
        rooms.execute(request)
    assert [entry[0] for entry in centre.log] == ["self_test", "close"]


def test_a_self_test_that_nobody_answered_is_an_outage_and_no_matter_of_credentials(approved, rooms, centre):
    request = approved()
    centre.checks = [Check("login", False, "The system could not be reached", outage="unreachable")]
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(request)
    assert (caught.value.code, caught.value.permanent) == ("unreachable", False)
    assert deletes(centre) == []


@pytest.mark.parametrize(("change", "code"), [({"stopped": True}, "stopped"), ({"shadow": True}, "read_only")])
def test_a_system_that_is_stopped_or_in_shadow_mode_is_not_even_asked(approved, rooms, centre, change, code):
    request = approved()
    System.objects.update(**change)
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(request)
    assert caught.value.code == code
    assert centre.log == []


@pytest.mark.parametrize(("change", "code"), [({"stopped": True}, "stopped"), ({"shadow": True}, "read_only")])
def test_a_stop_in_the_middle_of_a_run_holds_before_the_next_delete(approved, rooms, centre, change, code):
    request = approved(a=("voicemail",), b=("voicemail",))
    centre.after = lambda entry: entry == ("get", "b") and System.objects.update(**change)
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(request)
    assert caught.value.code == code
    assert deletes(centre) == [("delete_interactions", "a")]
    assert outcomes()["b", "voicemail"] == ("retry", code), "it was not sent, and does not use up a try"
    System.objects.update(stopped=False, shadow=False)
    centre.after = lambda entry: None
    assert rooms.execute(request)


# --- what is deleted -------------------------------------------------------------------------------------------------


def test_what_is_kept_is_never_touched(system, centre, rooms, validator):
    centre.hold("a", RECORDING, "transcript")
    centre.hold("b", "voicemail")
    rooms.search(request := rooms.take())
    choose(request, validator, "other_person", external_id="a", content_class="transcript")
    choose(request, validator, "out_of_scope", external_id="b")
    rooms.approve(request, rooms.freeze(request))
    assert rooms.execute(request)
    assert deletes(centre) == [("delete_content", "a", RECORDING)]
    assert centre.held == {"a": {"transcript": "transcript"}, "b": {"voicemail": "voicemail"}}


def test_content_that_turned_up_before_the_look_is_not_deleted_and_waits(approved, rooms, centre):
    """The look is just before the act. What appears between the two goes with its interaction; nothing can see it."""
    request = approved(a=("voicemail", "transcript"))
    centre.held["a"]["summary"] = "conversationSummary"
    assert rooms.execute(request)
    assert centre.held == {"a": {"summary": "conversationSummary"}}
    assert deletes(centre) == [("delete_content", "a", "transcript"), ("delete_content", "a", "voicemail")]
    assert receipts.waiting(request).get().content_key == "summary"


def test_what_would_take_unseen_content_along_is_left_to_a_person(approved, rooms, centre):
    """A call recording takes its screen recording with it, and nobody has approved that one."""
    request = approved(a=(RECORDING, "transcript"))
    centre.held["a"][SCREEN] = SCREEN
    rooms.executed(request)
    assert centre.held == {"a": {RECORDING: RECORDING, SCREEN: SCREEN}}
    assert outcomes() == {("a", RECORDING): ("needs_person", "goes_with"), ("a", "transcript"): ("deleted", "")}
    assert rooms.read_back(request)
    rooms.approve(request, rooms.freeze(request))
    assert rooms.execute(request)
    assert not centre.held.get("a")


def test_one_batch_takes_whole_interactions_and_the_first_goes_alone(approved, rooms, centre):
    many = {f"call-{number:03}": ("voicemail", "transcript") for number in range(120)}
    request = approved(**many)
    assert rooms.execute(request)
    batches = [entry[1:] for entry in deletes(centre)]
    assert [len(batch) for batch in batches] == [1, 50, 50, 19]
    assert sorted(one for batch in batches for one in batch) == sorted(many)
    first = centre.log.index(("delete_interactions", *batches[0]))
    assert centre.log[first + 1] == ("get", *batches[0]), "read back before anything else"
    assert Verification.objects.filter(round=0).count() == 1


def test_a_run_that_died_before_it_read_the_trial_back_reads_back_before_it_goes_on(approved, rooms, centre):
    request = approved(a=("voicemail",), b=("voicemail",))
    gets = []

    def dies(entry):
        if entry == ("get", "a"):
            gets.append(1)
            if len(gets) == 2:
                raise ConnectorError("unreachable", permanent=False)

    centre.before = dies
    with pytest.raises(ConnectorError):
        rooms.execute(request)
    centre.stubborn.add("a")
    centre.hold("a", "voicemail")
    refused("trial_failed", rooms.execute, request)
    assert deletes(centre) == [("delete_interactions", "a")]


def test_a_budget_counts_interactions_and_the_next_run_goes_on(approved, rooms, centre):
    request = approved(**{f"call-{number}": ("voicemail", "transcript") for number in range(7)})
    assert [rooms.execute(request, budget=3) for _ in range(3)] == [False, False, True]
    assert len([one for entry in deletes(centre) for one in entry[1:]]) == 7


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [
        ("server_error", "server_error", "retry"),
        ("forbidden", "forbidden", "needs_person"),
        (None, "", "deleted"),
    ],
)
def test_each_answer_becomes_its_outcome(approved, rooms, centre, settings, answer, code, outcome):
    settings.PORTAL_MAX_ATTEMPTS = 10
    request = approved(a=("voicemail",))
    if answer == "forbidden":
        centre.forbidden.add("a")
    elif answer:
        centre.failing["a"] = answer
    with suppress(ConnectorError):  # what is to be tried again ends the run
        rooms.execute(request, budget=1)
    assert outcomes() == {("a", "voicemail"): (outcome, code)}


def test_what_is_not_there_any_more_is_already_gone_and_nothing_is_sent(approved, rooms, centre):
    request = approved()
    centre.held.clear()
    assert rooms.execute(request)
    assert deletes(centre) == []
    assert {outcome for outcome, _ in outcomes().values()} == {"already_gone"}
    assert all(receipt.probed for receipt in Receipt.objects.all())


def test_an_item_that_fails_again_and_again_ends_with_a_person_and_the_rest_goes_on(approved, rooms, centre, settings):
    settings.PORTAL_MAX_ATTEMPTS = 3
    request = approved(**{name: ("voicemail",) for name in "abc"})
    centre.failing["b"] = "server_error"
    for last in (False, False, True):
        with pytest.raises(ConnectorError, match="fault of its own") if not last else nullcontext():
            rooms.execute(request)
    assert execution.run(request.pk, budget=10, beat=rooms.beat)
    assert outcomes()["b", "voicemail"] == ("needs_person", "server_error")
    assert len([entry for entry in deletes(centre) if "b" in entry]) == 3
    assert set(centre.held) == {"b"}


@pytest.mark.parametrize(
    ("code", "permanent", "settled", "outcome"),
    [
        ("timeout", False, False, None),
        ("malformed", False, False, None),
        ("cut_off", False, False, None),
        ("too_large", True, False, None),
        ("unreachable", False, True, "retry"),
        ("rate_limited", False, True, "retry"),
        ("unauthorised", True, True, "retry"),
        ("rejected", True, True, "needs_person"),
    ],
)
def test_a_call_that_fails_as_a_whole_stays_unknown_unless_it_was_surely_not_carried_out(
    approved, rooms, centre, code, permanent, settled, outcome
):
    request = approved(a=("voicemail",))

    def fails(entry):
        if entry[0] == "delete_interactions":
            raise ConnectorError(code, permanent=permanent)

    centre.before = fails
    with pytest.raises(ConnectorError):
        rooms.execute(request)
    assert Receipt.objects.exists() is settled
    assert [row.outcome for row in ReceiptItem.objects.all()] == ([outcome] if outcome else [])
    assert Step.objects.get().lease_until is None, "the next run may ask at once"
    centre.before = lambda entry: None
    Breaker.objects.all().delete()  # as if the time for which the system asked were over
    assert rooms.execute(request)
    assert bool(centre.held.get("a")) is (outcome == "needs_person")


def test_several_systems_each_delete_their_own(connect, monkeypatch, rooms):
    first, second = Centre(), Centre()
    plug(monkeypatch, by_name={"A": first, "B": second})
    connect(name="A")
    connect(name="B")
    for centre in (first, second):
        centre.hold("same-id", "voicemail")
    second.hold("only-there", "transcript")
    request = rooms.approved()
    assert rooms.execute(request)
    assert {one for entry in deletes(first) for one in entry[1:]} == {"same-id"}
    assert {one for entry in deletes(second) for one in entry[1:]} == {"same-id", "only-there"}
    assert Verification.objects.filter(round=0).count() == 2, "each system has a trial of its own"
