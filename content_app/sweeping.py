"""The shared way to search · Reads an account page by page, once, for everybody who waits at it.

In:  the searches that are aboard; every page of every window.
Out: candidates of each of them, as if each had been searched for alone; a cursor that survives a crash.
Never here: anything kept of a contact that is nobody's who waits; it is compared in memory and dropped.

One worker at a time reads an account: its lease is on the ``Sweep``. Whoever comes while it is read gets aboard at the
next window, and what they have missed is read by the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from content_app import belonging, noting, systems, turns, ways, windows
from content_app.belonging import Crowd, Known, Tie
from content_app.connectors import registry
from content_app.connectors.base import ContentConnector, Interaction
from content_app.models import Search, Sweep, System
from content_app.receipts import Beat
from content_app.turns import Turn
from content_app.windows import Window
from requests_app import clock
from requests_app.models import DataSubject, Request
from requests_app.states import State

Way, Ending = Search.Way, Sweep.Ending
#: Pages of one window that are read before it is cut in two: a run must get through a window before it is over.
MOST_PAGES = 80
#: No window is cut shorter than this.
SHORTEST = timedelta(minutes=1)


# --- getting aboard --------------------------------------------------------------------------------------------------


def board(request: Request, system: System, known: list[Known]) -> bool:
    """Take the request aboard a pass, where that is the cheaper way, and all who wait with it; ``False`` where not."""
    manifest = registry.manifest(system.kind)
    questions = belonging.questions(known, manifest)
    if not ways.may_sweep(request, system, questions, manifest):
        return False
    all_of_it = ways.history(system, until=clock.now())
    alone = ways.calls_alone(questions, [all_of_it], manifest)
    under_way = Sweep.objects.filter(system=system, ended_at__isnull=True).first()
    if under_way is not None:
        missed = [all_of_it]
        for window in windows.unpacked(under_way.windows)[under_way.cursor :]:
            missed = windows.without(missed, window)
        if not ways.a_sweep_is_cheaper(system, missed, [alone]):
            return False
        _take_aboard([request], system, all_of_it)
        return True
    others = list(ways.waiting(system).exclude(pk=request.pk)[: ways.MOST_ABOARD - 1])
    each = (ways.alone_for(other, system, [all_of_it], manifest) for other in others)
    if not ways.a_sweep_is_cheaper(system, [all_of_it], _chained(alone, each)):
        return False
    _take_aboard([request, *others], system, all_of_it)
    return True


def _chained(first: int, others: Iterable[int]) -> Iterator[int]:
    yield first
    yield from others


def _take_aboard(requests: list[Request], system: System, span: Window) -> None:
    """One open search for each; who has one by now, by another worker's hand, keeps that."""
    pages = ways.calls_of_a_sweep(system, [span])
    rows = [
        Search(
            request=one, system=system, until=span[1], way=Way.SWEEP, spans=windows.packed([span]),
            basis=systems.basis(system), calls_expected=pages, started_at=span[1],
        )
        for one in requests
    ]  # fmt: skip
    Search.objects.bulk_create(rows, ignore_conflicts=True)


def aboard(system: System) -> QuerySet[Search]:
    """The searches that a pass through this system serves now."""
    return Search.objects.filter(
        system=system, way=Way.SWEEP, finished_at__isnull=True, request__state=State.VALIDATED,
        request__subject__forgotten_at__isnull=True,
    ).order_by("pk")  # fmt: skip


# --- reading ---------------------------------------------------------------------------------------------------------


def run(system: System, *, budget: int, beat: Beat) -> None:
    """Read on for everybody aboard, at most ``budget`` calls; nobody is aboard any more when all was read.

    Raises ``shared`` while another worker does so, and ``ConnectorError`` when the system does not answer.
    """
    while budget > 0 and (sweep := _open(system)):
        with Turn(sweep, beat) as turn, systems.connected(system) as connector:
            budget -= _Pass(system, turn, connector).read(budget=budget)
        sweep.refresh_from_db()
        if sweep.ended_at is None:
            return


def _begin_anew_where_the_basis_changed(system: System) -> None:
    """The system's history or country was changed meanwhile: what was read was compared in the light of another."""
    basis = systems.basis(system)
    for search in aboard(system).exclude(basis=basis):
        whole = windows.packed([ways.history(system, until=search.until)])
        Search.objects.filter(pk=search.pk).update(spans=whole, basis=basis)


