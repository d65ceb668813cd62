"""What a ledger entry commits to: a salted digest in the leaf, the payload beside it under the person's key.

In:  an entry, a payload, a data subject.
Out: the commitment that the leaf carries; the payload again while the person is not forgotten; every fault found.
Never here: an unsalted digest. A telephone number is guessed from one within a second.

Destroying the payload's row and the subject's key leaves the commitment in the tree, which nobody can open without the
salt. The person's receipt has the salt: whoever brings it and the identifier is matched for ever.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from uuid import UUID

import rfc8785

from requests_app import keys
from requests_app.errors import Refused
from requests_app.ledger_types import TYPES
from requests_app.models import Identifier, LedgerLeaf, LedgerPayload, SubjectKey

DOMAIN = b"portal-audit-v1"
LEDGER = SubjectKey.Purpose.LEDGER
_TYPES = tuple(name for name, spec in TYPES.items() if spec.payload)
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Opened:
    """What an entry commits to."""

    salt: bytes
    payload: dict[str, str]


def new_salt() -> bytes:
    """32 random bytes, one salt an entry."""
    return os.urandom(32)


def commitment(salt: bytes, payload: dict[str, str]) -> str:
    """SHA-256 over the domain, a zero byte, the salt and the payload as canonical JSON (RFC 8785)."""
    return hashlib.sha256(DOMAIN + b"\0" + salt + rfc8785.dumps(payload)).hexdigest()  # type: ignore[arg-type]


def of_leaf(leaf: LedgerLeaf) -> str:
    """The commitment that a leaf carries, or nothing."""
    return str(json.loads(bytes(leaf.leaf)).get("commitment", ""))


def matches(leaf: LedgerLeaf, *, salt: bytes, payload: dict[str, str]) -> bool:
    """Whether this entry was written about exactly this payload."""
    return hmac.compare_digest(of_leaf(leaf), commitment(salt, payload))


def keep(leaf: LedgerLeaf, *, subject_id: UUID, salt: bytes, payload: dict[str, str]) -> None:
    """Seal payload and salt under the subject's key for ledger payloads."""
    row = LedgerPayload(leaf=leaf, subject_id=subject_id)
    text = json.dumps({"salt": salt.hex(), "payload": payload}, ensure_ascii=False)
    row.payload_enc = keys.seal(row, "payload_enc", text, subject_id=subject_id, purpose=LEDGER)
    row.save(force_insert=True)


def of_subject(subject_id: UUID) -> list[tuple[LedgerLeaf, Opened]]:
    """Every entry that commits to something of this person, opened, oldest first."""
    rows = list(LedgerPayload.objects.filter(subject_id=subject_id).select_related("leaf").order_by("leaf_id"))
    key = SubjectKey.objects.get(subject_id=subject_id, purpose=LEDGER)
    return [(row.leaf, _open(row, key)) for row in rows]


def _open(row: LedgerPayload, key: SubjectKey) -> Opened:
    told = json.loads(keys.unseal_under(key, row, "payload_enc"))
    return Opened(bytes.fromhex(told["salt"]), told["payload"])


# --- checking --------------------------------------------------------------------------------------------------------


def faults() -> Iterator[str]:
    """Payloads that are not what their entry commits to, and such as are missing though nobody was forgotten."""
    for rows in batched(LedgerPayload.objects.select_related("leaf").iterator(chunk_size=_CHUNK), _CHUNK):
        yield from _faults_of(rows)
    bare = LedgerLeaf.objects.filter(type__in=_TYPES, payload__isnull=True).order_by("id")
    for leaves in batched(bare.iterator(chunk_size=_CHUNK), _CHUNK):
        yield from _missing(leaves)


def _faults_of(rows: Sequence[LedgerPayload]) -> Iterator[str]:
    subjects = {row.subject_id for row in rows}
    known = {key.subject_id: key for key in SubjectKey.objects.filter(subject__in=subjects, purpose=LEDGER)}
    for row in rows:
        try:
            opened = _open(row, known[row.subject_id])
        except (Refused, ValueError, KeyError, TypeError):
            yield f"the payload of entry {row.leaf_id} cannot be opened"
            continue
        if not matches(row.leaf, salt=opened.salt, payload=opened.payload):
            yield f"the payload of entry {row.leaf_id} is not what the entry commits to"


def _missing(leaves: Sequence[LedgerLeaf]) -> Iterator[str]:
    """Where the identifier is still there, its payload must be. (After a restore an entry can know more than we do.)"""
    committed = {str(json.loads(bytes(leaf.leaf))["facts"].get("identifier")): leaf for leaf in leaves if of_leaf(leaf)}
    known = Identifier.objects.filter(pk__in=committed, subject__forgotten_at__isnull=True)
    for pk in known.values_list("pk", flat=True):
        yield f"the payload of entry {committed[str(pk)].pk} is missing, and its data subject was not forgotten"
