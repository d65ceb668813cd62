"""How far the work on requests is, how fast it goes, and what holds it up.

In:  requests; searches, receipts and verifications that are written down anyway.
Out: one ``Progress`` for each request that is being worked on, all of them in a fixed number of grouped queries.
Never here: a change, a cached figure, or anything of the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery

from content_app.models import Breaker, Errand, Item, Leftover, Receipt, ReceiptItem, Search, Step, Verification
from requests_app import clock
from requests_app.models import Approval, Decision, Request
from requests_app.states import State

Attention, Outcome = Errand.Attention, ReceiptItem.Outcome
#: The speed is that of the last minutes.
LATELY = timedelta(minutes=5)
#: With these the work goes on by itself; any other attention waits for a person.
GOES_ON = frozenset({Attention.NONE, Attention.CRASHED, Attention.UNREACHABLE, Attention.PAUSED})
_WORKING = (State.VALIDATED, State.PLANNED, State.APPROVED, State.EXECUTED)
#: Most requests that are looked at together.
MOST = 50


@dataclass(frozen=True, slots=True)
class Held:
    """An account that is left alone: its breaker is not closed, or it asked us to wait."""

    system: str
    words: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one request is. ``rate`` is in units a minute; it and ``left`` are ``None`` while nothing moves."""

    doing: str
    unit: str
    done: int
    total: int
    rate: float | None
    left: timedelta | None
    #: The system that was called last.
    system: str
    retries: int
    #: Runs in a row that failed.
    failures: int
    #: When it is looked at again; ``None`` while a worker is at it.
    next_at: datetime | None
    node: str
    held: tuple[Held, ...]

    @property
    def left_in_words(self) -> str:
        """``less than a minute``, ``about 5 minutes``, ``about 3 hours``, ``about 4 days``; empty without a speed."""
        if self.left is None:
            return ""
        seconds = self.left.total_seconds()
        if seconds < 60:
            return "less than a minute"
        for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if seconds >= 2 * size or name == "minute":
                count = round(seconds / size)
                return f"about {count} {name if count == 1 else f'{name}s'}"
        raise AssertionError("minutes are the last")


@dataclass(slots=True)
class _Count:
    """What was counted for one request."""

    done: int = 0
    total: int = 0
    retries: int = 0
    lately: int = 0
    since: datetime | None = None
    system: str = ""


# --- which requests --------------------------------------------------------------------------------------------------


def at_work() -> list[Request]:
    """The requests that workers are at now, or will be within seconds, the oldest first; at most ``MOST``."""
    now = clock.now()
    found: set[UUID] = set()
    held = Errand.objects.filter(Q(request__state__in=_WORKING) | Q(again_at__lte=now), lease_until__gt=now)
    found |= set(held.values_list("pk", flat=True)[:MOST])
    for looks in (Search, Leftover):
        found |= set(looks.objects.filter(finished_at__isnull=True).values_list("request_id", flat=True)[:MOST])
    begun = Errand.objects.filter(request__state__in=[State.APPROVED, State.EXECUTED], attention__in=GOES_ON)
    soon = Q(next_at__lte=now + LATELY) | Q(failures__gt=0)
    found |= set(begun.filter(soon).order_by("next_at").values_list("pk", flat=True)[:MOST])
    if not found:
        return []
    living = Request.objects.filter(pk__in=found, subject__forgotten_at__isnull=True)
    moving = living.exclude(errand__isnull=False, errand__attention__in=set(Attention) - GOES_ON)
    return list(moving.select_related("errand").order_by("received_at")[:MOST])


# --- how far ---------------------------------------------------------------------------------------------------------