def _open(system: System) -> Sweep | None:
    """The pass that is under way, or a new one through all that somebody misses; ``None`` when nobody does."""
    for done in aboard(system).filter(spans=[]):
        _finish(done)
    missing = [span for search in aboard(system) for span in windows.unpacked(search.spans)]
    under_way = Sweep.objects.filter(system=system, ended_at__isnull=True).first()
    if under_way is not None or not missing:
        return under_way
    spans = windows.together(missing)
    cut = [window for span in spans for window in windows.windows(*span, registry.manifest(system.kind).window)]
    sweep, _ = Sweep.objects.get_or_create(
        system=system, ended_at=None,
        defaults={
            "since": spans[0][0], "until": spans[-1][1], "windows": windows.packed(cut),
            "calls_expected": ways.calls_of_a_sweep(system, spans),
        },
    )  # fmt: skip
    return sweep


@dataclass(slots=True)
class _Member:
    """One search aboard: its person's identifiers, open, and what is still to be read for it."""

    search: Search
    known: list[Known]
    asked: int
    spans: list[Window]

    def wants(self, interaction: Interaction, window: Window) -> bool:
        """What lies in the window and was asked for; the rest of a window was asked for by somebody else."""
        if any(start <= window[0] and window[1] <= end for start, end in self.spans):
            return True
        return any(start <= interaction.started_at < end for start, end in self.spans)


