"""The door to an account: what is asked before every single call, and what is learnt from its answer.

In:  a system, a purpose, the answer or the error that came of the call.
Out: leave to make the call, after as long a wait as the account's rate limit wants; or a ``ConnectorError`` that
     forbids it: stopped, shadow mode, paused, asked to wait, busy.
Never here: this machine's clock, a count in this process's memory, an open transaction while anybody waits.

The order: emergency stop, circuit breaker, rate limit, and for a delete the lease. All of it is rows, so that workers
on several hosts share them. ``docs/connectors.md`` has the numbers of breaker and budget.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Q, QuerySet
from django.db.models.functions import Least

from content_app.connectors.base import ConnectorError, Purpose
from content_app.models import Breaker, Bucket, Lease, Safeguard, System
from requests_app import audit, clock

#: Codes of an account that is in trouble; any other says that it is well and does not want this call.
OUTAGES = frozenset({"unreachable", "timeout", "cut_off", "server_error", "malformed"})
#: Codes by which this door forbids a call: nothing was sent, so nothing is learnt.
FORBIDDEN = frozenset({"stopped", "read_only", "paused", "busy"})
#: Calls in a row that may fail, and how many of the last twenty, before the account is left alone.
FAILURES, OF_TWENTY = 5, 10
_TWENTY = (1 << 20) - 1
#: Seconds that an account is left alone: the first time, and at most.
FIRST_REST, LONGEST_REST = 30.0, 900.0
#: Seconds to wait after "too many requests" without a word on how long.
UNTOLD_PAUSE = 10.0
#: Longest pause that is waited for here; for a longer one the work goes back in line.
SHORT = 5.0
#: Share of a minute's turns that nobody took and that may be caught up at once.
CATCH_UP = 0.03
#: Share of calls that may be retries; beside them one every so many seconds, and at most so many saved up.
RETRY_SHARE, RETRY_EVERY, MOST_RETRIES = 0.1, timedelta(seconds=10), 50.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of an account right now."""

    #: The emergency stop is set, of this system or of all.
    stopped: bool
    retired: bool
    shadow: bool
    calls: float
    batches: float
    parallel: int
    position: str
    retry_at: datetime | None
    paused_until: datetime | None
    #: The breaker has nothing to forget.
    clean: bool


def standing(system_id: UUID) -> Standing:
    """The account's switches, limits and breaker, in one look."""
    row = System.objects.values_list(
        Q(stopped=True) | Exists(Safeguard.objects.filter(stopped=True)),
        "retired", "shadow", "calls_per_minute", "batches_per_minute", "delete_parallel",
        "breaker__position", "breaker__retry_at", "breaker__paused_until", "breaker__failures", "breaker__recent",
    ).get(pk=system_id)  # fmt: skip
    stopped, retired, shadow, calls, batches, parallel, position, retry_at, paused_until, failures, recent = row
    closed = position in (None, Breaker.Position.CLOSED)
    return Standing(
        stopped, retired, shadow, calls, batches, parallel, position or Breaker.Position.CLOSED, retry_at, paused_until,
        clean=closed and not failures and not recent,
    )  # fmt: skip


# --- the gate --------------------------------------------------------------------------------------------------------


class Gate:
    """Entered around every call of a connector."""

    def __init__(self, system_id: UUID):
        self.system_id = system_id
        self._calls = 0

    @contextmanager
    def __call__(self, purpose: Purpose) -> Iterator[float | None]:
        now = self._open(purpose)
        if purpose == "read":
            self._take_turn(purpose, now)
            with self._watched(purpose):
                yield None
            return
        holding = hold(self.system_id, wanted=1)
        try:
            self._take_turn(purpose, now)
            kept = time.monotonic()
            holding.keep()
            with self._watched(purpose):
                yield kept + lease_seconds()  # who sleeps here until the lease is over sends nothing when it wakes
        finally:
            holding.release()

    def close(self) -> None:
        """Credit the calls that were made to the retry budget."""
        if self._calls:
            earned = Least(F("retry_tokens") + RETRY_SHARE * self._calls, MOST_RETRIES)
            Breaker.objects.filter(system_id=self.system_id).update(retry_tokens=earned)
            self._calls = 0

    def _open(self, purpose: Purpose) -> Standing:
        now = standing(self.system_id)
        require_open(now, purpose)
        require_unpaused(self.system_id, now)
        return now

    def _take_turn(self, purpose: Purpose, now: Standing) -> None:
        wait = turn(self.system_id, purpose, now)
        if wait > 0:
            time.sleep(wait)
            self._open(purpose)  # waiting for a turn can take a while: much may have changed meanwhile

    @contextmanager
    def _watched(self, purpose: Purpose) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        except ConnectorError as error:
            note_failure(self.system_id, error)
            raise
        note_success(self.system_id)


