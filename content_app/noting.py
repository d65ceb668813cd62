"""What an interaction that was found becomes: candidates, with what the match alone decides, and the end of a search.

In:  a search, and the interactions that are tied to its person.
Out: candidates, each once; the entry that a search is finished. Where two people turn out to be tied to the same
     contact, what the match had included waits for a person, with an entry that says so.
Never here: a comparison (``belonging``), a call to an outside system, a choice that a person has made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from content_app import receipts
from content_app.belonging import ELSEWHERE, Doubt, Tie
from content_app.connectors.base import Interaction
from content_app.models import Candidate, Search
from requests_app import audit, clock
from requests_app.models import Request
from requests_app.states import OPEN, State

Link, Found = Candidate.Link, Candidate.Kind


def note(run: Search, theirs: Iterable[tuple[Interaction, Tie]]) -> None:
    """Write down what is theirs; what another window or query has found already stays as it is."""
    theirs = list(theirs)
    begun = receipts.has_begun(run.request)
    rows = [row for interaction, tie in theirs for row in _candidates_of(run, interaction, tie, begun=begun)]
    Candidate.objects.bulk_create(rows, ignore_conflicts=True)
    doubt_the_same_contact(
        run.request, system_id=run.system_id,
        contacts={interaction.external_id for interaction, tie in theirs if tie.doubt not in ELSEWHERE},
    )  # fmt: skip


def _candidates_of(run: Search, interaction: Interaction, tie: Tie, *, begun: bool) -> Iterator[Candidate]:
    request = run.request
    late = request.scope_as_of is not None and interaction.started_at > request.scope_as_of
    kind = Found.AFTER_SCOPE if late else Found.DISCOVERED if begun else Found.FOUND
    included, link = _first_choice(tie, wanted=not late and in_date_range(request, interaction.started_at))
    chosen_at = clock.now() if begun else None
    for content in interaction.content:
        yield Candidate(
            request=request, system_id=run.system_id, external_id=interaction.external_id, content_key=content.key,
            content_class=content.content_class, media_type=content.media_type[:80], length=content.length,
            occurred_at=interaction.started_at, direction=interaction.direction, line=_line(interaction, tie),
            agents=list(interaction.agents), found_by=tie.entry.row, shared=tie.entry.shared, doubt=tie.doubt,
            kind=kind, included=included, link=link, chosen_at=chosen_at,
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
    if tie.doubt in ELSEWHERE:
        return ""
    return (interaction.connect_to if interaction.direction == "inbound" else interaction.connect_from)[:80]


def in_date_range(request: Request, moment: datetime) -> bool:
    """Whether a contact of this moment was asked for."""
    day = timezone.localdate(moment)
    return (request.date_from is None or day >= request.date_from) and (
        request.date_to is None or day <= request.date_to
    )


# --- shared ----------------------------------------------------------------------------------------------------------


def doubt_the_same_contact(request: Request, *, system_id: UUID, contacts: Collection[str]) -> None:
    """One contact that the person's side ties to two people is nobody's by the match alone.

    Two numbers can be different and be spelled alike in one account. Whoever came first is asked about as well, as long
    as their list is not frozen. Call it inside the transaction that wrote the candidates.
    """
    if not contacts:
        return
    same = Candidate.objects.filter(system_id=system_id, external_id__in=contacts, request__state__in=OPEN)
    others = same.exclude(request__subject_id=request.subject_id).exclude(doubt__in=ELSEWHERE)
    hit = set(others.order_by().values_list("external_id", flat=True))
    if not hit:
        return
    doubt(Candidate.objects.filter(request=request, system_id=system_id, external_id__in=hit))
    doubt(others.filter(external_id__in=hit, request__state=State.VALIDATED))


def doubt(candidates: QuerySet[Candidate]) -> None:
    """Mark candidates as shared. What a match alone included waits for a person; what a person has said stands."""
    turned = candidates.filter(included=True, link=Link.OWN_IDENTIFIER)
    counted = dict(turned.order_by().values_list("request").annotate(count=Count("pk")))
    pks = list(candidates.order_by("pk").values_list("pk", flat=True))
    these = Candidate.objects.filter(pk__in=pks)
    these.filter(included=True, link=Link.OWN_IDENTIFIER).update(included=None, link="", doubt=Doubt.SHARED)
    these.update(shared=True)
    for request_id, count in counted.items():
        audit.append(
            "candidate.chosen", actor=audit.WORKER, about=request_id, choice="undecided", reason="shared", items=count
        )


# --- the end ---------------------------------------------------------------------------------------------------------


def finish(run: Search) -> None:
    """The search has read all that it was to read. Doing it again changes nothing."""
    mine = Candidate.objects.filter(request_id=run.request_id, system_id=run.system_id)
    interactions = mine.values("external_id").distinct().count()
    with transaction.atomic(durable=True):
        ended = Search.objects.filter(pk=run.pk, finished_at__isnull=True)
        if not ended.update(finished_at=clock.stamp(), interactions=interactions):
            return
        run.refresh_from_db()
        audit.append(
            "search.finished", actor=audit.WORKER, about=run.request_id, system=run.system_id, way=run.way,
            calls=run.calls_made, expected=run.calls_expected, shared=run.sharers, interactions=interactions,
            strangers=run.strangers, candidates=mine.count(), late=mine.filter(kind=Found.AFTER_SCOPE).count(),
        )  # fmt: skip
