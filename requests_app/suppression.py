"""The suppression list: keyed digests of people who must not be contacted or taken in again (R-AC-03 to R-AC-05).

In:  a request whose person objects, or whose staff choose it; later the identifiers of somebody who is taken in; the
     date on which somebody must look whether an entry is still needed.
Out: entries (digest, reason, date, channel, review date), the entries that fit an identifier, ledger entries.
Never here: an identifier, a name, a link to a request, or a silent block. A hit is shown; people decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from requests_app import audit, gates, keys, terms
from requests_app.errors import Refused
from requests_app.identifiers import Kind
from requests_app.models import Request, Suppression
from requests_app.states import State


def hits(identifiers: Iterable[tuple[Kind, str]]) -> list[Suppression]:
    """The entries that fit one of these identifiers, oldest first."""
    wanted = [digest for kind, value in identifiers for digest, _ in keys.digests(kind, value)]
    return list(Suppression.objects.filter(hmac__in=wanted).order_by("since", "id"))


def add(request: Request, *, actor: audit.Actor, reason: str, channel: str) -> int:
    """Put the person of a request on the list, inside the caller's transaction; returns how many entries are new."""
    now, review_on = timezone.now(), _next_review()
    fresh = 0
    for kind, value in keys.identifiers_of(request.subject_id):
        known = keys.digests(kind, value)
        if Suppression.objects.filter(hmac__in=[digest for digest, _ in known], channel=channel).exists():
            continue
        digest, key_id = known[0]
        Suppression.objects.create(
            hmac=digest, key_id=key_id, reason=reason, channel=channel, since=now, review_on=review_on
        )
        fresh += 1
    if fresh:
        audit.append("suppression.added", actor=actor, about=request, reason=reason, channel=channel, entries=fresh)
    return fresh


def _next_review() -> date:
    return terms.years_after(timezone.localdate(), settings.PORTAL_SUPPRESSION_REVIEW_YEARS)


# --- what staff choose -----------------------------------------------------------------------------------------------


def suppress(request_id: UUID, *, actor: User, channel: str) -> int:
    """Staff put a person on the list who asked for erasure, and not to be contacted again."""
    with transaction.atomic(durable=True):
        request = _identified(request_id, actor=actor)
        if channel not in Suppression.Channel.values:
            raise Refused("unknown_choice", "Choose from the list which channel is meant.")
        return add(request, actor=actor, reason=Suppression.Reason.WITH_ERASURE, channel=channel)


def lift(request_id: UUID, *, actor: User) -> int:
    """The person takes the objection back: every entry that fits one of their identifiers goes."""
    with transaction.atomic(durable=True):
        request = _identified(request_id, actor=actor)
        found = hits(keys.identifiers_of(request.subject_id))
        if not found:
            raise Refused("not_suppressed", "This person is not on the suppression list.")
        Suppression.objects.filter(pk__in=[entry.pk for entry in found]).delete()
        audit.append("suppression.lifted", actor=actor, about=request, reason="person_asked", entries=len(found))
        return len(found)


def _identified(request_id: UUID, *, actor: User) -> Request:
    gates.require(actor, "requests_app.suppress_subject")
    request = Request.objects.select_related("subject").get(pk=request_id)
    gates.require_not_the_subject(request, actor)
    if request.subject.forgotten_at:
        raise keys.Forgotten
    if request.state in (State.RECEIVED, State.NOT_IDENTIFIED) or request.origin == Request.Origin.HISTORY:
        raise Refused("not_identified", "Find out who is asking first: only the person themselves may ask for this.")
    return request


# --- the review ------------------------------------------------------------------------------------------------------

#: Why an entry may end without the person asking for it.
ENDED_BECAUSE = (
    ("no_contact", "We contact nobody this way any more"),
    ("no_source", "No system of ours could bring their data back"),
    ("mistake", "The entry was a mistake"),
)


def due() -> QuerySet[Suppression]:
    """The entries that somebody must look at now."""
    return Suppression.objects.filter(review_on__lte=timezone.localdate())


def is_due(entry_id: str | None) -> bool:
    """Whether somebody must look at this entry now. Not an entry: ``False``."""
    try:
        return entry_id is not None and due().filter(pk=UUID(entry_id)).exists()
    except ValueError:
        return False


def keep(entry_id: UUID, *, actor: User, reason: str) -> date:
    """The entry is still needed; returns the date of the next review."""
    with transaction.atomic(durable=True):
        entry = _to_review(entry_id, actor=actor)
        gates.require_reason(reason, tuple(Suppression.Kept.choices))
        entry.review_on, entry.reviewed_at, entry.kept_because = _next_review(), timezone.now(), reason
        entry.save(update_fields=["review_on", "reviewed_at", "kept_because"])
        _note_review(entry, actor=actor, decision="kept", reason=reason)
        return entry.review_on


def end(entry_id: UUID, *, actor: User, reason: str) -> None:
    """The entry is not needed any more, and goes. The ledger keeps its random id, and why."""
    with transaction.atomic(durable=True):
        entry = _to_review(entry_id, actor=actor)
        gates.require_reason(reason, ENDED_BECAUSE)
        _note_review(entry, actor=actor, decision="ended", reason=reason)
        entry.delete()


def _to_review(entry_id: UUID, *, actor: User) -> Suppression:
    gates.require(actor, "requests_app.review_suppression")
    entry = Suppression.objects.select_for_update().filter(pk=entry_id).first()
    if entry is None:
        raise Refused("no_entry", "This entry is not on the list any more. A colleague may have been faster.")
    if entry.review_on > timezone.localdate():
        raise Refused("not_due", f"This entry is to be reviewed on {entry.review_on:%-d %B %Y}, not before.")
    return entry


def _note_review(entry: Suppression, *, actor: User, decision: str, reason: str) -> None:
    audit.append(
        "suppression.reviewed", actor=actor, about=entry, decision=decision, reason=reason, channel=entry.channel
    )
