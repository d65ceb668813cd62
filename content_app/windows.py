"""How a stretch of time is cut into windows, and how many pages reading all of it would take.

In:  a stretch of time; what reading pages without an address has shown of the account's days.
Out: windows, an estimate in pages, and what was learnt, written down.
Never here: a call to an outside system, or anything about a person. An estimate decides what a search costs, never what
it finds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Avg

from content_app.connectors import registry
from content_app.models import DayCount, System
from requests_app import clock

Window = tuple[datetime, datetime]
#: Interactions a day of an account of which no day is known. A guess; the first page of such an account replaces it.
GUESS = 1000
#: A day counts as seen when so much of it was; the rest is extrapolated.
_ENOUGH = 0.5


def windows(start: datetime, end: datetime, longest: timedelta) -> list[Window]:
    """Cut ``[start, end)`` into windows that follow each other without gap or overlap, none longer than ``longest``."""
    cuts = []
    while start < end:
        until = min(start + longest, end)
        cuts.append((start, until))
        start = until
    return cuts


def without(spans: Iterable[Window], cut: Window) -> list[Window]:
    """What is left of ``spans`` when ``cut`` is taken out of each."""
    left = []
    for start, end in spans:
        left += [piece for piece in ((start, min(end, cut[0])), (max(start, cut[1]), end)) if piece[0] < piece[1]]
    return left


def together(spans: Iterable[Window]) -> list[Window]:
    """The same stretches in order, those that touch or overlap as one."""
    joined: list[Window] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def overlap(spans: Iterable[Window], window: Window) -> bool:
    """Whether any of ``spans`` has a moment in common with the window."""
    return any(start < window[1] and window[0] < end for start, end in spans)


def packed(spans: Iterable[Window]) -> list[list[str]]:
    """Spans as a JSON field keeps them."""
    return [[start.isoformat(), end.isoformat()] for start, end in spans]


def unpacked(stored: Iterable[Iterable[str]]) -> list[Window]:
    """Spans as a JSON field has kept them."""
    return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in stored]


def expected_pages(
    system_id: UUID, start: datetime, end: datetime, *, longest: timedelta | None = None, size: int | None = None
) -> int:
    """Pages that reading all of ``[start, end)`` without an address is expected to take: at least one a window.

    Windows and pages are those of a search, unless others are told. Days that were never read count as the average of
    those that were; where none was, as ``GUESS``.
    """
    manifest = registry.manifest(System.objects.values_list("kind", flat=True).get(pk=system_id))
    counts = DayCount.objects.filter(system_id=system_id)
    average = counts.aggregate(average=Avg("interactions"))["average"]
    typical = GUESS if average is None else float(average)
    span = {"day__gte": start.astimezone(UTC).date(), "day__lte": end.astimezone(UTC).date()}
    known = dict(counts.filter(**span).values_list("day", "interactions"))
    pages = 0
    for first, last in windows(start, end, longest or manifest.window):
        held = sum(share * known.get(day, typical) for day, share in _days(first, last))
        pages += max(1, math.ceil(held / (size or manifest.page_size)))
    return max(1, pages)


def learn(system_id: UUID, window: Window, moments: Iterable[datetime]) -> None:
    """Write down how many interactions each day of a window has. ``moments`` is when every one in it began."""
    seen = Counter(moment.astimezone(UTC).date() for moment in moments)
    now = clock.stamp()
    rows = [
        DayCount(system_id=system_id, day=day, interactions=round(seen[day] / share), learnt_at=now)
        for day, share in _days(*window)
        if share >= _ENOUGH
    ]
    DayCount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["system", "day"], update_fields=["interactions", "learnt_at"]
    )


def learn_at_least(system_id: UUID, window: Window, interactions: int) -> None:
    """Write down what a window has shown that was not read to its end: its days have at least so many together."""
    per_day = math.ceil(interactions / ((window[1] - window[0]) / timedelta(days=1)))
    now = clock.stamp()
    for day, _ in _days(*window):
        DayCount.objects.get_or_create(system_id=system_id, day=day, defaults={"interactions": 0, "learnt_at": now})
        DayCount.objects.filter(system_id=system_id, day=day, interactions__lt=per_day).update(
            interactions=per_day, learnt_at=now
        )


def _days(start: datetime, end: datetime) -> Iterator[tuple[date, float]]:
    """Each day (UTC) that a window touches, and the share of it that lies inside."""
    day = start.astimezone(UTC).date()
    while (midnight := datetime.combine(day, time.min, UTC)) < end:
        tomorrow = midnight + timedelta(days=1)
        yield day, (min(end, tomorrow) - max(start, midnight)) / timedelta(days=1)
        day = tomorrow.date()
