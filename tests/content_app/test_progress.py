"""How far the work is, how fast, and what holds it up: counted for many requests at once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from content_app import progress, receipts, verification
from content_app.models import Breaker, Errand, Receipt, Search, Step, Verification
from requests_app.models import Approval
from tests import factories, story
from tests.content_app import admin_story

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


@pytest.fixture
def approved(clock, staff, validator, supervisor):
    """``approved(count)``: a request with so many files approved."""

    def make(count=6):
        return admin_story.approved(staff, validator, supervisor, *[{} for _ in range(count)])

    return make


def answer(plan, count, outcome="deleted"):
    """Receipts of the next items that have none yet, ten seconds after their intent."""
    items = list(receipts.to_delete(plan).filter(receipts__isnull=True))[:count]
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=items)
    intent = receipts.intend(step, items=items, kind="batch")
    receipts.receive(intent, [(item, outcome, "" if outcome == "deleted" else "timeout") for item in items])


# --- deleting --------------------------------------------------------------------------------------------------------


def test_a_deletion_counts_final_outcomes_and_names_its_speed(approved, clock):
    case, plan = approved(6)
    answer(plan, 2)
    clock.shift(timedelta(minutes=1))
    answer(plan, 1, "retry")
    told = progress.of_one(case)
    assert (told.doing, told.unit, told.done, told.total, told.retries) == ("Deleting", "file", 2, 6, 1)
    assert told.rate == pytest.approx(2.0)
    assert told.left == timedelta(minutes=2)
    assert told.system == "Contact centre EMEA"


def test_a_speed_is_that_of_the_last_minutes(approved, clock):
    case, plan = approved(6)
    answer(plan, 4)
    clock.shift(timedelta(minutes=20))
    told = progress.of_one(case)
    assert (told.done, told.rate, told.left, told.left_in_words) == (4, None, None, "")
    answer(plan, 1)
    clock.shift(timedelta(minutes=2))
    assert progress.of_one(case).rate == pytest.approx(0.5)


def test_items_that_need_a_person_are_done_with(approved):
    case, plan = approved(2)
    answer(plan, 1, "needs_person")
    assert progress.of_one(case).done == 1


def test_another_try_is_counted_once(approved, clock):
    case, plan = approved(1)
    answer(plan, 1, "retry")
    step = Step.objects.get()
    items = list(plan.items.all())
    intent = receipts.intend(receipts.open_step(plan, kind=step.kind, items=items), items=items, kind="batch")
    receipts.receive(intent, [(items[0], "deleted", "")])
    told = progress.of_one(case)
    assert (told.done, told.total, told.retries) == (1, 1, 0)


# --- searching -------------------------------------------------------------------------------------------------------


def test_a_search_counts_look_ups_over_all_systems(clock, staff, validator):
    case = story.validated(staff, validator)
    now = timezone.now()
    first, second = (factories.SystemFactory(name=name) for name in ("Bonn", "Cork"))
    old = Search.objects.create(request=case, system=second, until=now, cursor=9, calls_expected=9, finished_at=now)
    Search.objects.filter(pk=old.pk).update(started_at=now - timedelta(days=1))
    Search.objects.create(request=case, system=first, until=now, cursor=40, calls_expected=40, finished_at=now)
    Search.objects.create(request=case, system=second, until=now, cursor=30, calls_expected=60)
    clock.shift(timedelta(minutes=2))
    told = progress.of_one(case)
    assert (told.doing, told.unit, told.done, told.total, told.system) == ("Searching", "look-up", 70, 100, "Cork")
    assert told.rate == pytest.approx(15)
    assert told.left_in_words == "about 2 minutes"


def test_a_shared_sweep_counts_its_calls(clock, staff, validator):
    case, now = story.validated(staff, validator), timezone.now()
    Search.objects.create(
        request=case, system=factories.SystemFactory(), until=now, way="sweep", cursor=5, calls_made=50,
        calls_expected=100,
    )  # fmt: skip
    clock.shift(timedelta(minutes=5))
    told = progress.of_one(case)
    assert (told.done, told.total, told.rate) == (50, 100, pytest.approx(10))


def test_a_search_that_is_over_rests(clock, staff, validator):
    assert progress.of_one(admin_story.found(staff, validator)) is None


# --- reading back ----------------------------------------------------------------------------------------------------


def test_reading_back_counts_its_own_round(approved, clock):
    case, plan = approved(5)
    admin_story.carried_out(plan)
    case.refresh_from_db()
    assert (progress.of_one(case).done, progress.of_one(case).rate) == (0, None)
    clock.shift(timedelta(minutes=2))
    items = list(receipts.to_delete(plan))
    verification._note(plan, [(items[4], Verification.Result.VERIFIED_ABSENT)], round_number=0)
    verification._note(plan, [(item, Verification.Result.VERIFIED_ABSENT) for item in items[:2]], round_number=1)
    told = progress.of_one(case)
    assert (told.doing, told.done, told.total, told.system) == ("Reading back", 2, 5, "Contact centre EMEA")
    assert told.rate == pytest.approx(1.0)
    assert Receipt.objects.exists()


def test_the_later_read_back_is_told_once_it_is_due(clock, staff, validator, supervisor):
    case, _ = admin_story.verified(staff, validator, supervisor, {}, {})
    Errand.objects.create(request=case, next_at=timezone.now(), again_at=timezone.now() + timedelta(days=7))
    assert progress.of_one(case) is None
    clock.shift(timedelta(days=8))
    told = progress.of_one(case)
    assert (told.doing, told.done, told.total) == ("Reading back again", 0, 2)


@pytest.mark.parametrize("state", ["received", "planned", "verified"])
def test_where_nobody_works_there_is_no_progress(state):
    trait = {} if state == "received" else {f"is_{state}": True}
    assert progress.of_one(factories.RequestFactory.create(**trait)) is None


# --- what holds it up ------------------------------------------------------------------------------------------------


def test_a_breaker_failures_and_the_next_try_are_told(approved, clock):
    case, plan = approved(2)
    now, system = timezone.now(), plan.items.first().system
    Errand.objects.create(request=case, next_at=now + timedelta(seconds=40), failures=3)
    Breaker.objects.create(
        system=system, position="open", reason="server_error", retry_at=now + timedelta(seconds=30),
        paused_until=now - timedelta(hours=1),
    )  # fmt: skip
    Breaker.objects.create(system=factories.SystemFactory(name="Another"), position="open")
    told = progress.of_one(case)
    assert (told.failures, told.next_at) == (3, now + timedelta(seconds=40))
    assert told.held == (
        progress.Held("Contact centre EMEA", "Left alone for a while", "server_error", now + timedelta(seconds=30)),
    )
    Breaker.objects.filter(system=system).update(position="closed", paused_until=now + timedelta(minutes=4))
    (held,) = progress.of_one(case).held
    assert (held.words, held.until) == ("Asked us to wait", now + timedelta(minutes=4))
    Breaker.objects.update(position="closed", paused_until=None)
    assert progress.of_one(case).held == ()


def test_while_a_worker_is_at_it_its_node_is_told_and_no_next_try(approved, clock):
    case, _ = approved(1)
    later = timezone.now() + timedelta(minutes=1)
    Errand.objects.create(request=case, next_at=later, lease_until=later, node="blue-1")
    told = progress.of_one(case)
    assert (told.node, told.next_at) == ("blue-1", None)


@pytest.mark.parametrize(
    ("left", "words"),
    [(30, "less than a minute"), (61, "about 1 minute"), (150, "about 2 minutes"), (7_300, "about 2 hours"),
     (400_000, "about 5 days")],
)  # fmt: skip
def test_what_is_left_is_said_in_words(left, words):
    told = progress.Progress("", "", 0, 0, 1.0, timedelta(seconds=left), "", 0, 0, None, "", ())
    assert told.left_in_words == words


# --- which -----------------------------------------------------------------------------------------------------------


def test_what_is_at_work_is_found_and_what_rests_is_not(approved, clock, staff, validator, supervisor):
    now = timezone.now()
    deleting, _ = approved(1)
    Errand.objects.create(request=deleting, next_at=now)
    delayed, _ = approved(1)
    Errand.objects.create(request=delayed, next_at=now + timedelta(hours=12))
    blocked, _ = approved(1)
    Errand.objects.create(request=blocked, next_at=now, attention="shadow")
    paused, _ = approved(1)
    Errand.objects.create(request=paused, next_at=now + timedelta(minutes=14), attention="paused", failures=4)
    searching = story.validated(staff, validator)
    Search.objects.create(request=searching, system=factories.SystemFactory(retired=True), until=now, calls_expected=4)
    admin_story.found(staff, validator)
    held, _ = admin_story.verified(staff, validator, supervisor)
    Errand.objects.create(request=held, next_at=now, again_at=now, lease_until=now + timedelta(minutes=1))
    assert {case.pk for case in progress.at_work()} == {deleting.pk, paused.pk, searching.pk, held.pk}


def test_many_cost_as_many_questions_as_one(approved, clock, django_assert_num_queries, staff, validator):
    def more():
        case, plan = approved(2)
        answer(plan, 1)
        other, plan = approved(2)
        admin_story.carried_out(plan)
        searching = story.validated(staff, validator)
        system = factories.SystemFactory(retired=True)
        Search.objects.create(request=searching, system=system, until=timezone.now(), calls_expected=4)
        for one in (case, other, searching):
            Errand.objects.create(request=one, next_at=timezone.now())

    more()
    with CaptureQueriesContext(connection) as few:
        assert len(progress.of(progress.at_work())) == 3
    more()
    more()
    with django_assert_num_queries(len(few)):
        assert len(progress.of(progress.at_work())) == 9
    assert Approval.objects.count() == 6
