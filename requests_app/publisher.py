"""Publishes the ledger: numbers what waits, grows the tree, signs a checkpoint over it, and puts all of it on the disk.

In:  committed entries; the year's signing key, which lies beside the database and never in it.
Out: tiles, one signed checkpoint a size, proofs. One process at a time, whatever is started twice.
Never here: a signature over what is not durable, a second root for a size, a way on when the past does not fit.

The order is: number, commit; write tiles; commit the checkpoint; replace the checkpoint's file. A crash between two of
these costs nothing: entries are durable and Ed25519 signs the same text the same way every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from functools import lru_cache
from itertools import batched
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from uuid_utils.compat import uuid7

from requests_app import audit, clock, sequencer, signed_note, signing_keys, tlog
from requests_app.errors import Refused
from requests_app.models import Checkpoint, Cosignature, LedgerIndex, LedgerLog, SequencerLease
from requests_app.signed_note import Head, VerifierKey
from requests_app.tile_store import TileStore, fault_of

#: Entries that are put into tiles at once. A multiple of a tile's width.
CHUNK = 64 * tlog.WIDTH

FAULTS = {
    "shorter": "The database holds fewer entries than were published. It was restored from an older copy: run "
    "manage.py recover_ledger.",
    "fork": "The published checkpoint and the database have different roots for the same size. Find out who signed the "
    "other one, and put the published log back from its copy.",
    "root": "The entries do not give the root that was signed over them. Somebody changed the past: find out who, and "
    "restore the database.",
    "checkpoint": "The published checkpoint was not signed by this log's key. Put the published log "
    "back from its copy.",
    "key": "The key that signs the ledger is not the one that this log began with. Restore it. If it is lost, go on "
    "with a new one: manage.py recover_ledger --new-key.",
}


class Mismatch(Refused):
    """What is published and what is stored do not fit. Nothing is deleted until a person has looked."""

    def __init__(self, fault: str):
        super().__init__("ledger_mismatch", f"{FAULTS[fault]} Nothing is deleted until then.")
        self.fault = fault


# --- publishing ------------------------------------------------------------------------------------------------------


def publish() -> Checkpoint | None:
    """Publish everything that is committed; the newest checkpoint, or ``None`` for an empty ledger.

    Raises ``Mismatch`` when the past does not fit, ``Refused('no_ledger_key')`` in a process that may not sign, and
    ``Refused('not_published')`` where no folder can be.
    """
    sequencer.drain()
    if words := fault_of(Path(settings.PORTAL_LEDGER_DIR)):
        raise Refused("not_published", words)
    newest = latest()
    if newest and _is_up_to_date(newest):
        return newest
    try:
        with transaction.atomic(durable=True):
            lease = sequencer.hold()
            if lease.fault == "root":  # the tiles cannot show it: only ``check_from_rows`` finds it mended
                raise Mismatch("root")
            checkpoint = _grow(log) if (log := _log_of_this_year()) else None
            _note_fault(lease, "")
    except Mismatch as mismatch:
        with transaction.atomic(durable=True):
            _note_fault(sequencer.hold(), mismatch.fault)
        raise
    for log in LedgerLog.objects.order_by("-first_seq")[:2]:  # the year that has just ended, too
        _show(log)
    return checkpoint


def _is_up_to_date(newest: Checkpoint) -> bool:
    """Nothing is to be done: what nearly every second finds. Looked at without the lease; in doubt ``False``."""
    log = newest.log
    whole = log.year == _year() and log.first_seq + newest.size == _numbered()
    return whole and store_of(log).checkpoint() == note_of(newest) and not fault()


def _note_fault(lease: SequencerLease, fault: str) -> None:
    if lease.fault != fault:
        SequencerLease.objects.filter(pk=lease.pk).update(fault=fault)


def fault() -> str:
    """What keeps the ledger from being published, in words; empty while it is sound."""
    code = SequencerLease.objects.filter(name=sequencer.NAME).values_list("fault", flat=True).first()
    return FAULTS.get(code, code) if code else fault_of(Path(settings.PORTAL_LEDGER_DIR))


def require_sound() -> None:
    """``Mismatch`` while the published ledger and the stored one do not fit."""
    code = SequencerLease.objects.filter(name=sequencer.NAME).values_list("fault", flat=True).first()
    if code:
        raise Mismatch(code)


def _grow(log: LedgerLog) -> Checkpoint | None:
    """Bring the tiles up to the numbered entries, and sign. Under the lease."""
    sign = signer(log)
    last = log.checkpoints.order_by("-size").first()
    store, published = store_of(log), last.size if last else 0
    require_same_past(log, last)
    size = _numbered() - log.first_seq
    if size == published:
        return last
    for start in range(published, size, CHUNK):
        _write_tiles(log, store, start, min(start + CHUNK, size))
    root = tlog.root(tlog.nodes_of(store.read, size), size)
    note = sign(size, root)
    return Checkpoint.objects.create(log=log, size=size, root=root, note=note, at=clock.stamp())


def signer(log: LedgerLog) -> Callable[[int, bytes], str]:
    """Signs heads of this log: (size, root) → note. ``Refused('no_ledger_key')`` where its key does not lie."""
    key = _signing_key(log)
    return lambda size, root: signed_note.sign(str(Head(log.origin, size, root)), name=log.origin, private=key)


def _numbered() -> int:
    last = LedgerIndex.objects.aggregate(last=Max("seq"))["last"]
    return 0 if last is None else last + 1


def _write_tiles(log: LedgerLog, store: TileStore, start: int, end: int) -> None:
    """The entries from ``start`` to ``end`` of a log into its bundles and tiles."""
    begin = start // tlog.WIDTH * tlog.WIDTH
    leaves = list(_leaves(log, begin, end))
    for index, chunk in enumerate(batched(leaves, tlog.WIDTH), begin // tlog.WIDTH):
        store.write_tile("entries", index, tlog.bundle(chunk), width=len(chunk))
    hashes = [tlog.leaf_hash(leaf) for leaf in leaves[start - begin :]]
    for level, index, data in tlog.new_tiles(store.read, start, hashes):
        store.write_tile(level, index, data, width=len(data) // 32)


def _leaves(log: LedgerLog, start: int, end: int) -> Iterator[bytes]:
    rows = LedgerIndex.objects.filter(seq__gte=log.first_seq + start, seq__lt=log.first_seq + end).order_by("seq")
    return (bytes(leaf) for leaf in rows.values_list("leaf__leaf", flat=True))


def _show(log: LedgerLog) -> None:
    """Replace the checkpoint's file by the newest there is. Under the lease, so that it never goes back."""
    with transaction.atomic(durable=True):
        sequencer.hold()
        newest = log.checkpoints.order_by("-size").first()
        if newest is None:
            return
        store, text = store_of(log), note_of(newest)
        shown = store.checkpoint()
        if shown == text:
            return
        store.write("vkey", f"{log.vkey}\n".encode())
        store.write("checkpoint", text.encode())
    _forget_partials(store, Head.parse(shown).size if shown else 0, newest.size)