def require_open(now: Standing, purpose: Purpose) -> None:
    """The switches that people set. Raises ``stopped`` or ``read_only``."""
    if now.stopped or now.retired:
        raise ConnectorError("stopped", permanent=False)
    if purpose != "read" and now.shadow:
        raise ConnectorError("read_only", permanent=True)


# --- the rate limit --------------------------------------------------------------------------------------------------


def turn(system_id: UUID, purpose: Purpose, now: Standing, *, count: int = 1) -> float:
    """Take the next ``count`` turns, one interval apart; returns the seconds until the first of them.

    Batches have a bucket of their own; everything else, also a delete of one file, shares the other (``vonage.md`` 3).
    Whoever dies while waiting has wasted a turn, no more.
    """
    if not settings.PORTAL_RATE_LIMIT:
        return 0.0
    kind = "batch" if purpose == "batch" else "call"
    apart = timedelta(seconds=interval(purpose, now))
    caught_up = apart * int(timedelta(minutes=1) / apart * CATCH_UP)
    Bucket.objects.get_or_create(system_id=system_id, kind=kind)
    with transaction.atomic():
        bucket = Bucket.objects.select_for_update().get(system_id=system_id, kind=kind)
        moment = clock.now()
        slot = max(bucket.due or moment, moment - caught_up)
        told = bucket.counting(moment, count)
        Bucket.objects.filter(pk=bucket.pk).update(due=slot + apart * count, turns=F("turns") + count, **told)
    return max(0.0, (slot - moment).total_seconds())


def interval(purpose: Purpose, now: Standing) -> float:
    """Seconds between two turns; none where the rate limit is off."""
    if not settings.PORTAL_RATE_LIMIT:
        return 0.0
    return 60 / (now.batches if purpose == "batch" else now.calls)


# --- the circuit breaker ---------------------------------------------------------------------------------------------


def require_unpaused(system_id: UUID, now: Standing) -> None:
    """Raise ``rate_limited`` or ``paused`` with the seconds to wait; wait here where it is short.

    After its rest an account is tried by one call; whoever loses that race waits as before.
    """
    if now.paused_until is None and now.position == Breaker.Position.CLOSED:
        return
    moment = clock.now()
    if now.paused_until and now.paused_until > moment:
        left = (now.paused_until - moment).total_seconds()
        if left > SHORT:
            raise ConnectorError("rate_limited", permanent=False, retry_after=left)
        time.sleep(left)
    if now.position == Breaker.Position.CLOSED:
        return
    rested = Breaker.objects.filter(system_id=system_id, retry_at__lte=moment).exclude(position=Breaker.Position.CLOSED)
    answer_by = moment + timedelta(seconds=2 * settings.PORTAL_CALL_DEADLINE)
    if not rested.update(position=Breaker.Position.HALF_OPEN, retry_at=answer_by):
        left = (now.retry_at - moment).total_seconds() if now.retry_at else FIRST_REST
        raise ConnectorError("paused", permanent=False, retry_after=max(1.0, left))


def require_closed_breaker(now: Standing) -> None:
    """Raise where ``require_unpaused`` would wait or try; for calls that are to be sent beside others."""
    if now.position != Breaker.Position.CLOSED:
        raise ConnectorError("paused", permanent=False, retry_after=FIRST_REST)
    if now.paused_until and (left := (now.paused_until - clock.now()).total_seconds()) > 0:
        raise ConnectorError("rate_limited", permanent=False, retry_after=left)


def note_failure(system_id: UUID, error: ConnectorError) -> None:
    """Learn from a call that failed: wait as long as the system asks, and leave it alone after too many."""
    if error.code not in OUTAGES | {"rate_limited"}:
        note_success(system_id)
        return
    Breaker.objects.get_or_create(system_id=system_id)
    with transaction.atomic():
        breaker = Breaker.objects.select_for_update().get(system_id=system_id)
        now = clock.now()
        breaker.reason = error.code
        if error.retry_after is not None or error.code == "rate_limited":
            told = error.retry_after if error.retry_after is not None else UNTOLD_PAUSE * random.uniform(0.5, 1.5)  # noqa: S311
            breaker.paused_until = max(breaker.paused_until or now, now + timedelta(seconds=told))
        if error.code != "rate_limited":
            _count(breaker, now)
        breaker.save()


