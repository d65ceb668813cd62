"""How the machinery is, for the doctor, ``manage.py health``, the operators' page and the scraper.

In:  signs of life, the queue, the rows of the engine.
Out: figures in a handful of grouped queries, and sentences that say what to do.
Never here: a person, a request's contents, or a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from content_app import heartbeats, tasks
from content_app.heartbeats import Condition, Sign
from content_app.models import Breaker, Bucket, Errand, Heartbeat, Lease, ReceiptItem, System
from requests_app import clock, publisher
from requests_app.models import LedgerQueue, Request
from requests_app.states import OPEN

#: A message that waits so long waits for a cluster that is not there. Every cluster looks twice a second.
LATE = timedelta(minutes=5)
_COMMANDS = {Heartbeat.Part.CLUSTER: "manage.py qcluster", Heartbeat.Part.LOOP: "manage.py pick_up --loop"}


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at: whether it is well, a sentence, and what to do if it is not."""

    what: str
    well: bool
    says: str
    do: str = ""


# --- what runs -------------------------------------------------------------------------------------------------------


def machinery(signs: Iterable[Sign], *, wanted: Iterable[Heartbeat.Part] = tuple(Heartbeat.Part)) -> Iterator[Look]:
    """Every part one by one, then the wanted parts of which none is there, then the queue."""
    signs, now = list(signs), clock.now()
    for sign in signs:
        yield _look_at(sign, now)
    for part in wanted:
        if not any(sign.part == part for sign in signs):
            yield Look(part, False, f"No {_called(part)} has shown a sign of life.", f"Start {_COMMANDS[part]}.")
    yield _look_at_queue(now)


def _look_at(sign: Sign, now: datetime) -> Look:
    who, command = f"The {_called(sign.part)} {sign.node}", _COMMANDS[sign.part]
    seconds = f"{(now - sign.at).total_seconds():.0f} seconds"
    match sign.condition:
        case Condition.DEAD:
            does = f"Start {command} again, and read its log."
            return Look(sign.part, False, f"{who} has died: no sign of life for {seconds}.", does)
        case Condition.SILENT:
            does = f"Look at {sign.host}: start {command} again if it has died, restart it if it is there."
            return Look(sign.part, False, f"{who} is silent: no sign of life for {seconds}.", does)
        case Condition.HUNG:
            idle = (now - sign.busy_at).total_seconds()
            says = f"{who} is hung: its process is there, but it has taken up nothing for {idle:.0f} seconds."
            return Look(sign.part, False, says, f"Restart {command}; nothing is lost or done twice. Read its log.")
    return Look(sign.part, True, f"{who} works.")


def _called(part: Heartbeat.Part) -> str:
    return Heartbeat.Part(part).label.lower()


def _look_at_queue(now: datetime) -> Look:
    queue = tasks.queue()
    waited = now - queue.oldest if queue.oldest else timedelta(0)
    if waited > LATE:
        says = f"{queue.waiting} messages wait, the oldest for {waited.total_seconds():.0f} seconds."
        return Look("queue", False, says, "Start another manage.py qcluster, or restart one that is hung.")
    return Look("queue", True, f"{queue.waiting} messages wait in the queue.")


def troubles() -> list[Look]:
    """What of the machinery is not well."""
    return [look for look in machinery(heartbeats.signs()) if not look.well]


# --- how it does -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budget:
    """Turns of one kind at an account: taken in the last minute, allowed a minute, ever taken."""

    taken: float
    allowed: float
    ever: int

    @property
    def share(self) -> int:
        """Per cent of what is allowed."""
        return min(100, round(100 * self.taken / self.allowed)) if self.allowed else 0


