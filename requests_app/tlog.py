"""The tree over the ledger: RFC 6962 hashes, kept as C2SP ``tlog-tiles``, proved by C2SP ``tlog-proof``.

In:  leaf hashes, or a reader of what is already known of a tree.
Out: roots, tiles to write, inclusion and consistency proofs.
Never here: a file, a table, a key. https://c2sp.org/tlog-tiles, https://c2sp.org/tlog-proof, RFC 6962 section 2.1.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import batched

#: Hashes in a full tile, and entries in a full bundle.
WIDTH = 256
_HEIGHT = 8
_HASH = 32

#: The hash over the complete subtree of ``2**level`` leaves that is the ``index``-th of its level.
Node = Callable[[int, int], bytes]
#: The bytes of a tile that exists: (level, index, width).
ReadTile = Callable[[int, int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Edge:
    """The right edge of a growing tree: one pass, logarithmic memory, a root at every size."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """One more leaf hash."""
        node, left = leaf, self.size
        while left & 1:
            node = node_hash(self._stack.pop(), node)
            left >>= 1
        self._stack.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash at this size; for no leaves SHA-256 of nothing."""
        return _fold(self._stack)


def tree_hash(hashes: Iterable[bytes]) -> bytes:
    """RFC 6962 Merkle tree hash over leaf hashes."""
    edge = Edge()
    for leaf in hashes:
        edge.add(leaf)
    return edge.root()


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """One hash from complete subtrees of falling size."""
    if not subtrees:
        return hashlib.sha256(b"").digest()
    *rest, node = subtrees
    for left in reversed(rest):
        node = node_hash(left, node)
    return node


# --- reading a tree --------------------------------------------------------------------------------------------------


def nodes_of(read: ReadTile, size: int) -> Node:
    """Reads the nodes of a tree of this size from its tiles."""

    def node(level: int, index: int) -> bytes:
        tile_level, within = divmod(level, _HEIGHT)
        first = index << within
        there = size >> (tile_level * _HEIGHT)
        tile = first // WIDTH
        width = min(WIDTH, there - tile * WIDTH)
        data = read(tile_level, tile, width)
        start = first % WIDTH * _HASH
        return tree_hash(_split(data[start : start + (_HASH << within)]))

    return node


def _split(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _HASH] for at in range(0, len(data), _HASH))


def _range_hash(node: Node, start: int, end: int) -> bytes:
    """The hash over leaves ``start`` to ``end``, where ``start`` is aligned as RFC 6962 splits."""
    subtrees = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        subtrees.append(node(level, start >> level))
        start += 1 << level
    return _fold(subtrees)


def root(node: Node, size: int) -> bytes:
    """The root of the tree at this size."""
    return _range_hash(node, 0, size)


def inclusion(node: Node, index: int, size: int) -> list[bytes]:
    """RFC 6962 section 2.1.1: from the leaf's sibling up to the root. ``ValueError`` when the tree has no such leaf."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split_at(end - start)
        if index < middle:
            path.append(_range_hash(node, middle, end))
            end = middle
        else:
            path.append(_range_hash(node, start, middle))
            start = middle
    return path[::-1]


def root_from(path: Sequence[bytes], index: int, size: int, leaf: bytes) -> bytes:
    """The root that an inclusion proof leads to from a leaf's hash. ``ValueError`` when the path has another length."""
    rights, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split_at(end - start)
        rights.append(index >= middle)
        start, end = (middle, end) if index >= middle else (start, middle)
    for right, other in zip(reversed(rights), path, strict=True):
        leaf = node_hash(other, leaf) if right else node_hash(leaf, other)
    return leaf


def consistency(node: Node, old: int, new: int) -> list[bytes]:
    """RFC 6962 section 2.1.2: what shows that the tree of ``new`` leaves begins with the tree of ``old``."""
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    if old in (0, new):
        return []
    path, start, end, whole = [], 0, new, True
    while old != end:
        middle = start + _split_at(end - start)
        if old <= middle:
            path.append(_range_hash(node, middle, end))
            end = middle
        else:
            path.append(_range_hash(node, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_range_hash(node, start, end))
    return path[::-1]


def _split_at(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


# --- writing a tree --------------------------------------------------------------------------------------------------


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Where a tile lies; ``level`` is a number, or ``"entries"`` for a bundle of entries."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Entries as a bundle holds them: each behind its length, two bytes, big-endian."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. ``ValueError`` when it is cut."""
    leaves, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        leaves.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(data):
        raise ValueError("the bundle is cut")
    return leaves


def new_tiles(read: ReadTile, old: int, hashes: Sequence[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """The tiles that grow when ``hashes`` follow the ``old`` leaves, as (level, index, data). Lowest level first."""
    level, count, fresh = 0, old, list(hashes)
    while fresh:
        first, filled = divmod(count, WIDTH)
        known = list(_split(read(level, first, filled))) if filled else []
        full = []
        for index, chunk in enumerate(batched(known + fresh, WIDTH), first):
            yield level, index, b"".join(chunk)
            if len(chunk) == WIDTH:
                full.append(tree_hash(chunk))
        level, count, fresh = level + 1, count // WIDTH, full


# --- a proof as a file -----------------------------------------------------------------------------------------------


def proof_text(index: int, path: Sequence[bytes], note: str) -> str:
    """The file that proves one entry under a checkpoint (``c2sp.org/tlog-proof@v1``)."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(base64.b64encode(one).decode() for one in path)]
    return "\n".join(lines) + "\n\n" + note
