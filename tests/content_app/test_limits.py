"""The door to an account: stop, breaker, rate limit, lease, all of them rows on the database's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from content_app import limits, systems
from content_app.connectors.base import ConnectorError
from content_app.models import Breaker, Bucket, Lease, System
from requests_app import clock
from requests_app.models import LedgerLeaf
from tests.factories import SystemFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
PURPOSES = ["read", "delete", "batch"]


@pytest.fixture
def now(monkeypatch):
    """The database's clock, which moves when somebody sleeps and no other way."""

    class Now:
        at = NOON
        slept = []
        meanwhile = staticmethod(lambda: None)

    def sleep(seconds):
        Now.slept.append(seconds)
        Now.at += timedelta(seconds=seconds)
        Now.meanwhile()

    Now.slept, Now.meanwhile = [], staticmethod(lambda: None)
    monkeypatch.setattr(clock, "now", lambda: Now.at)
    monkeypatch.setattr(limits.time, "sleep", sleep)
    monkeypatch.setattr(limits.random, "uniform", lambda low, high: high)
    return Now


@pytest.fixture
def limited(system, settings):
    """``limited(calls=…, batches=…)`` is the system with a rate limit that counts."""
    settings.PORTAL_RATE_LIMIT = True

    def told(**per_minute):
        System.objects.filter(pk=system.pk).update(**{f"{name}_per_minute": n for name, n in per_minute.items()})
        return system

    return told


def enter(system, purpose="read"):
    with limits.Gate(system.pk)(purpose):
        pass


def refusal(purpose, system):
    with pytest.raises(ConnectorError) as caught, limits.Gate(system.pk)(purpose):
        raise AssertionError("the call was made")
    return caught.value


def fail(system, code="timeout", times=1, **more):
    for _ in range(times):
        with pytest.raises(ConnectorError), limits.Gate(system.pk)("read"):
            raise ConnectorError(code, permanent=False, **more)


# --- the emergency stop and shadow mode ------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_stop_holds_before_every_call_also_in_the_middle_of_a_run(system, supervisor, purpose):
    gate = limits.Gate(system.pk)
    with gate(purpose):
        systems.stop(system.pk, actor=supervisor)
    with pytest.raises(ConnectorError) as caught, gate(purpose):
        raise AssertionError("the call was made")
    assert (caught.value.code, caught.value.permanent) == ("stopped", False)
    systems.resume(system.pk, actor=supervisor, reason="false_alarm")
    enter(system, purpose)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_stop_that_is_set_while_a_call_waits_its_turn_holds(limited, now, purpose):
    system = limited(calls=1, batches=1)
    enter(system, purpose)
    now.meanwhile = lambda: System.objects.filter(pk=system.pk).update(stopped=True)
    assert refusal(purpose, system).code == "stopped"
    assert now.slept


def test_a_system_that_returns_to_shadow_mode_while_a_delete_waits_is_not_deleted_from(limited, now):
    system = limited(batches=1)
    enter(system, "batch")
    now.meanwhile = lambda: System.objects.filter(pk=system.pk).update(shadow=True)
    assert refusal("batch", system).code == "read_only"
    assert Lease.objects.get().until is None


def test_in_shadow_mode_the_gate_refuses_a_delete_that_the_connector_would_make(centre):
    shadowed = SystemFactory.create()
    centre.hold("a", "voicemail")
    with systems.connected(shadowed) as connector:
        assert connector.get("a") is not None
        with pytest.raises(ConnectorError) as caught:
            connector.delete_content("a", "voicemail")
    assert caught.value.code == "read_only"
    assert centre.held == {"a": {"voicemail": "voicemail"}}
    assert centre.account.read_only


# --- the lease -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["delete", "batch"])
def test_one_delete_at_a_time(system, purpose):
    with limits.Gate(system.pk)(purpose):
        for other in ("delete", "batch"):
            error = refusal(other, system)
            assert (error.code, error.permanent, error.retry_after) == ("busy", False, 1)
        enter(system, "read")
    enter(system, purpose)


def test_a_system_that_takes_several_deletes_at_once_gets_as_many_and_no_more(system):
    System.objects.update(delete_parallel=3)
    two = limits.hold(system.pk, wanted=2)
    rest = limits.hold(system.pk, wanted=5)
    assert (two.width, rest.width) == (2, 1)
    assert refusal("delete", system).code == "busy"
    two.release()
    enter(system, "delete")


