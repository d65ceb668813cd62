"""Shows a person's name and identifiers to somebody: in clear with a line in the access log, masked without.

In:  a request, who looks, and the reason that they chose, if any.
Out: the values, as this viewer may see them now.
Never here: a value in clear before its line is written. Nothing else opens sealed values for a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from requests_app import access_log, gates, identifiers, keys
from requests_app.models import Identifier, Party, Request

MASK = "••••"


@dataclass(frozen=True, slots=True)
class Person:
    """The data subject as this viewer may see them. ``identifiers``: (row id, kind in words, value)."""

    name: str
    contact: str
    identifiers: tuple[tuple[UUID, str, str], ...]
    clear: bool
    forgotten: bool

    @property
    def by_row(self) -> dict[UUID, str]:
        """Identifier's row id → value."""
        return {pk: value for pk, _, value in self.identifiers}


FORGOTTEN = Person("", "", (), clear=False, forgotten=True)


def sees(user: Any, reason: str) -> bool:
    """Whether values are shown in clear: to those who work on requests, and to those who gave a reason for now."""
    if user.has_perm("requests_app.see_personal_data"):
        return True
    return bool(reason) and user.has_perm("requests_app.reveal_personal_data")


def may_reveal(user: Any) -> bool:
    """Whether this person sees values masked, and in clear after giving a reason."""
    return user.has_perm("requests_app.reveal_personal_data") and not user.has_perm("requests_app.see_personal_data")


def require_reason(user: Any, reason: str) -> None:
    """``Refused`` unless this person may reveal, and the reason is one that can be chosen."""
    gates.require(user, "requests_app.reveal_personal_data")
    gates.require_reason(reason, access_log.CHOOSABLE)


def person(request: Request, user: Any, *, reason: str = "") -> Person:
    """Name, contact and identifiers. In clear: first the line in the access log, then the values."""
    clear = sees(user, reason)
    if request.subject.forgotten_at:
        return FORGOTTEN
    try:
        found = _opened(request)
    except keys.Forgotten:
        return FORGOTTEN
    if not clear:
        return _masked(found)
    access_log.note(user, access_log.What.REQUEST, object_id=request.pk, reason=_reason_for(user, reason))
    name, contact, rows = found
    known = tuple((row.pk, row.get_kind_display(), value) for row, value in rows)
    return Person(name, contact, known, clear=True, forgotten=False)


def _reason_for(user: Any, chosen: str) -> str:
    return "" if user.has_perm("requests_app.see_personal_data") else chosen


Opened = tuple[str, str, list[tuple[Identifier, str]]]


def _opened(request: Request) -> Opened:
    party = request.parties.filter(role=Party.Role.REQUESTER).first()
    name = keys.unseal(party, "name_enc", subject_id=request.subject_id) if party else ""
    contact = keys.unseal(party, "contact_enc", subject_id=request.subject_id) if party else ""
    rows = request.subject.identifiers.order_by("created_at", "pk")
    return name, contact, [(row, keys.unseal(row, "value_enc", subject_id=request.subject_id)) for row in rows]


def _masked(found: Opened) -> Person:
    _, contact, rows = found
    known = tuple(
        (row.pk, row.get_kind_display(), identifiers.mask(identifiers.Kind(row.kind), value)) for row, value in rows
    )
    return Person(MASK, MASK if contact else "", known, clear=False, forgotten=False)