def _count(breaker: Breaker, now: datetime) -> None:
    breaker.failures += 1
    breaker.recent = (breaker.recent << 1 | 1) & _TWENTY
    tried = breaker.position == Breaker.Position.HALF_OPEN
    if not (tried or breaker.failures >= FAILURES or breaker.recent.bit_count() > OF_TWENTY):
        return
    if breaker.position == Breaker.Position.CLOSED:
        breaker.opened_at = now
        audit.append(
            "breaker.opened", actor=audit.WORKER, about=breaker.system_id, system=breaker.system_id,
            reason=breaker.reason, failures=breaker.failures,
        )  # fmt: skip
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(breaker.openings, 10)) * random.uniform(0.5, 1)  # noqa: S311
    breaker.position, breaker.retry_at = Breaker.Position.OPEN, now + timedelta(seconds=rest)
    breaker.openings += 1


def note_success(system_id: UUID, *, count: int = 1) -> None:
    """An answer of any sense closes the breaker. Where there was no trouble, nothing is written."""
    if standing(system_id).clean:
        return
    with transaction.atomic():
        breaker = Breaker.objects.select_for_update().get(system_id=system_id)
        if breaker.position != Breaker.Position.CLOSED:
            audit.append("breaker.closed", actor=audit.WORKER, about=system_id, system=system_id)
            breaker.recent = 0
        breaker.recent = breaker.recent << min(count, 20) & _TWENTY
        breaker.position, breaker.failures, breaker.openings = Breaker.Position.CLOSED, 0, 0
        breaker.opened_at = breaker.retry_at = None
        breaker.save()


# --- the retry budget ------------------------------------------------------------------------------------------------


def may_retry(system_id: UUID) -> bool:
    """Whether work that failed at this account may be tried again now: a tenth of all calls, or one in ten seconds."""
    Breaker.objects.get_or_create(system_id=system_id)
    with transaction.atomic():
        breaker = Breaker.objects.select_for_update().get(system_id=system_id)
        now = clock.now()
        saved = breaker.retry_tokens >= 1
        if not saved and breaker.retried_at and breaker.retried_at > now - RETRY_EVERY:
            return False
        breaker.retry_tokens -= 1 if saved else 0
        breaker.retried_at = now
        breaker.save(update_fields=["retry_tokens", "retried_at"])
    return True


# --- one delete in flight --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Holding:
    """Leave to have ``width`` deletes in flight at an account, until it is released or its lease runs out."""

    system_id: UUID
    holder: UUID
    width: int

    def keep(self) -> None:
        """Let the lease run from now on, or raise ``busy``: it ran out and another has it."""
        if self._mine().update(until=_until(clock.now())) < self.width:
            raise ConnectorError("busy", permanent=False, retry_after=1)

    def release(self) -> None:
        self._mine().update(until=None, holder=None)

    def _mine(self) -> QuerySet[Lease]:
        return Lease.objects.filter(system_id=self.system_id, holder=self.holder)


def hold(system_id: UUID, *, wanted: int) -> Holding:
    """Take up to ``wanted`` of the account's leases, or raise ``busy``. A dead holder's leases run out."""
    parallel = System.objects.values_list("delete_parallel", flat=True).get(pk=system_id)
    if Lease.objects.filter(system_id=system_id, slot__lt=parallel).count() < parallel:
        rows = [Lease(system_id=system_id, slot=slot) for slot in range(parallel)]
        Lease.objects.bulk_create(rows, ignore_conflicts=True)
    holder = uuid.uuid4()
    with transaction.atomic():
        now = clock.now()
        free = Lease.objects.filter(Q(until__isnull=True) | Q(until__lte=now), system_id=system_id, slot__lt=parallel)
        mine = list(free.select_for_update().order_by("slot").values_list("pk", flat=True)[: max(1, wanted)])
        Lease.objects.filter(pk__in=mine).update(fence=F("fence") + 1, holder=holder, until=_until(now))
    if not mine:
        raise ConnectorError("busy", permanent=False, retry_after=1)
    return Holding(system_id, holder, len(mine))


def _until(now: datetime) -> datetime:
    return now + timedelta(seconds=lease_seconds())


def lease_seconds() -> float:
    """How long an account's lease runs from when it was last kept."""
    return max(settings.PORTAL_LEASE_SECONDS, 2 * settings.PORTAL_CALL_DEADLINE)
