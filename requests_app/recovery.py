"""After a loss · Takes back from the published log what a restored database does not know; goes on without a lost key.

In:  a directory as it was published, or a copy of it: for each log ``checkpoint``, ``vkey`` and ``tile/…``.
Out: the missing entries under their numbers, the newest checkpoint, an entry that says so; what was lost with them.
     Where the key of the log is lost: the next log under a new key, whose first entry says how the old one ended.
Never here: an entry that our key has not signed, a way round a past that differs, the lost rows themselves. An entry
tells that something was done, and never to whom: people must take it in again.

An entry is written in the transaction of the change that it tells of. So an entry that this database does not have
tells of a change that this database does not have either.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from requests_app import audit, clock, forgotten_list, publisher, sequencer, signed_note, signing_keys, tlog
from requests_app.errors import Refused
from requests_app.models import Checkpoint, Cosignature, LedgerIndex, LedgerLeaf, LedgerLog
from requests_app.signed_note import Head, VerifierKey
from requests_app.tile_store import TileStore

#: Types that people must hear of one by one.
RECEIVED = ("request.received", "request.imported")
TOLD = frozenset({*RECEIVED, "approval.given", "deletion.receipt"})
#: Types that are about a data subject whose forgetting had begun.
FORGOTTEN = frozenset({"subject.key_destroyed", "subject.forgotten"})
_NAME = re.compile(r"\d{4}[a-z]?")
_FORK = (
    "The database has signed another past than this copy. Neither can be mended with the other. Restore the backup "
    "again, and put the published log into PORTAL_LEDGER_DIR before the loop is started."
)


@dataclass(slots=True)
class Copy:
    """One log of those that were published, as it lies in the directory."""

    name: str
    store: TileStore
    key: VerifierKey
    note: str
    head: Head
    first_seq: int = 0

    def leaves(self, start: int = 0) -> Iterator[tuple[int, list[bytes]]]:
        """(number within the log of the first, entries) of each bundle, from the bundle on that has ``start``."""
        for index in range(start // tlog.WIDTH, -(-self.head.size // tlog.WIDTH)):
            first = index * tlog.WIDTH
            width = min(tlog.WIDTH, self.head.size - first)
            yield first, tlog.unbundle(self.store.read("entries", index, width))[:width]


@dataclass(slots=True)
class Recovered:
    """What was taken back, and what is lost with it."""

    size: int = 0
    root: bytes = b""
    entries: int = 0
    renumbered: int = 0
    #: How many entries of which type tell of something that this database does not have.
    counts: Counter[str] = field(default_factory=Counter)
    #: Those of the types in ``TOLD``, as they were written.
    told: list[dict[str, Any]] = field(default_factory=list)
    #: Data subjects who were forgotten since the backup.
    forgotten: set[UUID] = field(default_factory=set)

    def of(self, *types: str) -> list[dict[str, Any]]:
        """The lost entries of these types, the oldest first."""
        return [body for body in self.told if body["type"] in types]

    def deletions(self) -> list[dict[str, Any]]:
        """Receipts that say something is gone. It is, whatever the database says."""
        receipts = self.of("deletion.receipt")
        return [body for body in receipts if body["facts"].get("deleted") or body["facts"].get("already_gone")]


def recover(directory: Path) -> Recovered:
    """Take back everything that the copy has and the database has not, or nothing: it is one transaction.

    ``Refused`` says why a copy cannot be used. What was written since the restore follows after what was taken back.
    Whoever was forgotten since the backup, by the entries or by the copy's list, is on the list outside the database
    when this commits, so that the portal stays shut until they are forgotten again.
    """
    copies = [_verified(folder) for folder in _folders(directory)]
    found = Recovered()
    with transaction.atomic(durable=True):
        sequencer.hold()
        for copy in copies:
            _take(copy, found)
        if found.root:
            _say(found)
        listed = forgotten_list.ids(place=directory / forgotten_list.FILE)
        forgotten_list.note_again(found.forgotten.union(listed))
    return found


def _say(found: Recovered) -> None:
    log = LedgerLog.objects.order_by("first_seq").last()
    assert log is not None
    audit.append(
        "ledger.recovered", actor=audit.SETUP, about=log, size=found.size, root=found.root.hex(),
        entries=found.entries, renumbered=found.renumbered, requests=len(found.of(*RECEIVED)),
        approvals=len(found.of("approval.given")), deletions=len(found.deletions()),
    )  # fmt: skip


# --- is it a copy of our log, and whole? -----------------------------------------------------------------------------


def _folders(directory: Path) -> list[Path]:
    found = sorted(one.parent for one in directory.glob("*/checkpoint") if _NAME.fullmatch(one.parent.name))
    if not found:
        raise Refused("no_copy", "There is no published log. Name the directory that has a folder for each log.")
    return found


def _verified(folder: Path) -> Copy:
    """The copy of a log: signed by the key that we know, every tile and every entry under the signed root."""
    name, store = folder.name, TileStore(folder)
    key = _trusted_key(name)
    note = (folder / "checkpoint").read_text(encoding="utf-8")
    try:
        head = signed_note.opened(note, key)
    except signed_note.BadNote:
        raise Refused("checkpoint", f"The checkpoint of {name} was not signed by this portal's key.") from None
    copy = Copy(name, store, key, note, head)
    try:
        _require_whole(copy)
    except (FileNotFoundError, ValueError):
        raise Refused("damaged", f"The copy of {name} is damaged or not whole. Use another copy.") from None
    return copy


def _row_of(name: str) -> LedgerLog | None:
    return LedgerLog.objects.filter(origin__endswith=f"/{name}").first()


def _trusted_key(name: str) -> VerifierKey:
    """The key that the database knows; of a log that it does not know, the key that lies on this host."""
    log = _row_of(name)
    return VerifierKey.parse(log.vkey) if log else signing_keys.own(name)


def _require_newest(copy: Copy) -> None:
    """An older copy than what is published here would leave entries out."""
    shown = TileStore(Path(settings.PORTAL_LEDGER_DIR) / copy.name).checkpoint()
    try:
        published = signed_note.opened(shown, copy.key).size if shown else 0
    except signed_note.BadNote:
        return  # the publisher stops at it
    if published > copy.head.size:
        raise Refused(
            "old_copy",
            f"The copy of {copy.name} has {copy.head.size} entries, and PORTAL_LEDGER_DIR has {published}. Use that.",
        )


def _require_whole(copy: Copy) -> None:
    """``ValueError`` or ``FileNotFoundError`` unless entries, tiles and root belong together."""
    edge = tlog.Edge()
    for first, leaves in copy.leaves():
        hashes = [tlog.leaf_hash(leaf) for leaf in leaves]
        if b"".join(hashes) != _tile(copy, 0, first // tlog.WIDTH):
            raise ValueError("entries")
        for one in hashes:
            edge.add(one)
    if edge.size != copy.head.size or edge.root() != copy.head.root:
        raise ValueError("root")
    level = 1
    while copy.head.size >> (8 * level):
        _require_level(copy, level)
        level += 1


def _require_level(copy: Copy, level: int) -> None:
    count = copy.head.size >> (8 * level)
    below = (_tile(copy, level - 1, index) for index in range(count))
    expected = b"".join(tlog.tree_hash(tile[at : at + 32] for at in range(0, len(tile), 32)) for tile in below)
    found = b"".join(_tile(copy, level, index) for index in range(-(-count // tlog.WIDTH)))
    if expected != found:
        raise ValueError("tile")


def _tile(copy: Copy, level: int, index: int) -> bytes:
    width = min(tlog.WIDTH, (copy.head.size >> (8 * level)) - index * tlog.WIDTH)
    return copy.store.read(level, index, width)[: 32 * width]


# --- does it continue what is stored? --------------------------------------------------------------------------------


def _take(copy: Copy, found: Recovered) -> None:
    """Bring the database up to this copy. Under the sequencer's lease."""
    log = _row_of(copy.name)
    copy.first_seq = log.first_seq if log else _first_seq(copy)
    alike = _alike(copy)
    known = log.checkpoints.order_by("-size").first() if log else None
    if alike < min(known.size if known else 0, copy.head.size):
        raise Refused("other_past", _FORK)
    _require_newest(copy)
    if known and known.size >= copy.head.size:
        return
    if alike < copy.head.size:
        try:
            found.renumbered += sequencer.take_back(copy.first_seq + alike)
        except Refused as refused:
            raise Refused("other_past", _FORK) if refused.code == "signed" else refused from None
        for first, leaves in copy.leaves(alike):
            skip = max(0, alike - first)
            _store(leaves[skip:], found, start=copy.first_seq + first + skip)
    _keep_checkpoint(copy, log or _open(copy))
    found.size, found.root = copy.head.size, copy.head.root


