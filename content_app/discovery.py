"""Room 3, first half · Finds everything that is theirs, in every connected system.

In:  a validated request; what each system answers, one window at a time.
Out: candidates with their tie to the person.
Never here: a delete, or a decision that staff must take. A prefix match becomes a candidate only after an exact
comparison; a shared number is flagged and waits for a person; a contact after the scope is listed apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from content_app import clock, receipts, systems
from content_app.connectors import registry
from content_app.connectors.base import ContentConnector, Interaction, Manifest, Query
from content_app.models import Candidate, Search, System
from content_app.receipts import Beat
from requests_app import audit, keys
from requests_app.identifiers import ADDRESS_KINDS, MIN_PREFIX, Kind, formats, left_out, matches
from requests_app.models import Decision, Identifier, Request, Scope
from requests_app.states import State

Doubt, Link, Found = Candidate.Doubt, Candidate.Link, Candidate.Kind


@dataclass(frozen=True, slots=True)
class Known:
    """One identifier of the person, opened, with every spelling to search for.

    ``doubtful`` are spellings that read as another person's number too, such as a German ``0171…`` in a British
    account: they are searched for as well, and whatever they find waits for a person.
    """

    row: Identifier
    kind: Kind
    value: str
    shared: bool
    spellings: tuple[str, ...]
    doubtful: tuple[str, ...]
    left_out: int

    def fits(self, address: str, *, region: str) -> bool:
        """The address is this identifier and can be nobody else's."""
        return self.kind in ADDRESS_KINDS and matches(self.kind, self.value, address, region=region)

    def may_fit(self, address: str) -> bool:
        """The address is spelled like this identifier, and could be another person's as well."""
        return "".join(character for character in address if character not in " -()./") in self.doubtful


def is_finished(request: Request) -> bool:
    """Every connected system has answered since the scope was frozen, and since the list was last sent back."""
    answered = fresh_searches(request).filter(finished_at__isnull=False).values("system_id")
    return not System.active.exclude(pk__in=answered).exists()


def search(request_id: UUID, *, budget: int, beat: Beat) -> bool:
    """Ask every system for everything of the person, at most ``budget`` calls each; ``True`` when all have answered.

    Resumes at the window where an earlier run stopped. Raises ``ConnectorError`` when a system does not answer.
    """
    request = Request.objects.select_related("subject").get(pk=request_id)
    answered = fresh_searches(request).filter(finished_at__isnull=False).values("system_id")
    asked = System.active.exclude(pk__in=answered).values_list("pk", flat=True)
    systems.each(asked, lambda system: _search_system(request, system, budget=budget, beat=beat))
    return is_finished(request)


def fresh_searches(request: Request) -> QuerySet[Search]:
    """The searches that count: since the scope was frozen, and since the list was last sent back."""
    sent_back = request.decisions.filter(kind__in=[Decision.Kind.SENT_BACK, Decision.Kind.APPROVAL_WITHDRAWN])
    last = sent_back.order_by("-at").values_list("at", flat=True).first()
    since = max(filter(None, (request.scope_as_of, last)), default=request.received_at)
    return Search.objects.filter(request=request, started_at__gte=since)


def doubt_newly_shared(request_id: UUID) -> None:
    """Whom a match alone included waits for a person, where somebody else has come with the same identifier since."""
    request = Request.objects.select_related("subject").get(pk=request_id)
    if request.state != State.VALIDATED or receipts.has_begun(request):
        return
    for row in _identifiers_of(request):
        value = keys.unseal(row, "value_enc", subject_id=request.subject_id)
        if not _is_shared(Kind(row.kind), value, subject_id=request.subject_id):
            continue
        with transaction.atomic(durable=True):
            theirs = request.candidates.filter(found_by=row)
            theirs.filter(included=True, link=Link.OWN_IDENTIFIER).update(included=None, link="", doubt=Doubt.SHARED)
            theirs.update(shared=True)


