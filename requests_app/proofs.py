"""How far the entries about one request can be proved, and the files with which somebody outside checks it.

In:  numbers of entries; the published ledger.
Out: the checkpoint that covers each entry, and a pack of files: leaves, proofs, checkpoints, keys.
Never here: a proof that was not made from the published tiles, or anything that is not in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from requests_app import publisher, tlog
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerIndex, LedgerLeaf


@dataclass(frozen=True, slots=True)
class Cover:
    """A checkpoint that covers entries, and the witnesses that signed it."""

    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    note: str

    @property
    def root(self) -> str:
        return bytes(self.checkpoint.root).hex()


def covers(seqs: Iterable[int]) -> dict[int, Cover]:
    """Number → what covers it; a number that nothing covers yet is left out. One query a log and not an entry."""
    found: dict[int, Cover] = {}
    cover: Cover | None = None
    for seq in sorted(seqs):
        if cover is None or not _within(cover.checkpoint, seq):
            checkpoint = publisher.covering(seq)
            if checkpoint is None:
                break  # the numbers are in order: what follows is not covered either
            names = checkpoint.cosignatures.order_by("witness").values_list("witness", flat=True)
            cover = Cover(checkpoint, tuple(names), publisher.note_of(checkpoint))
        found[seq] = cover
    return found


def _within(checkpoint: Checkpoint, seq: int) -> bool:
    first = checkpoint.log.first_seq
    return first <= seq < first + checkpoint.size


def proof_of(leaf_id: UUID) -> str:
    """The C2SP ``tlog-proof`` of an entry. ``Refused`` while nothing covers it, or where the tiles cannot be read."""
    seq = LedgerIndex.objects.filter(leaf_id=leaf_id).values_list("seq", flat=True).first()
    cover = covers([seq]).get(seq) if seq is not None else None
    if seq is None or cover is None:
        raise Refused("not_published", "No checkpoint covers this entry yet. Try again in a minute.")
    return _proof(seq, cover)


def _proof(seq: int, cover: Cover) -> str:
    """Under this checkpoint and no later one, so that all proofs of a pack end in the same root."""
    log, size = cover.checkpoint.log, cover.checkpoint.size
    index, node = seq - log.first_seq, tlog.nodes_of(publisher.store_of(log).read, size)
    try:
        return tlog.proof_text(index, tlog.inclusion(node, index, size), cover.note)
    except OSError:
        message = "The published ledger cannot be read here. The operator looks at PORTAL_LEDGER_DIR."
        raise Refused("no_tiles", message) from None


# --- a pack of files -------------------------------------------------------------------------------------------------


def pack(object_id: UUID) -> Iterator[tuple[str, bytes]]:
    """(name, content) of everything that checks the entries about one object, and of what says which cannot be yet."""
    rows = LedgerLeaf.objects.filter(object_id=str(object_id)).order_by("id")
    entries = list(rows.values_list("pk", "leaf", "index__seq"))
    found = covers(seq for _, _, seq in entries if seq is not None)
    unproved: list[str] = []
    for pk, leaf, seq in entries:
        name = f"{seq:09d}" if seq is not None else f"waiting-{pk}"
        yield f"entries/{name}.json", bytes(leaf)
        if seq in found:
            yield f"proofs/{name}.tlog-proof", _proof(seq, found[seq]).encode()
        else:
            unproved.append(name)
    for cover in {one.checkpoint.pk: one for one in found.values()}.values():
        log = cover.checkpoint.log
        yield f"logs/{log.name}/checkpoint", cover.note.encode()
        yield f"logs/{log.name}/vkey", f"{log.vkey}\n".encode()
    if unproved:
        yield "not-proved-yet.txt", ("".join(f"{name}\n" for name in unproved)).encode()