def of(cases: Iterable[Request]) -> dict[UUID, Progress]:
    """The progress of each request that has any; those at rest are left out."""
    cases = list(cases)
    errands = Errand.objects.in_bulk([case.pk for case in cases])
    by_state: dict[str, list[Request]] = defaultdict(list)
    for case in cases:
        errand = errands.get(case.pk)
        again = errand is not None and errand.again_at is not None and errand.again_at <= clock.now()
        if case.state not in (State.VERIFIED, State.CLOSED):
            by_state[case.state].append(case)
        elif again:
            by_state["again"].append(case)
    told = {
        **_told(_searches(by_state[State.VALIDATED]), "Searching", "look-up"),
        **_told(_deletions(by_state[State.APPROVED]), "Deleting", "file"),
        **_told(_read_back(by_state[State.EXECUTED], round_number=1), "Reading back", "file"),
        **_told(_read_back(by_state["again"], round_number=2), "Reading back again", "file"),
    }
    held = _held({system for count, _, _, systems in told.values() for system in systems})
    return {
        pk: _progress(count, doing, unit, errands.get(pk), tuple(held[one] for one in systems if one in held))
        for pk, (count, doing, unit, systems) in told.items()
    }


def of_one(case: Request) -> Progress | None:
    """The progress of one request; ``None`` while it rests."""
    return of([case]).get(case.pk)


_Counts = dict[UUID, tuple[_Count, list[UUID]]]


def _told(counts: _Counts, doing: str, unit: str) -> dict[UUID, tuple[_Count, str, str, list[UUID]]]:
    return {pk: (count, doing, unit, systems) for pk, (count, systems) in counts.items()}


def _progress(count: _Count, doing: str, unit: str, errand: Errand | None, held: tuple[Held, ...]) -> Progress:
    now = clock.now()
    rate = left = None
    if count.lately and count.since:
        rate = count.lately / max((now - count.since).total_seconds() / 60, 1 / 60)
        left = timedelta(minutes=max(0, count.total - count.done) / rate)
    running = errand is not None and errand.lease_until is not None and errand.lease_until > now
    return Progress(
        doing, unit, count.done, count.total, rate, left, count.system, count.retries,
        failures=errand.failures if errand else 0,
        next_at=errand.next_at if errand and not running and errand.next_at > now else None,
        node=errand.node if errand and running else "", held=held,
    )  # fmt: skip


def _held(systems: set[UUID]) -> dict[UUID, Held]:
    now = clock.now()
    troubled = ~Q(position=Breaker.Position.CLOSED) | Q(paused_until__gt=now)
    found = Breaker.objects.filter(troubled, pk__in=systems).select_related("system")
    return {
        one.pk: Held(
            one.system.name,
            one.get_position_display() if one.position != Breaker.Position.CLOSED else "Asked us to wait",
            one.reason,
            one.retry_at if one.position != Breaker.Position.CLOSED else one.paused_until,
        )
        for one in found
    }


# --- counting --------------------------------------------------------------------------------------------------------


def _searches(cases: list[Request]) -> _Counts:
    """Look-ups made of those expected: in what is not finished of a request's searches and counts, and in what is."""
    if not cases:
        return {}
    sent_back = Decision.objects.filter(
        request__in=cases, kind__in=[Decision.Kind.SENT_BACK, Decision.Kind.APPROVAL_WITHDRAWN]
    )
    since = dict(sent_back.order_by().values_list("request_id").annotate(at=Max("at")))
    scope = {case.pk: max(filter(None, (case.scope_as_of, since.get(case.pk))), default=case.received_at)
             for case in cases}  # fmt: skip
    rows = [
        row
        for looks in (Search, Leftover)
        for row in looks.objects.filter(request__in=cases).select_related("system").order_by("started_at")
    ]
    fresh = [row for row in rows if row.started_at >= scope[row.request_id]]
    counts: _Counts = {}
    for pk in {row.request_id for row in fresh if row.finished_at is None}:
        mine = [row for row in fresh if row.request_id == pk]
        open_ones = [row for row in mine if row.finished_at is None]
        totals = [max(row.calls_expected, _read(row)) for row in mine]
        done = sum(_read(row) if row.finished_at is None else total for row, total in zip(mine, totals, strict=True))
        count = _Count(done, sum(totals), system=open_ones[-1].system.name)
        count.lately, count.since = sum(_read(row) for row in open_ones), min(row.started_at for row in open_ones)
        counts[pk] = count, [row.system_id for row in open_ones]
    return counts