def _first_seq(copy: Copy) -> int:
    """Where a log begins that this database does not know: its first entry says how the one before ended."""
    body = _first_entry(copy)
    if body["type"] != "log.opened":
        if LedgerLog.objects.exists():
            raise Refused("gap", f"The copy of {copy.name} does not say which log it follows.")
        return 0
    before = LedgerLog.objects.filter(pk=body["facts"]["previous"]).first()
    ended = before.checkpoints.order_by("-size").first() if before else None
    if before is None or ended is None or body["facts"].get("root") != bytes(ended.root).hex():
        raise Refused("gap", f"The log before {copy.name} is missing. Put its folder into the directory, too.")
    return before.first_seq + ended.size


def _first_entry(copy: Copy) -> dict[str, Any]:
    return json.loads(next(copy.leaves())[1][0])


def _alike(copy: Copy) -> int:
    """How many entries from the first on are stored as they were published."""
    for first, leaves in copy.leaves():
        start = copy.first_seq + first
        rows = LedgerIndex.objects.filter(seq__gte=start, seq__lt=start + len(leaves)).order_by("seq")
        stored = dict(rows.values_list("seq", "leaf__leaf"))
        for at, leaf in enumerate(leaves):
            if start + at not in stored or bytes(stored[start + at]) != leaf:
                return first + at
    return copy.head.size


