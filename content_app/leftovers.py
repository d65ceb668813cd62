"""The third way to look · Counts what an account's statistics still hold of a person, where no content is left.

In:  requests whose content was searched for at a system that lets us read its statistics.
Out: for each how many contacts there are, from when to when, and the entry that says so; a cursor that survives a
     crash.
Never here: a delete, since no interface has one for statistics; a candidate, since there is nothing to choose; a
contact's id or address that is kept. Who has to be told needs to know how much there is, not which. The ids of the
person's contacts in the window that is being read are the exception: without them a row that moves to the next page
would count twice.

One pass through all windows serves everybody who waited when it began; whoever comes later has the next. The statistics
take no address, so every row is compared in memory, as in a sweep, and dropped.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from content_app import belonging, noting, systems, turns, ways, windows
from content_app.belonging import Crowd, Known
from content_app.connectors import registry
from content_app.connectors.base import ConnectorError, ContentConnector, Statistic, StatisticsPage
from content_app.models import Candidate, Leftover, Search, StatisticsPass, System
from content_app.receipts import Beat
from content_app.turns import Turn
from content_app.windows import Window
from requests_app import audit, clock
from requests_app.errors import Refused
from requests_app.identifiers import ADDRESS_KINDS
from requests_app.models import Identifier, Request, Scope
from requests_app.states import State

Doubt, Ending = Candidate.Doubt, StatisticsPass.Ending
#: Codes by which a system says that our credentials are good and may not read its statistics.
NOT_GRANTED = frozenset({"scope_refused", "forbidden"})
WHAT_TO_DO = "Add the scope stats to the account, or switch reading statistics off on the system's page."


# --- who waits -------------------------------------------------------------------------------------------------------


def wanted_at(request: Request) -> set[UUID]:
    """The systems whose statistics are to be read for this request: none where it names interactions alone, or where no
    address of the person is known."""
    if request.scope == Scope.NAMED_INTERACTIONS or not _addresses().filter(subject=request.subject_id).exists():
        return set()
    switched_on = System.active.filter(reads_statistics=True).values_list("pk", "kind")
    return {pk for pk, kind in switched_on if registry.manifest(kind).statistics is not None}


def fresh(request: Request) -> QuerySet[Leftover]:
    """The counts that hold: since the scope was frozen, and since the list was last sent back."""
    return Leftover.objects.filter(request=request, started_at__gte=ways.fresh_since(request))


def missing(request: Request) -> set[UUID]:
    """The systems at which this request still waits for its count."""
    return wanted_at(request) - set(
        fresh(request).filter(finished_at__isnull=False).values_list("system_id", flat=True)
    )


def latest(request: Request) -> list[Leftover]:
    """The last finished count of each system, by name; also of one whose statistics are not read any more."""
    done = Leftover.objects.filter(request=request, finished_at__isnull=False).select_related("system", "served_by")
    newest = {one.system_id: one for one in done.order_by("started_at")}
    return sorted(newest.values(), key=lambda one: one.system.name)


def _waiting(system: System) -> QuerySet[Request]:
    """Whose content was searched for here, and who has no count that holds and none under way."""
    here = Q(request=OuterRef("pk"), system=system)
    searched = Search.objects.filter(here, finished_at__isnull=False, started_at__gte=ways.SINCE)
    counted = Leftover.objects.filter(Q(finished_at__isnull=True) | Q(started_at__gte=ways.SINCE), here)
    known = _addresses().filter(subject=OuterRef("subject_id"))
    return ways.eligible().filter(Exists(searched), ~Exists(counted), Exists(known))


def _addresses() -> QuerySet[Identifier]:
    return Identifier.objects.filter(kind__in=ADDRESS_KINDS)


# --- reading ---------------------------------------------------------------------------------------------------------


def run(request: Request, system: System, *, budget: int, beat: Beat) -> None:
    """Read on until this request, whose content was searched for here, has its count: at most ``budget`` calls.

    Raises ``shared`` while another worker reads, ``no_statistics`` where our credentials may not, and
    ``ConnectorError`` when the system does not answer.
    """
    while budget > 0 and system.pk in missing(request) and (under_way := _open(request, system)):
        with Turn(under_way, beat) as turn, systems.connected(system) as connector:
            budget -= _Reading(system, turn, connector).read(budget=budget)
        under_way.refresh_from_db()
        if under_way.ended_at is None:
            return


def _open(request: Request, system: System) -> StatisticsPass | None:
    """The pass that is under way, or a new one for all who wait; ``None`` where this request does not wait yet."""
    under_way = StatisticsPass.objects.filter(system=system, ended_at__isnull=True).first()
    waiting = _waiting(system)
    if under_way is not None or not waiting.filter(pk=request.pk).exists():
        return under_way
    others = waiting.filter(ways.SOUND).exclude(pk=request.pk)[: ways.MOST_ABOARD - 1]
    return _begin(system, [request, *others])


def _begin(system: System, requests: list[Request]) -> StatisticsPass:
    now = clock.now()
    since, until = ways.history(system, until=now)
    cut = windows.windows(since, until, _span_and_size(system)[0])
    expected = _expected(system, cut)
    defaults = {
        "since": since, "until": until, "windows": windows.packed(cut), "basis": systems.basis(system),
        "calls_expected": expected,
    }  # fmt: skip
    with transaction.atomic(durable=True):
        begun, is_new = StatisticsPass.objects.get_or_create(system=system, ended_at=None, defaults=defaults)
        if is_new:
            rows = [
                Leftover(request=one, system=system, served_by=begun, calls_expected=expected, started_at=now)
                for one in requests
            ]
            Leftover.objects.bulk_create(rows, ignore_conflicts=True)
    return begun


def _span_and_size(system: System) -> tuple[timedelta, int]:
    statistics = registry.manifest(system.kind).statistics
    assert statistics is not None, "nobody waits where there are none"
    return statistics


def _expected(system: System, cut: list[Window]) -> int:
    """Pages of every window: as dense as the last pass has found the account, or as its days with content are."""
    longest, size = _span_and_size(system)
    last = StatisticsPass.objects.filter(system=system, ending=Ending.FINISHED).order_by("-ended_at").first()
    if last is None:
        return windows.expected_pages(system.pk, cut[0][0], cut[-1][1], longest=longest, size=size)
    dense = last.contacts / (last.until - last.since).total_seconds()
    return sum(max(1, math.ceil(dense * (end - start).total_seconds() / size)) for start, end in cut)


@dataclass(slots=True)
class _Member:
    """One request aboard: its person's identifiers, open, and the contacts of which content was found."""

    row: Leftover
    known: list[Known]
    found: frozenset[str]

    def wants(self, contact: Statistic) -> bool:
        """In the request's scope, without content, and not counted yet."""
        request, counted = self.row.request, self.row.counted
        scoped = request.scope_as_of is None or contact.started_at <= request.scope_as_of
        return (
            scoped and noting.in_date_range(request, contact.started_at)
            and contact.external_id not in self.found and contact.external_id not in counted
        )  # fmt: skip


