"""Room 3, first half · Finds everything that is theirs, in every connected system.

In:  a validated request; what each system answers, one window at a time.
Out: candidates with their tie to the person.
Never here: a delete, or a decision that staff must take. A prefix match becomes a candidate only after an exact
comparison; a shared number is flagged and waits for a person; a contact after the scope is listed apart.

There are two ways to ask, and both find the same: for this person alone, here, or in a pass for all who wait
(``sweeping``). ``ways`` chooses. What has no content any more is counted afterwards (``leftovers``).
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from content_app import belonging, leftovers, noting, receipts, sweeping, systems, ways, windows
from content_app.belonging import Known, Tie
from content_app.connectors import registry
from content_app.connectors.base import ContentConnector, Interaction, Query
from content_app.models import Search, System
from content_app.receipts import Beat
from content_app.windows import Window
from requests_app import clock
from requests_app.models import Request, Scope
from requests_app.states import State


def is_finished(request: Request) -> bool:
    """Every connected system has answered since the scope was frozen, and since the list was last sent back; what the
    statistics still hold is counted, where they are read."""
    return not _unanswered(request) and not leftovers.missing(request)


def search(request_id: UUID, *, budget: int, beat: Beat) -> bool:
    """Ask every system for everything of the person, at most ``budget`` calls each; ``True`` when all have answered.

    Then count what its statistics still hold, at most as many calls again. Resumes at the window where an earlier run
    stopped. Raises ``ConnectorError`` when a system does not answer.
    """
    request = Request.objects.select_related("subject").get(pk=request_id)
    unanswered = _unanswered(request)

    def ask(system: System) -> None:
        if system.pk in unanswered:
            _search_system(request, system, budget=budget, beat=beat)
        if system.pk not in _unanswered(request):
            leftovers.run(request, system, budget=budget, beat=beat)

    systems.each(unanswered | leftovers.missing(request), ask)
    return is_finished(request)


def _unanswered(request: Request) -> set[UUID]:
    """The connected systems whose content is still to be searched for this request."""
    answered = fresh_searches(request).filter(finished_at__isnull=False).values("system_id")
    return set(System.active.exclude(pk__in=answered).values_list("pk", flat=True))


def fresh_searches(request: Request) -> QuerySet[Search]:
    """The searches that count: since the scope was frozen, and since the list was last sent back."""
    return Search.objects.filter(request=request, started_at__gte=ways.fresh_since(request))


def doubt_newly_shared(request_id: UUID) -> None:
    """Whom a match alone included waits for a person, where somebody else has come with the same identifier since, or
    is tied to the same contact."""
    request = Request.objects.select_related("subject").get(pk=request_id)
    if request.state != State.VALIDATED or receipts.has_begun(request):
        return
    for row, kind, value in belonging.opened(request):
        if not belonging.is_shared(kind, value, subject_id=request.subject_id):
            continue
        with transaction.atomic(durable=True):
            noting.doubt(request.candidates.filter(found_by=row))
    for system_id in System.objects.values_list("pk", flat=True):
        theirs = request.candidates.filter(system_id=system_id).exclude(doubt__in=belonging.ELSEWHERE)
        contacts = set(theirs.order_by().values_list("external_id", flat=True))
        with transaction.atomic(durable=True):
            noting.doubt_the_same_contact(request, system_id=system_id, contacts=contacts)


def _search_system(request: Request, system: System, *, budget: int, beat: Beat) -> None:
    known = belonging.known(request, region=system.region)
    run = _open_search(request, system, known)
    if run.way == Search.Way.SWEEP:
        sweeping.run(system, budget=budget, beat=beat)
        run.refresh_from_db()
    if run.way == Search.Way.SUBJECT and run.finished_at is None:
        _search_alone(run, system, known=known, budget=budget, beat=beat)


def _open_search(request: Request, system: System, known: list[Known]) -> Search:
    """The search that goes on, or a new one, aboard a pass where that is cheaper."""
    under_way = Search.objects.filter(request=request, system=system, finished_at=None).select_related("request")
    run = under_way.first()
    if run is None and sweeping.board(request, system, known):
        run = under_way.first()
    if run is None:
        now = clock.now()
        run, _ = Search.objects.get_or_create(
            request=request, system=system, finished_at=None,
            defaults={"until": now, "basis": systems.basis(system), "started_at": now},
        )  # fmt: skip
    return run


# --- for one person alone --------------------------------------------------------------------------------------------


def _search_alone(run: Search, system: System, *, known: list[Known], budget: int, beat: Beat) -> None:
    _begin_anew_where_the_basis_changed(run, system)
    work = _pairs(run, system, known)
    named = belonging.named(known)
    expected = len(work) + len(named)
    if run.calls_expected != expected:
        run.cursor = 0  # windows and questions are others than when it began: the cursor means another window now
    with systems.connected(system) as connector:
        if run.cursor == 0:
            short = sum(entry.left_out for entry in known)
            Search.objects.filter(pk=run.pk).update(calls_expected=expected, left_out=short)
            _fetch_named(run, connector, named=named, known=known)
        for position in range(run.cursor, len(work)):
            if budget <= 0:
                return
            beat()
            window, query = work[position]
            budget -= _read_window(run, connector, query=query, window=window, known=known, position=position)
    noting.finish(run)


def _begin_anew_where_the_basis_changed(run: Search, system: System) -> None:
    """The history or country of the system was changed meanwhile, so all of it is asked for again."""
    basis = systems.basis(system)
    if run.basis != basis:
        run.spans, run.cursor, run.basis = [], 0, basis
        run.save(update_fields=["spans", "cursor", "basis"])


def _pairs(run: Search, system: System, known: list[Known]) -> list[tuple[Window, Query]]:
    """Every (window, query) of a search, in an order that is the same on every run."""
    if run.request.scope == Scope.NAMED_INTERACTIONS:
        return []
    spans = windows.unpacked(run.spans) or [ways.history(system, until=run.until)]
    manifest = registry.manifest(system.kind)
    cut = [window for span in spans for window in windows.windows(*span, manifest.window)]
    return [(window, query) for window in cut for query in belonging.questions(known, manifest)]


def _read_window(
    run: Search,
    connector: ContentConnector,
    *,
    query: Query,
    window: Window,
    known: list[Known],
    position: int,
) -> int:
    """Read all pages of one window, compare each hit exactly, and move the cursor; returns the calls made."""
    before = connector.calls
    theirs: list[tuple[Interaction, Tie]] = []
    strangers, token = 0, None
    while True:
        page = connector.find(query, start=window[0], end=window[1], token=token)
        for interaction in page.interactions:
            tie = belonging.tie(interaction, known, region=run.system.region)
            if tie is None:
                strangers += 1
            else:
                theirs.append((interaction, tie))
        token = page.next_token
        if token is None:
            break
    calls = connector.calls - before
    with transaction.atomic(durable=True):
        noting.note(run, theirs)
        run.cursor, run.calls_made, run.strangers = position + 1, run.calls_made + calls, run.strangers + strangers
        run.save(update_fields=["cursor", "calls_made", "strangers"])
    return calls


def _fetch_named(run: Search, connector: ContentConnector, *, named: list[Known], known: list[Known]) -> None:
    """Look up the interactions that the person named. One that carries none of their addresses waits for a decision."""
    before = connector.calls
    for entry in named:
        interaction = connector.get(entry.value)
        if interaction is not None:
            tie = belonging.tie(interaction, known, region=run.system.region) or Tie(entry, belonging.Doubt.NAMED)
            with transaction.atomic(durable=True):
                noting.note(run, [(interaction, tie)])
    run.calls_made += connector.calls - before
    run.save(update_fields=["calls_made"])