# --- taking back -----------------------------------------------------------------------------------------------------


def _store(leaves: list[bytes], found: Recovered, *, start: int) -> None:
    """Entries under their numbers. One that waited in the backup is there already, and only gets its number."""
    rows = [audit.row_of(leaf) for leaf in leaves]
    there = LedgerLeaf.objects.in_bulk([row.pk for row in rows])
    if any(bytes(there[row.pk].leaf) != row.leaf for row in rows if row.pk in there):
        raise Refused("other_past", _FORK)
    missing = [row for row in rows if row.pk not in there]
    LedgerLeaf.objects.bulk_create(missing)
    sequencer.put_back(start, [row.pk for row in rows])
    found.entries += len(missing)
    for row in missing:
        found.counts[row.type] += 1
        if row.type in TOLD:
            found.told.append(json.loads(bytes(row.leaf)))
        if row.type in FORGOTTEN:
            found.forgotten.add(UUID(row.object_id))


def _open(copy: Copy) -> LedgerLog:
    """The row of a log that was opened after the backup, under the id that its first entry gave it."""
    body = _first_entry(copy)
    named = {"id": UUID(body["object"])} if body["type"] == "log.opened" else {}
    return LedgerLog.objects.create(
        origin=copy.head.origin, vkey=str(copy.key), year=int(copy.name[:4]), first_seq=copy.first_seq,
        opened_at=datetime.fromisoformat(body["at"]), **named,
    )  # fmt: skip


def _keep_checkpoint(copy: Copy, log: LedgerLog) -> None:
    """The signed root, and what the witness signed."""
    text, _, lines = copy.note.rpartition("\n\n")
    own = signed_note.cosigned(copy.note, lines, copy.key)
    checkpoint = Checkpoint.objects.create(
        log=log, size=copy.head.size, root=copy.head.root, note=f"{text}\n\n{own}", at=clock.stamp()
    )
    if not settings.PORTAL_WITNESS_VKEY:
        return
    witness = VerifierKey.parse(settings.PORTAL_WITNESS_VKEY)
    try:
        line = signed_note.cosigned(copy.note, lines, witness)
    except signed_note.BadNote:
        return
    Cosignature.objects.create(checkpoint=checkpoint, witness=witness.name, line=line, at=clock.stamp())


# --- a lost key ------------------------------------------------------------------------------------------------------


def open_next_log() -> LedgerLog:
    """End the log whose key is lost at its last checkpoint, and open the next one under a new key.

    Entries that no checkpoint covers follow in the new log, behind its first entry. ``Refused`` while the key is there,
    and whatever else does not fit: nobody can sign the old log again, so what ends it must hold.
    """
    with transaction.atomic(durable=True):
        lease = sequencer.hold()
        log = LedgerLog.objects.order_by("first_seq").last()
        ended = log.checkpoints.order_by("-size").first() if log else None
        if log is None or ended is None:
            raise Refused("nothing_published", "Nothing is published yet: the loop makes the key with the first entry.")
        if not signing_keys.is_lost(log.name, VerifierKey.parse(log.vkey)):
            raise Refused(
                "key_is_there",
                f"The key {log.name}.pem is there and fits. If a stranger may know it, move it elsewhere first.",
            )
        if lease.fault not in ("", "key"):
            raise publisher.Mismatch(lease.fault)
        publisher.require_same_past(log, ended)
        publisher.require_root(log, ended)
        sequencer.take_back(log.first_seq + ended.size)
        return publisher.open_after(log, ended, reason="key_lost")
