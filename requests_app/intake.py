"""Room 1 · Takes a request: who, which right, since when, and by what the systems know the person.

In:  what the form, the import or the API was told.
Out: a data subject with sealed identifiers, a request in state ``received``, links to duplicates, ledger entries.
Never here: a judgement about the person. Whoever takes a request is barred from approving it; importing is not taking.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from requests_app import audit, barring, digests, gates, keys, suppression
from requests_app.errors import Refused
from requests_app.identifiers import LABELS, Kind, normalise
from requests_app.models import (
    ApprovalBar,
    Channel,
    DataSubject,
    Identifier,
    Jurisdiction,
    Party,
    Request,
    RequestLink,
    Right,
    Scope,
    SubjectKey,
    Suppression,
)
from requests_app.states import OPEN, State

MAX_NAME = 200
MAX_IDENTIFIERS = 50
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Clocks differ: a request that seems to come from the next minutes is not a mistake.
LEEWAY = timedelta(minutes=5)


class Invalid(Refused):
    """What was told cannot be taken. ``errors`` maps a parameter's name to the sentence that says what to do."""

    def __init__(self, errors: dict[str, str]):
        self.errors = errors
        super().__init__("invalid", "Some details need another look; each is marked.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that has been examined and may be stored."""

    right: Right
    channel: Channel
    jurisdiction: Jurisdiction
    received_at: datetime
    name: str
    contact: str
    identifiers: tuple[tuple[Kind, str], ...]
    scope: Scope
    date_from: date | None
    date_to: date | None
    subject_kind: str
    staff_user: User | None
    unsafe_contact: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored request, the open ones of the same person that ask for the same, and what is known from before.

    ``earlier`` are requests of a person whom the portal has forgotten since; ``suppressed`` are entries of the list of
    people who must not be contacted. Both are for people to look at, and stop nothing.
    """

    request: Request
    duplicates: list[Request] = field(default_factory=list)
    earlier: list[Request] = field(default_factory=list)
    suppressed: list[Suppression] = field(default_factory=list)


def region_of(jurisdiction: str) -> str:
    """The country in which a national number of this request is read (ISO 3166-1 alpha-2)."""
    if jurisdiction == Jurisdiction.UK:
        return "GB"
    return jurisdiction.partition("-")[2] or settings.PORTAL_REGION


# --- examining -------------------------------------------------------------------------------------------------------


def examine(
    *,
    right: str,
    channel: str,
    jurisdiction: str,
    received_at: datetime,
    name: str,
    identifiers: Sequence[tuple[str, str]],
    contact: str = "",
    scope: str = Scope.EVERYTHING,
    date_from: date | None = None,
    date_to: date | None = None,
    subject_kind: str = DataSubject.Kind.CUSTOMER,
    staff_user: User | None = None,
    unsafe_contact: bool = False,
) -> Draft:
    """Look at everything at once. Raises ``Invalid`` with every fault found, never with a personal value."""
    errors: dict[str, str] = {}
    for label, value, choices in (
        ("right", right, Right),
        ("channel", channel, Channel),
        ("jurisdiction", jurisdiction, Jurisdiction),
        ("scope", scope, Scope),
        ("subject_kind", subject_kind, DataSubject.Kind),
    ):
        if value not in choices.values:
            errors[label] = f"Choose one of: {', '.join(choices.values)}."
    errors |= _faults_of_dates(received_at, date_from=date_from, date_to=date_to)
    errors |= _faults_of_text("name", name, needed=True) | _faults_of_text("contact", contact, needed=False)
    if subject_kind == DataSubject.Kind.STAFF and staff_user is None:
        errors["staff_user"] = "Choose the member of staff, so that they can neither validate nor approve."
    if subject_kind != DataSubject.Kind.STAFF and staff_user is not None:
        errors["staff_user"] = "Leave this empty unless the person concerned is a member of staff."
    found, faults = _normalise_all(identifiers, region=region_of(jurisdiction))
    errors |= faults
    if scope == Scope.NAMED_INTERACTIONS and not any(kind == Kind.INTERACTION_GUID for kind, _ in found):
        errors.setdefault("identifiers", "Name at least one interaction by its GUID, or choose another scope.")
    if errors:
        raise Invalid(errors)
    return Draft(
        Right(right), Channel(channel), Jurisdiction(jurisdiction), received_at, " ".join(name.split()),
        contact.strip(), found, Scope(scope), date_from, date_to, subject_kind, staff_user, unsafe_contact,
    )  # fmt: skip


def _faults_of_dates(received_at: datetime, *, date_from: date | None, date_to: date | None) -> dict[str, str]:
    errors = {}
    if received_at > timezone.now() + LEEWAY:
        errors["received_at"] = "This lies in the future. Enter when the request reached the company."
    elif received_at < EARLIEST:
        errors["received_at"] = "This is too long ago. Check the year."
    if date_from and date_to and date_from > date_to:
        errors["date_to"] = "The range ends before it begins. Swap the two dates."
    return errors


def _faults_of_text(name: str, text: str, *, needed: bool) -> dict[str, str]:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return {name: "This contains characters that cannot be printed. Type it again."}
    if needed and all(unicodedata.category(character)[0] in "CZ" for character in text):
        return {name: "Enter the name, as the person gives it."}
    if len(text) > MAX_NAME:
        return {name: f"Shorten this to at most {MAX_NAME} characters."}
    return {}


def _normalise_all(
    identifiers: Iterable[tuple[str, str]], *, region: str
) -> tuple[tuple[tuple[Kind, str], ...], dict[str, str]]:
    found: dict[tuple[Kind, str], None] = {}
    errors: dict[str, str] = {}
    given = list(identifiers)
    for position, (kind, text) in enumerate(given):
        if kind not in LABELS:
            errors[f"identifiers.{position}"] = "Choose what kind of identifier this is."
            continue
        try:
            found[Kind(kind), normalise(Kind(kind), text, region=region)] = None
        except Refused as refused:
            errors[f"identifiers.{position}"] = refused.message
    if not given:
        errors["identifiers"] = "Enter at least one number, address or id by which the systems know the person."
    if len(given) > MAX_IDENTIFIERS:
        errors["identifiers"] = f"Enter at most {MAX_IDENTIFIERS} identifiers; open a second request for the rest."
    return tuple(found), errors


# --- storing ---------------------------------------------------------------------------------------------------------


def open_request(*, actor: User, **told: object) -> Opened:
    """Take a request (parameters as in ``examine``). The one who takes it can never approve it."""
    gates.require(actor, "requests_app.capture_request")
    draft = examine(**told)  # type: ignore[arg-type]  # examine's own signature is the check
    with transaction.atomic(durable=True):
        return store(draft, actor=actor, opened_by=actor)


def store(
    draft: Draft,
    *,
    actor: audit.Actor,
    opened_by: User | None,
    import_key: str | None = None,
    outcome: str = "",
    closed_at: datetime | None = None,
) -> Opened:
    """Write an examined request, inside the caller's transaction. With ``outcome`` it is closed history."""
    subject = _subject_for(draft)
    history = bool(outcome)
    request = Request.objects.create(
        subject=subject, right=draft.right, channel=draft.channel, jurisdiction=draft.jurisdiction, scope=draft.scope,
        date_from=draft.date_from, date_to=draft.date_to, received_at=draft.received_at, opened_by=opened_by,
        subject_user=draft.staff_user, import_key=import_key, outcome=outcome, closed_at=closed_at,
        origin=Request.Origin.HISTORY if history else Request.Origin.LIVE,
        state=OUTCOMES[outcome] if history else State.RECEIVED,
    )  # fmt: skip
    party = Party(request=request, role=Party.Role.REQUESTER)
    party.name_enc = keys.seal(party, "name_enc", draft.name, subject_id=subject.pk)
    if draft.contact:
        party.contact_enc = keys.seal(party, "contact_enc", draft.contact, subject_id=subject.pk)
    party.save(force_insert=True)
    _add_identifiers(subject, draft.identifiers, actor=actor)
    facts: dict[str, Any] = {
        "right": draft.right, "channel": draft.channel, "jurisdiction": draft.jurisdiction,
        "identifiers": len(draft.identifiers), "received_at": draft.received_at,
    }  # fmt: skip
    if import_key is None:
        audit.append("request.received", actor=actor, about=request, **facts)
    else:
        history_facts: dict[str, Any] = {"origin": request.origin, "outcome": outcome or None}
        audit.append("request.imported", actor=actor, about=request, **facts, **history_facts)
    earlier, suppressed = _known_from_before(request, draft, actor=actor)
    if history:
        return Opened(request, [], earlier, suppressed)
    _bar_early(request, opened_by=opened_by, actor=actor)
    return Opened(request, _link_duplicates(request, actor=actor), earlier, suppressed)


def _known_from_before(
    request: Request, draft: Draft, *, actor: audit.Actor
) -> tuple[list[Request], list[Suppression]]:
    earlier, suppressed = digests.earlier(draft.identifiers), suppression.hits(draft.identifiers)
    if earlier or suppressed:
        audit.append(
            "request.flagged", actor=actor, about=request, asked_before=len(earlier), suppressed=len(suppressed)
        )
    return earlier, suppressed


#: What an import calls the outcome of closed history → the state it then has.
OUTCOMES = {
    "completed": State.CLOSED,
    "refused": State.REFUSED,
    "withdrawn": State.WITHDRAWN,
    "not_identified": State.NOT_IDENTIFIED,
}


def _indices(identifiers: Iterable[tuple[Kind, str]]) -> list[bytes]:
    return [index for kind, value in identifiers for index in keys.blind_indices(kind, value)]


def _subject_for(draft: Draft) -> DataSubject:
    """The data subject of the same name with one of these identifiers, or a new one.

    The same number under another name is another person who shares it: planning then flags every item.
    """
    same_number = DataSubject.objects.filter(
        identifiers__blind_index__in=_indices(draft.identifiers), forgotten_at__isnull=True, kind=draft.subject_kind
    ).distinct()
    for subject in same_number:
        if subject.staff_user != draft.staff_user or draft.name.casefold() not in _names_of(subject.pk):
            continue
        # Forgetting takes the same lock: whoever comes second sees what the first has decided.
        if DataSubject.objects.select_for_update().filter(pk=subject.pk, forgotten_at__isnull=True).exists():
            return subject
    subject = DataSubject.objects.create(
        kind=draft.subject_kind, staff_user=draft.staff_user, unsafe_contact=draft.unsafe_contact
    )
    for purpose in SubjectKey.Purpose:
        keys.create_subject_key(subject, purpose)
    return subject


def _names_of(subject_id: UUID) -> set[str]:
    parties = Party.objects.filter(request__subject_id=subject_id, role=Party.Role.REQUESTER)
    return {keys.unseal(party, "name_enc", subject_id=subject_id).casefold() for party in parties}


def _add_identifiers(subject: DataSubject, identifiers: Iterable[tuple[Kind, str]], *, actor: audit.Actor) -> None:
    for kind, value in identifiers:
        if subject.identifiers.filter(blind_index__in=keys.blind_indices(kind, value)).exists():
            continue
        index, key_id = keys.blind_index(kind, value)
        row = Identifier(subject=subject, kind=kind, blind_index=index, index_key_id=key_id)
        row.value_enc = keys.seal(row, "value_enc", value, subject_id=subject.pk)
        row.save(force_insert=True)
        audit.append(
            "identifier.added", actor=actor, about=subject, identifier=row.pk, kind=kind,
            payload={"kind": str(kind), "value": value}, subject=subject,
        )  # fmt: skip


def _bar_early(request: Request, *, opened_by: User | None, actor: audit.Actor) -> None:
    grounds = ((opened_by, ApprovalBar.Ground.OPENED), (request.subject_user, ApprovalBar.Ground.SUBJECT))
    for user, ground in grounds:
        if user is not None:
            barring.bar(request, user=user, ground=ground, actor=actor)


def _link_duplicates(request: Request, *, actor: audit.Actor) -> list[Request]:
    """Link to every open request for the same right that has an identifier in common (R-RX-10)."""
    opened = keys.identifiers_of(request.subject_id)
    others = list(
        Request.objects.filter(
            right=request.right, state__in=OPEN, subject__identifiers__blind_index__in=_indices(opened)
        )
        .exclude(pk=request.pk)
        .distinct()
        .order_by("received_at")
    )
    for other in others:
        RequestLink.objects.create(a=request, b=other, kind=RequestLink.Kind.DUPLICATE)
        audit.append("request.linked", actor=actor, about=request, other=other.pk, link=RequestLink.Kind.DUPLICATE)
    return others