@dataclass(frozen=True, slots=True)
class Account:
    """A connected system as its door and its receipts show it. Failures are items that were to be tried again or need
    a person, in the last hour and the last day."""

    system: System
    calls: Budget
    batches: Budget
    in_flight: int
    position: str
    words: str
    reason: str
    until: datetime | None
    failed_hour: int
    failed_day: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the operators' page shows and the scraper reads, of one moment."""

    at: datetime
    signs: list[Sign]
    queue: tasks.Queue
    accounts: list[Account]
    #: attention → how many requests have it.
    attentions: dict[str, int]
    #: open state → how many requests are in it.
    states: dict[str, int]
    #: What each cluster works on, as far as its lease runs: node → how many requests.
    at_work: dict[str, int]
    #: Ledger entries without a number yet.
    unnumbered: int
    ledger_fault: str

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest message in the queue has waited."""
        return max(0.0, (self.at - self.queue.oldest).total_seconds()) if self.queue.oldest else 0.0


def figures() -> Figures:
    """In a dozen grouped queries, however much there is."""
    at = clock.now()
    live = Request.objects.filter(origin=Request.Origin.LIVE, subject__forgotten_at__isnull=True)
    attentions = Errand.objects.exclude(attention="").filter(request__subject__forgotten_at__isnull=True)
    working = Errand.objects.filter(request__in=live.filter(state__in=OPEN), lease_until__gt=at)
    return Figures(
        at, heartbeats.signs(), tasks.queue(), _accounts(at),
        _counts(attentions, "attention"), _counts(live.filter(state__in=OPEN), "state"), _counts(working, "node"),
        LedgerQueue.objects.count(), publisher.fault(),
    )  # fmt: skip


def _counts(rows: QuerySet[Any], column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(n=Count("pk")))


def _accounts(at: datetime) -> list[Account]:
    buckets = {(bucket.system_id, bucket.kind): bucket for bucket in Bucket.objects.filter(system__retired=False)}
    flying = Lease.objects.filter(until__gt=at, holder__isnull=False).order_by().values_list("system_id")
    in_flight = dict(flying.annotate(n=Count("pk")))
    failed = _failures(at)
    return [
        _account(
            system, at, calls=buckets.get((system.pk, "call")), batches=buckets.get((system.pk, "batch")),
            in_flight=in_flight.get(system.pk, 0), failed=failed.get(system.pk, (0, 0)),
        )
        for system in System.active.select_related("breaker").order_by("name")
    ]  # fmt: skip


def _failures(at: datetime) -> dict[UUID, tuple[int, int]]:
    """(in the last hour, in the last day) of each system."""
    lately = ReceiptItem.objects.filter(receipt__at__gte=at - timedelta(days=1)).exclude(outcome__in=ReceiptItem.GONE)
    rows = lately.order_by().values_list("receipt__intent__step__system_id").annotate(
        hour=Count("pk", filter=Q(receipt__at__gte=at - timedelta(hours=1))), day=Count("pk")
    )  # fmt: skip
    return {system_id: (hour, day) for system_id, hour, day in rows}


def _account(
    system: System, at: datetime, *, calls: Bucket | None, batches: Bucket | None, in_flight: int,
    failed: tuple[int, int],
) -> Account:  # fmt: skip
    breaker: Breaker | None = getattr(system, "breaker", None)
    position = breaker.position if breaker else Breaker.Position.CLOSED
    paused = breaker.paused_until if breaker and breaker.paused_until and breaker.paused_until > at else None
    until = breaker.retry_at if breaker and position != Breaker.Position.CLOSED else paused
    words = "Asked us to wait" if paused and until == paused else Breaker.Position(position).label
    return Account(
        system, _budget(calls, system.calls_per_minute, at), _budget(batches, system.batches_per_minute, at), in_flight,
        position, words, breaker.reason if breaker and until else "", until, *failed,
    )  # fmt: skip


def _budget(bucket: Bucket | None, allowed: float, at: datetime) -> Budget:
    return Budget(bucket.taken(at), allowed, bucket.turns) if bucket else Budget(0.0, allowed, 0)