class _Pass:
    """One worker's run through the windows of a pass."""

    def __init__(self, system: System, turn: Turn[Sweep], connector: ContentConnector):
        self._system, self._turn, self._connector = system, turn, connector
        self._manifest = registry.manifest(system.kind)
        self._members: dict[UUID, _Member] = {}
        self._crowd = Crowd()

    def read(self, *, budget: int) -> int:
        """Window by window until the end, or until ``budget`` calls were made; returns how many were."""
        sweep, before = self._turn.under_way, self._connector.calls
        _begin_anew_where_the_basis_changed(self._system)
        while True:
            self._look_who_is_aboard()
            ahead = windows.unpacked(sweep.windows)[sweep.cursor :]
            if not self._members or not ahead:
                self._end(Ending.MOOT if ahead else Ending.FINISHED)
                break
            if self._alone_is_cheaper(ahead):
                self._give_up()
                break
            if self._connector.calls - before >= budget:
                break
            self._read_window(ahead[0])
        return self._connector.calls - before

    def _look_who_is_aboard(self) -> None:
        """Open the identifiers of whoever has come, and forget whoever is done or has gone."""
        searches = {one.pk: one for one in aboard(self._system).select_related("request__subject", "system")}
        self._members = {pk: member for pk, member in self._members.items() if pk in searches}
        for pk, search in list(searches.items()):
            if pk in self._members or len(self._members) >= ways.MOST_ABOARD:
                continue
            known = belonging.known(search.request, region=self._system.region)
            asked = len(belonging.questions(known, self._manifest))
            self._members[pk] = _Member(search, known, asked, windows.unpacked(search.spans))
            self._crowd.add(pk, known)
            if search.cursor == 0:
                Search.objects.filter(pk=pk).update(left_out=sum(entry.left_out for entry in known))
                self._fetch_named(search, known)

    def _fetch_named(self, search: Search, known: list[Known]) -> None:
        """Look up the interactions that the person named; those calls are theirs alone."""
        for entry in belonging.named(known):
            self._turn.beat()
            interaction = self._connector.get(entry.value)
            with transaction.atomic(durable=True):
                if interaction is not None:
                    found = belonging.tie(interaction, known, region=self._system.region)
                    noting.note(search, [(interaction, found or Tie(entry, belonging.Doubt.NAMED))])
                Search.objects.filter(pk=search.pk).update(
                    calls_made=F("calls_made") + 1, calls_expected=F("calls_expected") + 1
                )

    def _alone_is_cheaper(self, ahead: list[Window]) -> bool:
        """What was learnt meanwhile may say that the rest had better be asked for each person alone."""
        left = ways.calls_of_a_sweep(self._system, ahead)
        alone = 0
        for member in self._members.values():
            alone += member.asked * sum(windows.overlap(member.spans, window) for window in ahead)
            if alone >= left:
                return False
        return True

    def _read_window(self, window: Window) -> None:
        """Read all pages of one window, compare each contact with everybody who wants it, and move the cursor."""
        concerned = {pk: one for pk, one in self._members.items() if windows.overlap(one.spans, window)}
        theirs: dict[UUID, dict[str, tuple[Interaction, Tie]]] = {pk: {} for pk in concerned}
        moments: dict[str, datetime] = {}
        before, pages, token = self._connector.calls, 0, None
        while concerned:
            self._turn.beat()
            page = self._connector.find(None, start=window[0], end=window[1], token=token)
            pages, token = pages + 1, page.next_token
            for interaction in page.interactions:
                moments[interaction.external_id] = interaction.started_at
                self._compare(interaction, window, concerned, theirs)
            if token is None:
                break
            if pages >= MOST_PAGES and window[1] - window[0] > SHORTEST:
                self._cut(window, calls=self._connector.calls - before, seen=len(moments))
                return
        self._write(window, theirs, moments.values(), calls=self._connector.calls - before)

    def _compare(
        self,
        interaction: Interaction,
        window: Window,
        concerned: dict[UUID, _Member],
        theirs: dict[UUID, dict[str, tuple[Interaction, Tie]]],
    ) -> None:
        for pk in self._crowd.near(interaction) & concerned.keys():
            member = concerned[pk]
            found = belonging.tie(interaction, member.known, region=self._system.region)
            if found is not None and member.wants(interaction, window):
                theirs[pk][interaction.external_id] = interaction, found

    def _cut(self, window: Window, *, calls: int, seen: int) -> None:
        """Go on with the first half of a window that has more pages than a run may be able to read."""
        sweep = self._turn.under_way
        middle = window[0] + (window[1] - window[0]) / 2
        cut = windows.unpacked(sweep.windows)
        cut[sweep.cursor : sweep.cursor + 1] = [(window[0], middle), (middle, window[1])]
        with transaction.atomic(durable=True):
            windows.learn_at_least(self._system.pk, window, seen)
            self._turn.write(windows=windows.packed(cut), calls_made=F("calls_made") + calls)
        sweep.refresh_from_db()

    def _write(
        self,
        window: Window,
        theirs: dict[UUID, dict[str, tuple[Interaction, Tie]]],
        moments: Iterable[datetime],
        *,
        calls: int,
    ) -> None:
        """What was found, the cursor, and what is still to be read for each: one commit."""
        sweep, sharers = self._turn.under_way, len(theirs)
        done = [self._members[pk] for pk in theirs]
        with transaction.atomic(durable=True):
            self._turn.write(
                cursor=sweep.cursor + 1, calls_made=F("calls_made") + calls, sharers=max(sweep.sharers, sharers)
            )
            if calls:
                windows.learn(self._system.pk, window, moments)
            found = {pk: hits for pk, hits in theirs.items() if hits}
            living = _lock_living(self._members[pk].search.request_id for pk in found)
            for pk, hits in found.items():
                if self._members[pk].search.request_id in living:
                    noting.note(self._members[pk].search, hits.values())
            for member in done:
                _move_on(member, window, calls=calls, sharers=sharers)
        for member in done:
            member.spans = windows.without(member.spans, window)
            if not member.spans:
                _finish(member.search)
        sweep.refresh_from_db()

    def _give_up(self) -> None:
        """Let each be asked for alone from here on; what was read for them stays read."""
        with transaction.atomic(durable=True):
            self._turn.write(ended_at=clock.stamp(), ending=Ending.GIVEN_UP, lease_until=None)
            aboard(self._system).update(way=Way.SUBJECT, cursor=0)
        turns.wake(member.search.request_id for member in self._members.values())

    def _end(self, ending: Sweep.Ending) -> None:
        with transaction.atomic(durable=True):
            self._turn.write(ended_at=clock.stamp(), ending=ending, lease_until=None)


def _lock_living(request_ids: Iterable[UUID]) -> set[UUID]:
    """Those among them that are still searched for, and stay so until the commit: nothing is noted for the others."""
    remembered = DataSubject.objects.filter(forgotten_at__isnull=True)
    living = Request.objects.filter(pk__in=list(request_ids), state=State.VALIDATED, subject__in=remembered)
    return set(living.order_by("pk").select_for_update().values_list("pk", flat=True))


def _move_on(member: _Member, window: Window, *, calls: int, sharers: int) -> None:
    left = windows.without(member.spans, window)
    search = member.search
    search.spans, search.cursor = windows.packed(left), search.cursor + 1
    search.calls_made, search.sharers = search.calls_made + calls, max(search.sharers, sharers)
    Search.objects.filter(pk=search.pk).update(
        spans=search.spans, cursor=search.cursor, calls_made=F("calls_made") + calls, sharers=search.sharers
    )


def _finish(search: Search) -> None:
    noting.finish(search)
    turns.wake([search.request_id])
