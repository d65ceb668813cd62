"""The one pen on the ledger.

In:  a type from the registry, an actor, an object, and facts that the registry allows.
Out: a leaf (canonical JSON, RFC 8785) and a place in the sequencer's queue, in the caller's transaction.
Never here: a direct identifier, free text, a lock, a number. If the insert fails, the caller's change fails too.

``docs/ledger.md`` describes the format; ``verify`` recomputes it from what is stored and trusts nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests_app import commitments
from requests_app.ledger_types import TYPES
from requests_app.models import DataSubject, LedgerIndex, LedgerLeaf, LedgerQueue, StaffPseudonym

VERSION = 1
MAX_LEAF = 2048
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,39}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Machine:
    """An actor that is no person: the worker, the importer, the installation itself."""

    name: str


WORKER = Machine("worker")
SETUP = Machine("setup")
Actor = User | Machine

#: Roles from the most to the least powerful; the ledger names the first that an actor holds.
ROLES = ("supervisor", "privacy manager", "staff", "administrator", "data protection officer", "auditor", "agent")


class LedgerError(Exception):
    """A fact that the registry does not allow: a bug, never a user's mistake."""


def pseudonym_of(actor: Actor) -> str:
    """What the ledger calls an actor: a random pseudonym, or ``machine:name``."""
    if isinstance(actor, Machine):
        return f"machine:{actor.name}"
    row, _ = StaffPseudonym.objects.get_or_create(user=actor)
    return str(row.pseudonym)


def role_of(actor: Actor) -> str:
    """The role in which an actor acts, for the ledger and the report."""
    if isinstance(actor, Machine):
        return "machine"
    held = set(actor.groups.values_list("name", flat=True))
    return next((role for role in ROLES if role in held), "superuser" if actor.is_superuser else "none")


def _fact(kind: str, value: Any) -> Any:
    if isinstance(value, Model):
        value = value.pk
    match kind, value:
        case "count", bool():
            pass
        case "count", int() if value >= 0:
            return value
        case "code", str() if _CODE.fullmatch(value):
            return str(value)
        case "digest", str() if _DIGEST.fullmatch(value):
            return value
        case "id", UUID():
            return str(value)
        case "instant", datetime() if value.tzinfo:
            return _instant(value)
    raise LedgerError(f"not a {kind}: {type(value).__name__}")


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def append(
    entry_type: str,
    *,
    actor: Actor,
    about: Model | UUID,
    payload: dict[str, str] | None = None,
    subject: DataSubject | None = None,
    **facts: Any,
) -> LedgerLeaf:
    """Write one entry about an object, in the transaction of the change that it tells of.

    With a ``payload`` the entry commits to it; the payload itself is kept beside the ledger under the subject's key.
    ``facts`` with the value ``None`` are left out. Raises ``LedgerError`` for a type, a fact or a value that the
    registry does not allow, and ``TransactionManagementError`` outside a transaction.
    """
    if isinstance(actor, AnonymousUser):
        raise LedgerError("an actor must be known")
    spec = TYPES[entry_type]
    if unknown := set(facts) - set(spec.facts):
        raise LedgerError(f"{entry_type} has no fact {sorted(unknown)}")
    leaf_id, at, who = uuid7(), timezone.now(), pseudonym_of(actor)
    object_id = str(about.pk if isinstance(about, Model) else about)
    body: dict[str, Any] = {
        "v": VERSION,
        "id": str(leaf_id),
        "at": _instant(at),
        "type": entry_type,
        "actor": who,
        "role": role_of(actor),
        "object": object_id,
        "facts": {name: _fact(spec.facts[name], value) for name, value in facts.items() if value is not None},
    }
    salt = commitments.new_salt()
    if payload is not None:
        if subject is None or tuple(sorted(payload)) != spec.payload:
            raise LedgerError(f"{entry_type} commits to {spec.payload}, for a data subject")
        body["commitment"] = commitments.commitment(salt, payload)
    leaf = rfc8785.dumps(body)
    if len(leaf) > MAX_LEAF:
        raise LedgerError(f"{entry_type} is larger than {MAX_LEAF} bytes")
    row = _store(leaf_id, leaf, entry_type=entry_type, at=at, actor=who, object_id=object_id)
    if payload is not None and subject is not None:
        commitments.keep(row, subject_id=subject.pk, salt=salt, payload=payload)
    return row


def _store(leaf_id: UUID, leaf: bytes, *, entry_type: str, at: datetime, actor: str, object_id: str) -> LedgerLeaf:
    with transaction.atomic(savepoint=False):
        row = LedgerLeaf.objects.create(
            id=leaf_id, leaf=leaf, hash=leaf_hash(leaf), type=entry_type, at=at, actor=actor, object_id=object_id
        )
        LedgerQueue.objects.create(leaf=row)
    return row


# --- hashing and checking --------------------------------------------------------------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\0" + leaf).digest()


def tree_hash(hashes: Iterator[bytes]) -> bytes:
    """RFC 6962 Merkle tree hash over leaf hashes, in one pass and logarithmic memory."""
    stack: list[tuple[int, bytes]] = []
    for leaf in hashes:
        height, node = 0, leaf
        while stack and stack[-1][0] == height:
            node = hashlib.sha256(b"\1" + stack.pop()[1] + node).digest()
            height += 1
        stack.append((height, node))
    if not stack:
        return hashlib.sha256(b"").digest()
    node = stack.pop()[1]
    while stack:
        node = hashlib.sha256(b"\1" + stack.pop()[1] + node).digest()
    return node


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: how many entries have a number, how many wait, the root, and every fault found."""

    size: int
    pending: int
    root: str
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.faults


def verify() -> Verdict:
    """Recompute the ledger from its rows: every hash, every number, every filter column, the root over all."""
    faults: list[str] = []
    hashes: list[bytes] = []
    rows = LedgerIndex.objects.select_related("leaf").order_by("seq")
    for expected, row in enumerate(rows.iterator(chunk_size=2000)):
        if row.seq != expected:
            faults.append(f"entry {expected} is missing: the next number is {row.seq}")
            break
        faults += _faults_of(row.leaf, seq=row.seq)
        hashes.append(leaf_hash(bytes(row.leaf.leaf)))
    pending = LedgerLeaf.objects.filter(index__isnull=True)
    for leaf in pending.iterator(chunk_size=2000):
        faults += _faults_of(leaf, seq=None)
    faults += commitments.faults()
    return Verdict(len(hashes), pending.count(), tree_hash(iter(hashes)).hex(), tuple(faults))


def _faults_of(row: LedgerLeaf, *, seq: int | None) -> Iterator[str]:
    name = f"entry {seq}" if seq is not None else f"waiting entry {row.pk}"
    leaf = bytes(row.leaf)
    if leaf_hash(leaf) != bytes(row.hash):
        yield f"{name} does not match its hash"
    try:
        body = json.loads(leaf)
        said = (body["id"], body["type"], body["at"], body["actor"], body["object"])
    except (ValueError, KeyError, TypeError):
        yield f"{name} is not a leaf"
        return
    if said != (str(row.pk), row.type, _instant(row.at), row.actor, row.object_id):
        yield f"{name} says something else than its columns"