class _Reading:
    """One worker's run through the pages of a pass."""

    def __init__(self, system: System, turn: Turn[StatisticsPass], connector: ContentConnector):
        self._system, self._turn, self._connector = system, turn, connector
        self._members: dict[UUID, _Member] = {}
        self._crowd = Crowd()

    def read(self, *, budget: int) -> int:
        """Page by page until the end, or until ``budget`` calls were made; returns how many were."""
        under_way, before = self._turn.under_way, self._connector.calls
        while self._connector.calls - before < budget:
            self._look_who_is_aboard()
            ahead = windows.unpacked(under_way.windows)[under_way.cursor :]
            if not self._members or under_way.basis != systems.basis(self._system):
                self._end(Ending.MOOT)
                break
            if not ahead:
                for member in self._members.values():
                    _finish(member.row)
                self._end(Ending.FINISHED)
                break
            self._read_page(ahead[0])
        return self._connector.calls - before

    def _look_who_is_aboard(self) -> None:
        """Open the identifiers of whoever is new to this run, and forget whoever has gone."""
        living = {"request__state": State.VALIDATED, "request__subject__forgotten_at__isnull": True}
        aboard = Leftover.objects.filter(served_by=self._turn.under_way, finished_at__isnull=True, **living)
        rows = {row.pk: row for row in aboard.select_related("request__subject")}
        self._members = {pk: member for pk, member in self._members.items() if pk in rows}
        for pk, row in rows.items():
            if pk in self._members:
                self._members[pk].row = row
                continue
            known = belonging.known(row.request, region=self._system.region)
            found = Candidate.objects.filter(request=row.request_id, system=self._system)
            ids = found.order_by().values_list("external_id", flat=True).distinct()
            self._members[pk] = _Member(row, known, frozenset(ids))
            self._crowd.add(pk, known)

    def _read_page(self, window: Window) -> None:
        """Read one page, compare each contact with everybody aboard, and move the cursor."""
        self._turn.beat()
        before = self._connector.calls
        page = self._ask(window, self._turn.under_way.page)
        hits: dict[UUID, dict[str, tuple[datetime, bool]]] = defaultdict(dict)
        for contact in page.rows:
            # Each contact is of exactly one window, however the system counts the edges.
            if not window[0] <= contact.started_at < window[1]:
                continue
            for pk in self._crowd.near(contact) & self._members.keys():
                member = self._members[pk]
                tie = belonging.tie(contact, member.known, region=self._system.region)
                if tie is not None and member.wants(contact):
                    hits[pk][contact.external_id] = contact.started_at, tie.doubt == Doubt.NONE
        self._write(page, hits, calls=self._connector.calls - before)

    def _ask(self, window: Window, page: int) -> StatisticsPage:
        try:
            return self._connector.statistics(start=window[0], end=window[1], page=page)
        except ConnectorError as error:
            if error.code not in NOT_GRANTED:
                raise
            raise Refused(
                "no_statistics",
                f"{self._system.name} does not let us read its statistics. {WHAT_TO_DO}",
            ) from None

    def _write(
        self, page: StatisticsPage, hits: dict[UUID, dict[str, tuple[datetime, bool]]], *, calls: int
    ) -> None:  # fmt: skip
        """What was counted, the cursor and the calls: one commit, so that a killed run loses and repeats nothing."""
        under_way = self._turn.under_way
        window_ends = under_way.page >= page.pages
        cursor, following = (under_way.cursor + 1, 1) if window_ends else (under_way.cursor, under_way.page + 1)
        with transaction.atomic(durable=True):
            self._turn.write(
                cursor=cursor, page=following, calls_made=F("calls_made") + calls,
                contacts=F("contacts") + len(page.rows), sharers=max(under_way.sharers, len(self._members)),
            )  # fmt: skip
            Leftover.objects.filter(pk__in=self._members).update(calls_made=F("calls_made") + calls)
            for pk, found in hits.items():
                Leftover.objects.filter(pk=pk).update(**_added(self._members[pk].row, found))
            if window_ends:
                Leftover.objects.filter(served_by=under_way).update(counted=[])
        under_way.refresh_from_db()

    def _end(self, ending: StatisticsPass.Ending) -> None:
        """Whoever got no count waits for another pass, should they come back."""
        with transaction.atomic(durable=True):
            self._turn.write(ended_at=clock.stamp(), ending=ending, lease_until=None)
            Leftover.objects.filter(served_by=self._turn.under_way, finished_at__isnull=True).delete()


def _added(row: Leftover, found: dict[str, tuple[datetime, bool]]) -> dict[str, object]:
    sure = [moment for moment, is_sure in found.values() if is_sure]
    return {
        "contacts": row.contacts + len(sure),
        "doubtful": row.doubtful + len(found) - len(sure),
        "earliest": min([*filter(None, [row.earliest]), *sure], default=None),
        "latest": max([*filter(None, [row.latest]), *sure], default=None),
        "counted": [*row.counted, *found],
    }


def _finish(row: Leftover) -> None:
    """The count holds. Doing it again changes nothing."""
    with transaction.atomic(durable=True):
        if not Leftover.objects.filter(pk=row.pk, finished_at__isnull=True).update(finished_at=clock.stamp()):
            return
        row.refresh_from_db()
        audit.append(
            "leftovers.counted", actor=audit.WORKER, about=row.request_id, system=row.system_id, calls=row.calls_made,
            expected=row.calls_expected, shared=row.served_by.sharers, contacts=row.contacts, doubtful=row.doubtful,
        )  # fmt: skip
    turns.wake([row.request_id])
