"""How much was found, listed, deleted and read back: counts, and never a single row.

In:  a request or one of its lists.
Out: small values for the panel and the pages.
Never here: a cached figure. Each page counts what the rows say now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from content_app import discovery, leftovers, planning, receipts, verification, windows
from content_app.admin import words
from content_app.connectors import registry
from content_app.models import Candidate, Item, Leftover, Plan, ReceiptItem, Search, System, Verification
from requests_app.models import Request

Found, Result, Outcome = Candidate.Kind, Verification.Result, ReceiptItem.Outcome


# --- searching -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the search of one system is. ``total`` is 0 before its first window."""

    system: str
    done: int
    total: int
    calls: int
    finished: bool
    #: Calls that were expected, and how many requests share them.
    expected: int = 0
    sharers: int = 1


def searches(case: Request) -> list[Progress]:
    """One line a connected system, also for those whose turn has not come."""
    fresh = {search.system_id: search for search in discovery.fresh_searches(case).order_by("started_at")}
    return [_progress(system, fresh.get(system.pk)) for system in System.active.order_by("name")]


def _progress(system: System, search: Search | None) -> Progress:
    if search is None:
        return Progress(system.name, 0, 0, 0, finished=False)
    finished = search.finished_at is not None
    total = max(search.calls_expected, search.cursor)
    if search.way == Search.Way.SWEEP and not finished:
        span = registry.manifest(system.kind).window
        total = search.cursor + sum(len(windows.windows(*one, span)) for one in windows.unpacked(search.spans))
    return Progress(
        system.name, total if finished else search.cursor, total, search.calls_made, finished,
        search.calls_expected, search.sharers,
    )  # fmt: skip


def counts(case: Request) -> list[Progress]:
    """One line for each system whose statistics are read for this request."""
    fresh = {one.system_id: one for one in leftovers.fresh(case).select_related("served_by").order_by("started_at")}
    wanted = System.objects.filter(pk__in=leftovers.wanted_at(case) | fresh.keys()).order_by("name")
    return [_count(system.name, fresh.get(system.pk)) for system in wanted]


def _count(system: str, row: Leftover | None) -> Progress:
    if row is None:
        return Progress(system, 0, 0, 0, finished=False)
    finished, expected = row.finished_at is not None, max(row.calls_expected, row.calls_made)
    total = row.calls_made if finished else expected
    return Progress(system, row.calls_made, total, row.calls_made, finished, row.calls_expected, row.served_by.sharers)


def strangers(case: Request) -> int:
    """Prefix matches that the exact comparison rejected, in all searches that count."""
    return sum(discovery.fresh_searches(case).values_list("strangers", flat=True))


def left_out(case: Request) -> int:
    """Spellings of the person's identifiers that were too short to search for."""
    return max(discovery.fresh_searches(case).values_list("left_out", flat=True), default=0)


# --- found -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One class of one system: how many files, and what was decided about them."""

    system: str
    word: str
    count: int
    go: int
    keep: int
    open: int


def choosable(case: Request) -> QuerySet[Candidate]:
    """What can be included or excluded now: everything found, or later on only what turned up since the last list."""
    if case.state in planning.SUPPLEMENTABLE:
        return receipts.waiting(case)
    return Candidate.objects.filter(request=case).exclude(kind=Found.AFTER_SCOPE)


def after_scope(case: Request) -> QuerySet[Candidate]:
    """Contacts after the scope was frozen: listed apart, and they change nothing."""
    return Candidate.objects.filter(request=case, kind=Found.AFTER_SCOPE)


def by_class(rows: QuerySet[Candidate]) -> list[Row]:
    """The table of what was found."""
    counted = rows.order_by().values("system__name", "content_class").annotate(
        count=Count("pk"), go=Count("pk", filter=Q(included=True)), keep=Count("pk", filter=Q(included=False)),
        open=Count("pk", filter=Q(included__isnull=True)),
    )  # fmt: skip
    return [
        Row(one["system__name"], words.capitalised(words.class_word(one["content_class"], one["count"])),
            one["count"], one["go"], one["keep"], one["open"])
        for one in counted.order_by("system__name", "-count", "content_class")
    ]  # fmt: skip


def contacts(rows: QuerySet[Candidate] | QuerySet[Item]) -> int:
    """How many contacts these rows belong to."""
    return rows.order_by().values("system_id", "external_id").distinct().count()


# --- on a list -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extent:
    """What a list deletes: in words, in numbers, and from when to when."""

    in_words: str
    files: int
    contacts: int
    kept: int
    first: datetime | None
    last: datetime | None
    systems: list[str]


def extent(plan: Plan) -> Extent:
    """The size of a list as a person says it."""
    going = plan.items.exclude(action=Item.Action.KEEP)
    span = going.aggregate(first=Min("occurred_at"), last=Max("occurred_at"))
    counts = counts_by_class(going)
    systems = list(going.order_by("system__name").values_list("system__name", flat=True).distinct())
    files = sum(count for _, count in counts)
    kept = plan.items.filter(action=Item.Action.KEEP).count()
    return Extent(words.in_words(counts), files, contacts(going), kept, span["first"], span["last"], systems)


def counts_by_class(rows: QuerySet[Item]) -> list[tuple[str, int]]:
    """(content class, how many), the most first."""
    counted = rows.order_by().values("content_class").annotate(count=Count("pk"))
    return [(one["content_class"], one["count"]) for one in counted.order_by("-count", "content_class")]


# --- deleted and read back -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deletion:
    """How far the deletion of a list is."""

    total: int
    gone: int
    failed: int
    retry: int
    begun: bool

    @property
    def left(self) -> int:
        return self.total - self.gone - self.failed


def deletion(plan: Plan) -> Deletion:
    """Counted from the latest receipt of each item."""
    outcomes = receipts.with_latest(receipts.to_delete(plan)).order_by().values("latest").annotate(count=Count("pk"))
    counts = Counter({one["latest"]: one["count"] for one in outcomes})
    gone = sum(counts[outcome] for outcome in ReceiptItem.GONE)
    begun = plan.steps.exists()
    return Deletion(counts.total(), gone, counts[Outcome.NEEDS_PERSON], counts[Outcome.RETRY], begun)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What one round of reading back has shown."""

    absent: int
    reappeared: int
    not_verifiable: int
    total: int
    at: datetime | None

    @property
    def read(self) -> int:
        return self.absent + self.reappeared + self.not_verifiable


def read_back(request_id: UUID, *, round_number: int) -> ReadBack:
    """Over all lists of the request that were approved."""
    plans = verification.approved_plans(request_id)
    going = Item.objects.filter(plan__in=plans).exclude(action=Item.Action.KEEP)
    rows = Verification.objects.filter(item__plan__in=plans, round=round_number)
    counts = Counter(dict(rows.order_by().values_list("result").annotate(count=Count("pk"))))
    at = rows.aggregate(at=Max("at"))["at"]
    return ReadBack(
        counts[Result.VERIFIED_ABSENT], counts[Result.REAPPEARED], counts[Result.NOT_VERIFIABLE], going.count(), at
    )
