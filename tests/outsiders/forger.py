"""Whoever rewrites history: with the files alone, with the log's own key, or with another one.

In:  a copy of an exported log.
Out: the copy, forged.
Never here: mercy. With the key everything is made to fit: entries, tiles, root, signature.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from requests_app import signed_note, tlog
from requests_app.signed_note import Head, VerifierKey
from requests_app.tile_store import TileStore

Leaves = list[bytes]
Change = Callable[[Leaves], Leaves]
#: The entry that is tampered with.
AT = 7


@dataclass(frozen=True)
class Forgery:
    """What is done to the entries, and which key signs them afterwards: none, the log's own, another one."""

    name: str
    change: Change
    key: str = ""


def edited(leaves: Leaves) -> Leaves:
    """One letter, and it is still JSON."""
    return [*leaves[:AT], leaves[AT].replace(b'"v":1', b'"v":2'), *leaves[AT + 1 :]]


def dropped(leaves: Leaves) -> Leaves:
    return [*leaves[:AT], *leaves[AT + 1 :]]


def inserted(leaves: Leaves) -> Leaves:
    return [*leaves[:AT], leaves[0].replace(b'"v":1', b'"v":3'), *leaves[AT:]]


def reordered(leaves: Leaves) -> Leaves:
    return [*leaves[:AT], leaves[AT + 1], leaves[AT], *leaves[AT + 2 :]]


def rolled_back(leaves: Leaves) -> Leaves:
    return leaves[: AT + 1]


def same(leaves: Leaves) -> Leaves:
    return leaves


FORGERIES = (
    Forgery("edited, files only", edited),
    Forgery("dropped, files only", dropped),
    Forgery("inserted, files only", inserted),
    Forgery("reordered, files only", reordered),
    Forgery("edited, re-signed", edited, "own"),
    Forgery("dropped, re-signed", dropped, "own"),
    Forgery("inserted, re-signed", inserted, "own"),
    Forgery("reordered, re-signed", reordered, "own"),
    Forgery("rolled back, re-signed", rolled_back, "own"),
    Forgery("nothing changed, foreign key", same, "foreign"),
    Forgery("edited, foreign key", edited, "foreign"),
)


def leaves_of(log: Path) -> Leaves:
    """The entries of an exported log."""
    key = VerifierKey.parse((log / "vkey").read_text())
    size = signed_note.opened((log / "checkpoint").read_text(), key).size
    store, leaves = TileStore(log), []
    for start in range(0, size, tlog.WIDTH):
        leaves += tlog.unbundle(store.read("entries", start // tlog.WIDTH, min(tlog.WIDTH, size - start)))
    return leaves


def forge(log: Path, forgery: Forgery, *, own: Ed25519PrivateKey) -> None:
    """Carry it out on this copy."""
    leaves = forgery.change(leaves_of(log))
    if not forgery.key:
        _swap_first_bundle(log, leaves)
        return
    key = own if forgery.key == "own" else Ed25519PrivateKey.generate()
    origin = VerifierKey.parse((log / "vkey").read_text()).name
    shutil.rmtree(log / "tile")
    write(log, leaves)
    head = Head(origin, len(leaves), tlog.tree_hash(map(tlog.leaf_hash, leaves)))
    (log / "checkpoint").write_text(signed_note.sign(str(head), name=origin, private=key))
    (log / "vkey").write_text(f"{signed_note.verifier_key(origin, key)}\n")


def _swap_first_bundle(log: Path, leaves: Leaves) -> None:
    (log / tlog.tile_path("entries", 0)).write_bytes(tlog.bundle(leaves[: tlog.WIDTH]))


def write(log: Path, leaves: Leaves) -> None:
    """Entries and tiles, as a log would have written them."""
    store = TileStore(log)
    for start in range(0, len(leaves), tlog.WIDTH):
        chunk = leaves[start : start + tlog.WIDTH]
        store.write_tile("entries", start // tlog.WIDTH, tlog.bundle(chunk), width=len(chunk))
    for level, index, data in tlog.new_tiles(lambda *tile: b"", 0, [tlog.leaf_hash(leaf) for leaf in leaves]):
        store.write_tile(level, index, data, width=len(data) // 32)