def test_fewer_deletes_at_once_count_from_the_next_one_on(system):
    System.objects.update(delete_parallel=3)
    limits.hold(system.pk, wanted=3).release()
    System.objects.update(delete_parallel=1)
    assert limits.hold(system.pk, wanted=3).width == 1


def test_the_lease_is_given_back_also_when_the_call_fails(system):
    with pytest.raises(ZeroDivisionError), limits.Gate(system.pk)("delete"):
        raise ZeroDivisionError
    assert Lease.objects.get().until is None


def test_a_dead_holder_is_followed_by_a_higher_fence_and_cannot_free_its_successors_lease(system, now):
    dead = limits.Gate(system.pk)("delete")
    dead.__enter__()
    first = Lease.objects.get()
    now.at = first.until - timedelta(microseconds=1)
    assert refusal("delete", system).code == "busy"
    now.at = first.until
    with limits.Gate(system.pk)("delete"):
        second = Lease.objects.get()
        assert second.fence == first.fence + 1
        dead.__exit__(None, None, None)
        assert Lease.objects.get().until == second.until > now.at
    assert Lease.objects.get().until is None


def test_the_lease_outlives_the_longest_call(system, now, settings):
    settings.PORTAL_LEASE_SECONDS, settings.PORTAL_CALL_DEADLINE = 1, 40
    with limits.Gate(system.pk)("delete"):
        assert Lease.objects.get().until == NOON + timedelta(seconds=80)


def test_a_lease_that_ran_while_its_holder_waited_its_turn_counts_from_the_call(limited, now, settings):
    system = limited(batches=2)
    enter(system, "batch")
    with limits.Gate(system.pk)("batch"):
        assert sum(now.slept) == 30
        assert Lease.objects.get().until == now.at + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)


def test_who_lost_the_lease_while_waiting_makes_no_call(limited, now):
    system = limited(batches=1)
    enter(system, "batch")
    taken = limits.uuid.uuid4()
    now.meanwhile = lambda: Lease.objects.update(holder=taken, until=now.at + timedelta(hours=1))
    assert refusal("batch", system).code == "busy"
    assert Lease.objects.get().until is not None, "the successor's"


# --- the rate limit --------------------------------------------------------------------------------------------------


def moments(system, now, purpose, count):
    times = []
    for _ in range(count):
        with limits.Gate(system.pk)(purpose):
            times.append((now.at - NOON).total_seconds())
    return times


def test_turns_come_at_the_accounts_pace_whoever_takes_them(limited, now):
    assert moments(limited(batches=15), now, "batch", 4) == [0, 4, 8, 12]


def test_no_minute_ever_sees_more_than_a_twentieth_above_the_pace(limited, now):
    system = limited(calls=154)
    now.at -= timedelta(hours=1)
    enter(system)
    now.at = NOON
    times = moments(system, now, "read", 500)
    assert max(sum(start <= at < start + 60 for at in times) for start in times) <= 160
    assert times[-1] <= 1.05 * 500 / 160 * 60


def test_no_transaction_is_open_while_somebody_waits_a_turn(transactional_db, limited, now):
    open_while_asleep = []
    now.meanwhile = lambda: open_while_asleep.append(connection.in_atomic_block)
    moments(limited(calls=2), now, "read", 3)
    assert open_while_asleep == [False, False]


def test_batches_and_calls_and_every_account_have_a_bucket_of_their_own(limited, connect, now):
    for one in (limited(calls=1, batches=1), connect()):
        enter(one, "read")
        enter(one, "batch")
    assert now.slept == []
    assert Bucket.objects.count() == 4


def test_deleting_one_file_is_a_call_like_any_other(limited, now):
    system = limited(calls=60, batches=1)
    enter(system, "read")
    enter(system, "delete")
    assert now.slept == [1]


# --- asked to wait ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["rate_limited", "server_error"])
def test_nobody_asks_again_before_the_time_that_the_system_named(system, now, code):
    fail(system, code, retry_after=90)
    error = refusal("read", system)
    assert (error.code, error.retry_after) == ("rate_limited", 90)
    now.at += timedelta(seconds=90)
    enter(system)


def test_a_short_pause_is_waited_for(system, now):
    fail(system, "rate_limited", retry_after=3)
    enter(system)
    assert now.slept == [3]


def test_too_many_requests_without_a_time_is_a_pause_and_no_outage(system, now):
    fail(system, "rate_limited")
    assert Breaker.objects.get().paused_until == NOON + timedelta(seconds=1.5 * limits.UNTOLD_PAUSE)
    assert Breaker.objects.get().failures == 0


