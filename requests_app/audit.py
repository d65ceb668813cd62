"""The one pen on the ledger.

In:  a type from the registry, an actor, an object, and facts that the registry allows.
Out: a leaf (canonical JSON, RFC 8785) and a place in the sequencer's queue, in the caller's transaction.
Never here: a direct identifier, free text, a lock, a number. If the insert fails, the caller's change fails too.

``docs/ledger.md`` describes the format; ``verify`` recomputes it from what is stored and trusts nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Model, QuerySet
from uuid_utils.compat import uuid7

from requests_app import clock, commitments, signed_note, tlog
from requests_app.ledger_types import TYPES
from requests_app.models import (
    Checkpoint,
    DataSubject,
    LedgerIndex,
    LedgerLeaf,
    LedgerLog,
    LedgerQueue,
    StaffPseudonym,
)
from requests_app.signed_note import VerifierKey

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
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


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
    leaf_id, at, who = uuid7(), clock.stamp(), pseudonym_of(actor)
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
            id=leaf_id, leaf=leaf, hash=tlog.leaf_hash(leaf), type=entry_type, at=at, actor=actor, object_id=object_id
        )
        LedgerQueue.objects.create(leaf=row)
    return row


def row_of(leaf: bytes) -> LedgerLeaf:
    """The row of an entry that was written before, its columns read from the leaf. Not stored.

    Raises ``LedgerError`` for what is no leaf.
    """
    try:
        body = json.loads(leaf)
        return LedgerLeaf(
            id=UUID(body["id"]), leaf=leaf, hash=tlog.leaf_hash(leaf), type=body["type"],
            at=datetime.fromisoformat(body["at"]), actor=body["actor"], object_id=body["object"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise LedgerError("this is not a leaf") from None


# --- checking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: entries with a number, entries that wait, checkpoints, the newest log's root, all faults."""

    size: int
    pending: int
    root: str
    faults: tuple[str, ...]
    checkpoints: int = 0

    @property
    def ok(self) -> bool:
        return not self.faults


def verify() -> Verdict:
    """Recompute the ledger from its rows: every hash, number, filter column, and the root under every checkpoint."""
    faults: list[str] = []
    size, signed, edge = 0, 0, tlog.Edge()
    for log, end in _logs():
        edge = tlog.Edge()
        heads = _Heads(log)
        for seq, *row in _numbered(start=log.first_seq if log else 0, end=end):
            if seq != size:
                faults.append(f"entry {size} is missing: the next number is {seq}")
                return Verdict(size, 0, edge.root().hex(), tuple(faults), signed)
            leaf = bytes(row[1])
            leaf_hash = tlog.leaf_hash(leaf)
            if found := _faults_of(leaf, leaf_hash, row):
                faults += (f"entry {seq} {fault}" for fault in found)
            edge.add(leaf_hash)
            if heads.next_size == edge.size:
                faults += heads.faults_at(edge)
            size += 1
        faults += heads.faults_at_the_end()
        signed += heads.seen
    waiting = 0
    for leaf_id, *row in _rows(LedgerLeaf.objects.filter(index__isnull=True), key="pk", path=""):
        leaf = bytes(row[1])
        faults += (f"waiting entry {leaf_id} {fault}" for fault in _faults_of(leaf, tlog.leaf_hash(leaf), row))
        waiting += 1
    faults += commitments.faults()
    return Verdict(size, waiting, edge.root().hex(), tuple(faults), signed)


def _logs() -> Iterator[tuple[LedgerLog | None, int | None]]:
    """Each log with the number that follows its last entry; before anything was published, one that has no name."""
    logs: list[LedgerLog | None] = list(LedgerLog.objects.order_by("first_seq"))
    logs = logs or [None]
    for log, follower in zip(logs, [*logs[1:], None], strict=True):
        yield log, follower.first_seq if follower else None


#: What an entry is checked by.
_COLUMNS = ("id", "leaf", "hash", "type", "at", "actor", "object_id")
_PAGE = 5000
_parse = json.JSONDecoder().decode


def _rows(rows: QuerySet[Any], *, key: str, path: str) -> Iterator[tuple[Any, ...]]:
    """Key and columns of every row, a page at a time."""
    columns = (key, *(f"{path}{column}" for column in _COLUMNS))
    page = list(rows.order_by(key).values_list(*columns)[:_PAGE])
    while page:
        yield from page
        page = list(rows.filter(**{f"{key}__gt": page[-1][0]}).order_by(key).values_list(*columns)[:_PAGE])


def _numbered(*, start: int, end: int | None) -> Iterator[tuple[Any, ...]]:
    rows = LedgerIndex.objects.filter(seq__gte=start)
    return _rows(rows if end is None else rows.filter(seq__lt=end), key="seq", path="leaf__")


class _Heads:
    """The checkpoints of a log, met one after the other while its tree grows."""

    def __init__(self, log: LedgerLog | None):
        self.seen = 0
        self._log = log
        self._key = VerifierKey.parse(log.vkey) if log else None
        found = Checkpoint.objects.filter(log=log).order_by("size") if log else Checkpoint.objects.none()
        self._coming = iter(found.iterator(chunk_size=_PAGE))
        self._next = next(self._coming, None)

    @property
    def next_size(self) -> int | None:
        """The size of the next checkpoint."""
        return self._next.size if self._next else None

    def faults_at(self, edge: tlog.Edge) -> Iterator[str]:
        """What is wrong with the checkpoint at the size that the tree has now."""
        if self._next is None or self._key is None:
            return
        head, self._next = self._next, next(self._coming, None)
        self.seen += 1
        name = f"checkpoint {head.size} of {self._log}"
        try:
            signed = signed_note.opened(head.note, self._key)
        except signed_note.BadNote as bad:
            yield f"{name}: {bad}"
            return
        if (signed.size, signed.root) != (head.size, bytes(head.root)):
            yield f"{name} says something else than its columns"
        if signed.root != edge.root():
            yield f"{name} does not match the entries"

    def faults_at_the_end(self) -> Iterator[str]:
        if self._next is not None:
            yield f"checkpoint {self._next.size} of {self._log} is over more entries than there are"


def _faults_of(leaf: bytes, leaf_hash: bytes, row: Sequence[Any]) -> list[str]:
    """What is wrong with one entry; an empty list for nearly all, so it must be quick."""
    leaf_id, _, kept, entry_type, at, actor, object_id = row
    faults = [] if leaf_hash == bytes(kept) else ["does not match its hash"]
    try:
        body = _parse(leaf.decode())
        said = (body["id"], body["type"], body["at"], body["actor"], body["object"])
    except (ValueError, KeyError, TypeError):
        return [*faults, "is not a leaf"]
    if said != (str(leaf_id), entry_type, _instant(at), actor, object_id):
        faults.append("says something else than its columns")
    return faults