def _forget_partials(store: TileStore, old: int, new: int) -> None:
    """Of the tiles that were partial at the old size, remove what led up to those that are full now."""
    for level in range(8):
        before, now = old >> (8 * level), new >> (8 * level)
        if before // tlog.WIDTH < now // tlog.WIDTH:
            for kind in (level, "entries") if level == 0 else (level,):
                store.forget_partials(kind, before // tlog.WIDTH)


# --- the past --------------------------------------------------------------------------------------------------------


def require_same_past(log: LedgerLog, last: Checkpoint | None) -> None:
    """What was signed is what is stored and what is published, or ``Mismatch``. Under the lease."""
    key, size = VerifierKey.parse(log.vkey), last.size if last else 0
    shown = store_of(log).checkpoint()
    if shown is not None:
        try:
            head = signed_note.opened(shown, key)
        except signed_note.BadNote:
            raise Mismatch("checkpoint") from None
        if head.size > size:
            raise Mismatch("shorter")
        if last and head.size == size and head.root != bytes(last.root):
            raise Mismatch("fork")
    if _numbered() - log.first_seq < size:
        raise Mismatch("shorter")
    if last and not _tiles_give(log, last):
        rebuild(log, last)


def _tiles_give(log: LedgerLog, checkpoint: Checkpoint) -> bool:
    try:
        found = tlog.root(tlog.nodes_of(store_of(log).read, checkpoint.size), checkpoint.size)
    except FileNotFoundError:
        return False
    return found == bytes(checkpoint.root)


def rebuild(log: LedgerLog, checkpoint: Checkpoint) -> None:
    """Write all tiles again from the stored entries, if they give the signed root; else ``Mismatch``."""
    require_root(log, checkpoint)
    for start in range(0, checkpoint.size, CHUNK):
        _write_tiles(log, store_of(log), start, min(start + CHUNK, checkpoint.size))


def require_root(log: LedgerLog, checkpoint: Checkpoint) -> None:
    """Recompute the root from every stored entry; ``Mismatch`` when it is not the signed one."""
    edge = tlog.Edge()
    for start in range(0, checkpoint.size, CHUNK):
        for leaf in _leaves(log, start, min(start + CHUNK, checkpoint.size)):
            edge.add(tlog.leaf_hash(leaf))
    if edge.size != checkpoint.size or edge.root() != bytes(checkpoint.root):
        raise Mismatch("root")


def check_from_rows() -> None:
    """At the start of the loop: the edge is rebuilt from the table and compared with the last checkpoint.

    What publishers left half written when they were killed is removed.

    Raises ``Mismatch``, which stays noted and stops every deletion; intake, clocks and letters go on. Once the entries
    give the signed root again, it is taken back.
    """
    newest = latest()
    if newest is None:
        return
    try:
        require_root(newest.log, newest)
    except Mismatch as mismatch:
        with transaction.atomic(durable=True):
            _note_fault(sequencer.hold(), mismatch.fault)
        raise
    with transaction.atomic(durable=True):
        lease = sequencer.hold()
        store_of(newest.log).clear_left_behind(before=lease.taken_at)
        if lease.fault == "root":
            _note_fault(lease, "")


# --- the year's log and its key --------------------------------------------------------------------------------------


def _log_of_this_year() -> LedgerLog | None:
    """The log that new entries go to. With a new year a new one is opened, and says how the old one ended."""
    log, year = LedgerLog.objects.order_by("first_seq").last(), _year()
    if log and log.year >= year:
        return log
    if log is None:
        return _open(str(year), first_seq=0) if _numbered() else None
    ended = _grow(log)
    return open_after(log, ended)


def _year() -> int:
    return clock.stamp().astimezone(UTC).year


def open_after(log: LedgerLog, ended: Checkpoint | None, *, reason: str | None = None) -> LedgerLog:
    """Open the next log under a key of its own; its first entry says how the log before it ended.

    The caller holds the lease, and no entry beyond ``ended`` has a number. ``reason`` says why it is not the year.
    """
    opened = _open(_name_after(log), first_seq=_numbered())
    leaf = audit.append(
        "log.opened", actor=audit.SETUP, about=opened.pk, previous=log.pk, size=ended.size if ended else 0,
        root=bytes(ended.root).hex() if ended else None, reason=reason,
    )  # fmt: skip
    sequencer.number(leaf)
    return opened


def _name_after(log: LedgerLog) -> str:
    """The year; within a log's own year the next letter behind it: ``2026``, ``2026b``, ``2026c``."""
    if log.year < _year():
        return str(_year())
    letter = log.name[4:] or "a"
    if letter == "z":
        raise Refused("too_many_logs", f"The logs of {log.year} are used up. Wait for the next year.")
    return f"{log.year}{chr(ord(letter) + 1)}"


def _open(name: str, *, first_seq: int) -> LedgerLog:
    origin = f"{settings.PORTAL_LEDGER_NAME}/{name}"
    vkey = str(signed_note.verifier_key(origin, signing_keys.load_or_make(signing_keys.file_of(name))))
    return LedgerLog.objects.create(
        id=uuid7(), origin=origin, vkey=vkey, year=int(name[:4]), first_seq=first_seq, opened_at=clock.stamp()
    )


def _signing_key(log: LedgerLog) -> Ed25519PrivateKey:
    private = signing_keys.load(signing_keys.file_of(log.name))
    if str(signed_note.verifier_key(log.origin, private)) != log.vkey:
        raise Mismatch("key")
    return private


# --- what is published -----------------------------------------------------------------------------------------------


def store_of(log: LedgerLog) -> TileStore:
    """The directory in which a log is published."""
    return TileStore(Path(settings.PORTAL_LEDGER_DIR) / log.name)


def latest() -> Checkpoint | None:
    """The newest checkpoint of the newest log, cosigned or not."""
    # Log by log, because an order over two tables would sort every checkpoint that there is.
    for log in LedgerLog.objects.order_by("-first_seq"):
        if found := log.checkpoints.order_by("-size").first():
            return found
    return None


def note_of(checkpoint: Checkpoint) -> str:
    """The signed note, with what witnesses have added to it."""
    return checkpoint.note + "".join(checkpoint.cosignatures.order_by("witness").values_list("line", flat=True))


def covering(seq: int) -> Checkpoint | None:
    """The newest published checkpoint over the entry with this number. With a witness, only a cosigned one counts."""
    log = LedgerLog.objects.filter(first_seq__lte=seq).order_by("first_seq").last()
    if log is None:
        return None
    found = log.checkpoints.filter(size__gt=seq - log.first_seq)
    if settings.PORTAL_WITNESS_VKEY:
        name = VerifierKey.parse(settings.PORTAL_WITNESS_VKEY).name
        found = found.filter(pk__in=Cosignature.objects.filter(witness=name).values("checkpoint_id"))
    return found.select_related("log").order_by("-size").first()


def is_published(leaf_id: UUID) -> bool:
    """Whether a published checkpoint covers this entry."""
    seq = LedgerIndex.objects.filter(leaf_id=leaf_id).values_list("seq", flat=True).first()
    return seq is not None and covering(seq) is not None


def proof(seq: int) -> str:
    """The C2SP ``tlog-proof`` of the entry with this number. ``Refused('not_published')`` while nothing covers it."""
    checkpoint = covering(seq)
    if checkpoint is None:
        raise Refused("not_published", "No checkpoint covers this entry yet. Try again in a minute.")
    leaf = LedgerIndex.objects.values_list("leaf__leaf", flat=True).get(seq=seq)
    return proofs(checkpoint, {seq: bytes(leaf)})[seq]


def proofs(checkpoint: Checkpoint, leaves: Mapping[int, bytes]) -> dict[int, str]:
    """The ``tlog-proof`` of each of these entries, by its number, under one checkpoint.

    ``Mismatch`` when one does not lead to the signed root: what does not hold is not handed out.
    """
    read, note = lru_cache(maxsize=1024)(store_of(checkpoint.log).read), note_of(checkpoint)
    node, texts = tlog.nodes_of(read, checkpoint.size), {}
    for seq, leaf in leaves.items():
        index = seq - checkpoint.log.first_seq
        path = tlog.inclusion(node, index, checkpoint.size)
        if tlog.root_from(path, index, checkpoint.size, tlog.leaf_hash(leaf)) != bytes(checkpoint.root):
            raise Mismatch("root")
        texts[seq] = tlog.proof_text(index, path, note)
    return texts


# --- witnesses -------------------------------------------------------------------------------------------------------


def consistency(log: LedgerLog, old: int, new: int) -> list[bytes]:
    """What shows a witness that the log only grew from ``old`` to ``new`` entries."""
    return tlog.consistency(tlog.nodes_of(store_of(log).read, new), old, new)


def add_cosignature(checkpoint: Checkpoint, lines: str, *, witness: VerifierKey) -> None:
    """Keep a witness's signature, and show it. Raises ``signed_note.BadNote`` when it does not hold."""
    line = signed_note.cosigned(checkpoint.note, lines, witness)
    Cosignature.objects.get_or_create(
        checkpoint=checkpoint, witness=witness.name, defaults={"line": line, "at": clock.stamp()}
    )
    _show(checkpoint.log)
