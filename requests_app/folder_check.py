"""Checks a published or exported ledger from its files alone, as an outsider does.

In:  a folder with a log a year; an older folder or checkpoint that somebody kept.
Out: what each log holds, and every fault in words.
Never here: a table, a private key, trust in a file that the signed root does not cover.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from requests_app import signed_note, tlog
from requests_app.signed_note import BadNote, Head, VerifierKey
from requests_app.tile_store import TileStore


@dataclass(slots=True)
class FolderLog:
    """One log as its files tell it. ``head`` is ``None`` when nothing in it is signed as it should be."""

    directory: Path
    key: VerifierKey | None = None
    head: Head | None = None
    hashes: list[bytes] = field(default_factory=list)
    first: bytes = b""
    faults: list[str] = field(default_factory=list)


def logs_in(place: Path) -> list[FolderLog]:
    """Every log of a folder, oldest first, recomputed from its entries."""
    directories = sorted(file.parent for file in place.glob("*/checkpoint"))
    return [_read(directory) for directory in directories]


def faults_in(place: Path, logs: list[FolderLog]) -> list[str]:
    """What is wrong with a folder: its logs, and the chain that they make."""
    faults = [f"{log.directory.name}: {fault}" for log in logs for fault in log.faults]
    if not logs:
        faults.append(f"{place} holds no log")
    return faults + [f"{log.directory.name}: {fault}" for log, fault in _chain_faults(logs)]


def _read(directory: Path) -> FolderLog:
    log, store = FolderLog(directory), TileStore(directory)
    try:
        log.key = VerifierKey.parse((directory / "vkey").read_text(encoding="utf-8"))
        log.head = signed_note.opened(store.checkpoint() or "", log.key)
        _read_entries(log, store)
        log.faults += _tile_faults(log, store)
    except BadNote as bad:
        log.faults.append(str(bad))
    except FileNotFoundError as missing:
        log.faults.append(f"{Path(missing.filename).relative_to(directory)} is missing")
    except (OSError, ValueError) as broken:
        log.faults.append(f"it cannot be read ({type(broken).__name__})")
    return log


def _read_entries(log: FolderLog, store: TileStore) -> None:
    if log.head is None:
        return
    for start in range(0, log.head.size, tlog.WIDTH):
        width = min(tlog.WIDTH, log.head.size - start)
        leaves = tlog.unbundle(store.read("entries", start // tlog.WIDTH, width))[:width]
        log.first = log.first or b"".join(leaves[:1])
        log.hashes += [tlog.leaf_hash(leaf) for leaf in leaves]
    if len(log.hashes) != log.head.size or tlog.tree_hash(log.hashes) != log.head.root:
        log.faults.append("the entries do not give the root that was signed")


def _tile_faults(log: FolderLog, store: TileStore) -> Iterator[str]:
    for level, index, data in tlog.new_tiles(_nothing, 0, log.hashes):
        width = len(data) // 32
        if store.read(level, index, width)[: len(data)] != data:
            yield f"{tlog.tile_path(level, index, width)} does not match the entries"


def _nothing(level: int, index: int, width: int) -> bytes:
    """A tree that grows from nothing has no tile before."""
    return b""


def _chain_faults(logs: list[FolderLog]) -> Iterator[tuple[FolderLog, str]]:
    """Each log begins with how the one before it ended."""
    for before, log in zip(logs, logs[1:], strict=False):
        if log.head is None or before.head is None:
            continue
        if _named_end(log.first) != (before.head.size, before.head.root.hex()):
            yield log, f"it does not begin with how {before.directory.name} ended"


def _named_end(leaf: bytes) -> tuple[int, str] | None:
    try:
        entry = json.loads(leaf)
        return (entry["facts"]["size"], entry["facts"]["root"]) if entry["type"] == "log.opened" else None
    except (ValueError, KeyError, TypeError):
        return None


# --- an older checkpoint ---------------------------------------------------------------------------------------------


def checkpoints_in(place: Path) -> list[str]:
    """The notes of a folder of logs, of one log's folder, or of a checkpoint that was kept as a file."""
    if place.is_dir():
        return [
            file.read_text(encoding="utf-8")
            for file in sorted([*place.glob("*/checkpoint"), *place.glob("checkpoint")])
        ]
    return [place.read_text(encoding="utf-8")]


def faults_since(note: str, log: FolderLog | None) -> list[str]:
    """What has been rewritten in this log since a checkpoint that is no longer in the operator's hands."""
    if log is None or log.key is None:
        return [f"there is no log {origin_of(note)} any more"]
    try:
        old = signed_note.opened(note, log.key)
    except BadNote as bad:
        return [f"the older checkpoint is of another key: {bad}"]
    if old.size > len(log.hashes):
        return [f"{old.origin} had {old.size} entries, and has {len(log.hashes)} now: it was rolled back"]
    if tlog.tree_hash(log.hashes[: old.size]) != old.root:
        return [f"{old.origin} was rewritten: its first {old.size} entries are not those that were signed"]
    return []


def origin_of(note: str) -> str:
    """The log that a checkpoint says it is of."""
    return note.partition("\n")[0]