def _read(look: Search | Leftover) -> int:
    """Look-ups made. A pass counts its windows, and expects calls."""
    if isinstance(look, Search) and look.way == Search.Way.SUBJECT:
        return look.cursor
    return look.calls_made


def _deletions(cases: list[Request]) -> _Counts:
    """Items with a final outcome, of those that are to go, on the list that is being carried out."""
    digests = [case.plan_digest for case in cases if case.plan_digest]
    if not digests:
        return {}
    mine = Q(plan__request__in=cases, plan__digest__in=digests)
    going = Item.objects.filter(mine).exclude(action=Item.Action.KEEP)
    counts = _totals(going)
    last = ReceiptItem.objects.filter(item=OuterRef("pk")).order_by("-id").values("outcome")[:1]
    latest = going.annotate(latest=Subquery(last)).order_by().values_list("plan__request_id", "latest")
    for pk, outcome, number in latest.annotate(n=Count("pk")):
        if outcome in ReceiptItem.FINAL:
            counts[pk][0].done += number
        elif outcome == Outcome.RETRY:
            counts[pk][0].retries += number
    answered = ReceiptItem.objects.filter(
        item__plan__request__in=cases, item__plan__digest__in=digests, outcome__in=ReceiptItem.FINAL,
        receipt__at__gte=clock.now() - LATELY,
    )  # fmt: skip
    pace = answered.order_by().values_list("item__plan__request_id")
    for pk, number, first in pace.annotate(n=Count("pk"), first=Min("receipt__intent__at")):
        counts[pk][0].lately, counts[pk][0].since = number, first
    called = Step.objects.filter(mine).order_by().values_list("plan__request_id", "system__name")
    _note_systems(counts, called.annotate(at=Max("created_at")))
    return counts


def _read_back(cases: list[Request], *, round_number: int) -> _Counts:
    """Items that were read back in this round, of those on all lists that stand."""
    if not cases:
        return {}
    standing = Approval.objects.filter(request__in=cases, withdrawal__isnull=True).values("plan_id")
    counts = _totals(Item.objects.filter(plan__in=standing).exclude(action=Item.Action.KEEP))
    rows = Verification.objects.filter(item__plan__in=standing, round=round_number).order_by()
    lately = Q(at__gte=clock.now() - LATELY)
    for pk, number, recent in rows.values_list("item__plan__request_id").annotate(
        n=Count("pk"), recent=Count("pk", filter=lately)
    ):
        counts[pk][0].done, counts[pk][0].lately = number, recent
    begun = Receipt.objects.filter(intent__step__plan__in=standing).order_by()
    for pk, at in begun.values_list("intent__step__plan__request_id").annotate(at=Max("at")):
        counts[pk][0].since = max(at, clock.now() - LATELY)
    seen = rows.filter(lately).values_list("item__plan__request_id", "item__system__name")
    _note_systems(counts, seen.annotate(at=Max("at")))
    return {pk: told for pk, told in counts.items() if told[0].done < told[0].total}


def _note_systems(counts: _Counts, called: Iterable[tuple[UUID, str, datetime]]) -> None:
    """The one that was called last is where the work is now."""
    for pk, name, _ in sorted(called, key=lambda one: one[2]):
        counts[pk][0].system = name


def _totals(going: QuerySet[Item]) -> _Counts:
    counts: _Counts = {}
    rows = going.order_by().values_list("plan__request_id", "system_id").annotate(n=Count("pk"))
    for pk, system_id, number in rows:
        count, systems = counts.setdefault(pk, (_Count(), []))
        count.total += number
        systems.append(system_id)
    return counts