def _search_system(request: Request, system: System, *, budget: int, beat: Beat) -> None:
    known = _known_identifiers(request, region=system.region)
    manifest = registry.manifest(system.kind)
    now = clock.now()
    run, is_new = Search.objects.get_or_create(
        request=request, system=system, finished_at=None, defaults={"until": now}
    )
    if is_new:  # the field's own default is this machine's clock
        Search.objects.filter(pk=run.pk).update(started_at=now)
    work = _pairs(run, known=known, manifest=manifest, history_days=system.history_days)
    named = [entry for entry in known if entry.kind == Kind.INTERACTION_GUID]
    expected = len(work) + len(named)
    if run.calls_expected != expected:
        run.cursor = 0  # the system's history or country was changed meanwhile: the cursor means another window now
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
    _finish(run)


def _known_identifiers(request: Request, *, region: str) -> list[Known]:
    known = []
    for row in _identifiers_of(request):
        kind, value = Kind(row.kind), keys.unseal(row, "value_enc", subject_id=request.subject_id)
        others = left_out(kind, value, region=region)
        doubtful = tuple(text for text in others if len(text) >= MIN_PREFIX[kind])
        spellings = tuple(formats(kind, value, region=region))
        shared = _is_shared(kind, value, subject_id=request.subject_id)
        known.append(Known(row, kind, value, shared, spellings, doubtful, len(others) - len(doubtful)))
    return known


def _identifiers_of(request: Request) -> QuerySet[Identifier]:
    """What was known when the scope was frozen. What a later request of theirs names was not checked with this one."""
    return request.subject.identifiers.filter(created_at__lte=request.scope_as_of or timezone.now()).order_by("pk")


def _is_shared(kind: Kind, value: str, *, subject_id: UUID) -> bool:
    """Another data subject has it too, under whichever index key that was written."""
    same = Identifier.objects.filter(
        blind_index__in=keys.blind_indices(kind, value), subject__forgotten_at__isnull=True
    )
    return same.exclude(subject_id=subject_id).exists()


def _pairs(
    run: Search, *, known: list[Known], manifest: Manifest, history_days: int
) -> list[tuple[tuple[datetime, datetime], Query]]:
    """Every (window, query) of a search, in an order that is the same on every run."""
    if run.request.scope == Scope.NAMED_INTERACTIONS:
        return []
    addresses = [
        s for entry in known if entry.kind in manifest.searches_by for s in (*entry.spellings, *entry.doubtful)
    ]
    queries = [Query(side, address) for address in dict.fromkeys(addresses) for side in ("from", "to")]
    start = run.until - timedelta(days=history_days)
    windows = []
    while start < run.until:
        end = min(start + manifest.window, run.until)
        windows.append((start, end))
        start = end
    return [(window, query) for window in windows for query in queries]