# --- the circuit breaker ---------------------------------------------------------------------------------------------


def test_without_trouble_nothing_is_written(system, django_assert_max_num_queries):
    enter(system)
    with django_assert_max_num_queries(2):
        enter(system)
    assert not Breaker.objects.exists()


@pytest.mark.parametrize("code", sorted(limits.OUTAGES))
def test_five_failures_in_a_row_and_the_system_is_left_alone(system, now, code):
    fail(system, code, times=4)
    enter(system)
    fail(system, code, times=5)
    assert refusal("read", system).code == "paused"
    assert LedgerLeaf.objects.filter(type="breaker.opened").count() == 1


def test_more_than_half_of_twenty_failures_and_the_system_is_left_alone(system, now):
    for _ in range(5):
        fail(system, times=2)
        enter(system)
    assert Breaker.objects.get().position == "closed"
    fail(system)
    assert Breaker.objects.get().position == "open"


def test_a_system_that_refuses_a_call_with_sense_is_well(system, now):
    for code in ("forbidden", "unauthorised", "rejected"):
        fail(system, code, times=5)
    enter(system)


def test_after_its_rest_one_call_tries_and_the_others_wait(system, now):
    fail(system, times=5)
    now.at += timedelta(seconds=limits.FIRST_REST)
    with limits.Gate(system.pk)("read"):
        assert refusal("read", system).code == "paused"
    enter(system)
    assert LedgerLeaf.objects.filter(type="breaker.closed").count() == 1
    assert Breaker.objects.get().position == "closed"


def test_a_trial_that_fails_doubles_the_rest_and_whoever_died_on_trial_is_followed(system, now, settings):
    fail(system, times=5)
    now.at += timedelta(seconds=limits.FIRST_REST)
    fail(system)
    assert Breaker.objects.get().retry_at == now.at + timedelta(seconds=2 * limits.FIRST_REST)
    now.at += timedelta(seconds=2 * limits.FIRST_REST)
    limits.Gate(system.pk)("read").__enter__()
    assert refusal("read", system).code == "paused"
    now.at += timedelta(seconds=2 * settings.PORTAL_CALL_DEADLINE)
    enter(system)
    assert LedgerLeaf.objects.filter(type="breaker.opened").count() == 1


def test_another_system_is_not_touched(system, connect, now):
    fail(system, times=5)
    enter(connect())


# --- the retry budget ------------------------------------------------------------------------------------------------


def test_one_retry_in_ten_seconds_is_always_there(system, now):
    assert [limits.may_retry(system.pk), limits.may_retry(system.pk)] == [True, False]
    now.at += limits.RETRY_EVERY
    assert limits.may_retry(system.pk)


def test_ten_calls_earn_one_retry(system, now):
    assert limits.may_retry(system.pk)
    gate = limits.Gate(system.pk)
    for _ in range(20):
        with gate("read"):
            pass
    gate.close()
    assert [limits.may_retry(system.pk) for _ in range(3)] == [True, True, False]


# --- the clock -------------------------------------------------------------------------------------------------------


def test_the_databases_clock_is_a_clock(transactional_db):
    before = clock.now()
    after = clock.now()
    assert before <= after
    assert abs(datetime.now(UTC) - after) < timedelta(seconds=5)


# --- turns that are counted ------------------------------------------------------------------------------------------


def test_the_turns_of_the_last_minute_are_counted(now):
    bucket = Bucket()

    def take(count, *, after=0):
        now.at += timedelta(seconds=after)
        for name, value in bucket.counting(now.at, count).items():
            setattr(bucket, name, value)
        return bucket.taken(now.at)

    assert bucket.taken(now.at) == 0
    assert take(10) == 10
    assert take(20, after=30) == 30
    assert take(10, after=45) == pytest.approx(10 + 30 * 0.75), "a quarter of the next minute has passed"
    assert bucket.taken(now.at + timedelta(seconds=90)) == pytest.approx(10 * 0.25)
    assert bucket.taken(now.at + timedelta(hours=1)) == 0
    assert take(3, after=3600) == 3


def test_a_turn_is_counted_where_it_is_taken(now, settings):
    settings.PORTAL_RATE_LIMIT = True
    system = SystemFactory()
    for count in (1, 4):
        limits.turn(system.pk, "read", limits.standing(system.pk), count=count)
    bucket = Bucket.objects.get()
    assert (bucket.turns, bucket.lately, bucket.minute) == (5, 5, now.at)
