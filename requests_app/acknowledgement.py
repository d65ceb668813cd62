"""The person's receipt: what they keep, so that the ledger can be matched to them after the portal has forgotten them.

In:  a request whose person is not forgotten; later a receipt and an identifier that somebody brings.
Out: the reference with the entry and the salt of each identifier; whether an identifier fits its entry.
Never here: an identifier on the receipt. It has the salts, without which nobody can try identifiers against the ledger;
so it is handed out to the person alone, and each time is noted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from requests_app import access_log, audit, commitments, gates, intake, keys
from requests_app.errors import Refused
from requests_app.identifiers import Kind, normalise
from requests_app.models import DataSubject, Jurisdiction, LedgerLeaf, Request

FORMAT = "portal-receipt-v1"
_SALT = 32
_NO_MATCH = "This identifier does not fit this entry and salt. Compare each with the receipt, character by character."


@dataclass(frozen=True, slots=True)
class Line:
    """One identifier of the person: what kind it is, the entry that commits to it, and the salt."""

    entry: UUID
    kind: str
    salt: str

    @property
    def groups(self) -> list[str]:
        """The salt as it is printed and typed."""
        return [self.salt[start : start + 8] for start in range(0, len(self.salt), 8)]

    @property
    def kind_label(self) -> str:
        return Kind(self.kind).value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the person gets."""

    request: Request
    lines: tuple[Line, ...]

    def as_json(self) -> bytes:
        """The receipt as a file."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "issued_by": settings.PORTAL_NAME,
            "reference": self.request.reference,
            "received_at": self.request.received_at.isoformat(),
            "entries": [{"entry": str(line.entry), "kind": line.kind, "salt": line.salt} for line in self.lines],
        }
        return (json.dumps(told, indent=2) + "\n").encode()


def issue(request_id: UUID, *, actor: User) -> Receipt:
    """The receipt of a request. ``keys.Forgotten`` once the salts are destroyed."""
    with transaction.atomic(durable=True):
        gates.require(actor, "requests_app.validate_request", "requests_app.refuse_request")
        request = Request.objects.select_related("subject").get(pk=request_id)
        gates.require_not_the_subject(request, actor)
        if request.subject.forgotten_at:
            raise keys.Forgotten
        lines = tuple(
            Line(leaf.pk, opened.payload["kind"], opened.salt.hex())
            for leaf, opened in commitments.of_subject(request.subject_id)
        )
        audit.append("receipt.issued", actor=actor, about=request, entries=len(lines))
        access_log.note(actor, access_log.What.RECEIPT, object_id=request.pk)
    return Receipt(request, lines)


# --- matching --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Matched:
    """The identifier is the one that this entry was written about."""

    leaf: LedgerLeaf
    number: int | None
    forgotten_at: datetime | None
    requests: tuple[Request, ...]


def match(*, entry: str, salt: str, kind: str, value: str) -> Matched:
    """Compare an identifier and a receipt's line with the ledger. ``Refused`` when it does not fit."""
    leaf = _leaf(entry)
    known_salt = _salt(salt)
    if kind not in Kind:
        raise Refused("unknown_kind", "Choose from the list what kind of identifier this is.")
    for normal in _readings(Kind(kind), value):
        if commitments.matches(leaf, salt=known_salt, payload={"kind": kind, "value": normal}):
            return _matched(leaf)
    raise Refused("no_match", _NO_MATCH)


def _leaf(entry: str) -> LedgerLeaf:
    try:
        leaf = LedgerLeaf.objects.filter(pk=UUID(entry.strip())).first()
    except ValueError:
        leaf = None
    if leaf is None or not commitments.of_leaf(leaf):
        raise Refused("no_entry", "The ledger has no such entry with an identifier. Copy its id from the receipt.")
    return leaf


def _salt(text: str) -> bytes:
    try:
        salt = bytes.fromhex("".join(text.split()))
    except ValueError:
        salt = b""
    if len(salt) != _SALT:
        raise Refused("no_salt", "The salt has 64 characters from 0 to 9 and a to f. Copy it from the receipt.")
    return salt


def _readings(kind: Kind, value: str) -> list[str]:
    """The normal forms that the text may have, one a country: the receipt does not say in which it was read."""
    found = []
    for region in sorted({intake.region_of(one) for one in Jurisdiction.values}):
        try:
            found.append(normalise(kind, value, region=region))
        except Refused:
            continue
    return list(dict.fromkeys(found))


def _matched(leaf: LedgerLeaf) -> Matched:
    subject = DataSubject.objects.filter(pk=leaf.object_id).first()
    requests = tuple(Request.objects.filter(subject=subject).order_by("received_at")) if subject else ()
    number = LedgerLeaf.objects.filter(pk=leaf.pk).values_list("index__seq", flat=True).get()
    return Matched(leaf, number, subject.forgotten_at if subject else None, requests)