def _read_window(
    run: Search,
    connector: ContentConnector,
    *,
    query: Query,
    window: tuple[datetime, datetime],
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
            tie = _tie(interaction, known, region=run.system.region)
            if tie is None:
                strangers += 1
            else:
                theirs.append((interaction, tie))
        token = page.next_token
        if token is None:
            break
    calls = connector.calls - before
    with transaction.atomic(durable=True):
        _note(run, theirs)
        run.cursor, run.calls_made, run.strangers = position + 1, run.calls_made + calls, run.strangers + strangers
        run.save(update_fields=["cursor", "calls_made", "strangers"])
    return calls


def _fetch_named(run: Search, connector: ContentConnector, *, named: list[Known], known: list[Known]) -> None:
    """Look up the interactions that the person named. One that carries none of their addresses waits for a decision."""
    for entry in named:
        interaction = connector.get(entry.value)
        if interaction is not None:
            tie = _tie(interaction, known, region=run.system.region) or Tie(entry, Doubt.NAMED)
            with transaction.atomic(durable=True):
                _note(run, [(interaction, tie)])
    Search.objects.filter(pk=run.pk).update(calls_made=connector.calls)
    run.calls_made = connector.calls


@dataclass(frozen=True, slots=True)
class Tie:
    """How an interaction is tied to the person: by which identifier, and what a person must still look at."""

    entry: Known
    doubt: Candidate.Doubt


def _tie(interaction: Interaction, known: list[Known], *, region: str) -> Tie | None:
    """The tie of an interaction to the person, by exact comparison; ``None`` for a stranger's."""
    inbound = interaction.direction == "inbound"
    person, company = (
        (interaction.connect_from, interaction.connect_to)
        if inbound
        else (interaction.connect_to, interaction.connect_from)
    )
    for entry in known:
        if entry.fits(person, region=region):
            return Tie(entry, Doubt.SHARED if entry.shared else Doubt.NONE)
    for entry in known:
        if entry.may_fit(person):
            return Tie(entry, Doubt.AMBIGUOUS)
    for entry in known:
        if entry.fits(company, region=region) or entry.may_fit(company):
            return Tie(entry, Doubt.COMPANY_SIDE)
    return None


def _note(run: Search, theirs: Iterable[tuple[Interaction, Tie]]) -> None:
    """Write down what is theirs; what another window or query has found already stays as it is."""
    begun = receipts.has_begun(run.request)
    rows = [row for interaction, tie in theirs for row in _candidates_of(run, interaction, tie, begun=begun)]
    Candidate.objects.bulk_create(rows, ignore_conflicts=True)


def _candidates_of(run: Search, interaction: Interaction, tie: Tie, *, begun: bool) -> Iterator[Candidate]:
    request = run.request
    late = request.scope_as_of is not None and interaction.started_at > request.scope_as_of
    kind = Found.AFTER_SCOPE if late else Found.DISCOVERED if begun else Found.FOUND
    included, link = _first_choice(tie, wanted=not late and _in_date_range(request, interaction.started_at))
    for content in interaction.content:
        yield Candidate(
            request=request, system=run.system, external_id=interaction.external_id, content_key=content.key,
            content_class=content.content_class, media_type=content.media_type[:80], length=content.length,
            occurred_at=interaction.started_at, direction=interaction.direction, line=_line(interaction, tie),
            agents=list(interaction.agents), found_by=tie.entry.row, shared=tie.entry.shared, doubt=tie.doubt,
            kind=kind, included=included, link=link, chosen_at=timezone.now() if begun else None,
        )  # fmt: skip


def _first_choice(tie: Tie, *, wanted: bool) -> tuple[bool | None, str]:
    """What the match alone decides: (included, why). Nothing, where there is a doubt that a person must settle."""
    if not wanted:
        return False, Link.OUT_OF_SCOPE
    if tie.doubt != Doubt.NONE:
        return None, ""
    return True, Link.OWN_IDENTIFIER


def _line(interaction: Interaction, tie: Tie) -> str:
    """The company's line. Where the person's own address stands on that side, nothing is kept of it."""
    if tie.doubt in (Doubt.COMPANY_SIDE, Doubt.NAMED):
        return ""
    return (interaction.connect_to if interaction.direction == "inbound" else interaction.connect_from)[:80]


def _in_date_range(request: Request, at: datetime) -> bool:
    day = timezone.localdate(at)
    return (request.date_from is None or day >= request.date_from) and (
        request.date_to is None or day <= request.date_to
    )


def _finish(run: Search) -> None:
    mine = Candidate.objects.filter(request=run.request, system=run.system)
    interactions = mine.values("external_id").distinct().count()
    with transaction.atomic(durable=True):
        Search.objects.filter(pk=run.pk).update(finished_at=timezone.now(), interactions=interactions)
        audit.append(
            "search.finished", actor=audit.WORKER, about=run.request_id, system=run.system_id, calls=run.calls_made,
            interactions=interactions, strangers=run.strangers, candidates=mine.count(),
            late=mine.filter(kind=Found.AFTER_SCOPE).count(),
        )  # fmt: skip
