"""RFC 6962 and RFC 9162 once more, written from their text alone, to check what the portal publishes.

In:  leaves, roots, proofs, signed notes.
Out: roots, and ``AssertionError`` where a proof or a signature does not hold.
Never here: an import of the portal.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Tree:
    """The Merkle tree hash of every beginning of a list (RFC 6962 section 2.1), by its recursive definition."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        hashes = [sha256(b"\x00" + leaf) for leaf in leaves]

        @cache
        def mth(first: int, end: int) -> bytes:
            if end - first == 1:
                return hashes[first]
            k = 1
            while k * 2 < end - first:
                k *= 2
            return sha256(b"\x01" + mth(first, first + k) + mth(first + k, end))

        self._mth = mth

    def root(self, size: int) -> bytes:
        return self._mth(0, size) if size else sha256(b"")


def check_consistency(first: int, first_hash: bytes, second: int, second_hash: bytes, path: list[bytes]) -> None:
    """RFC 9162 section 2.1.4.2, step by step."""
    if first == second:
        assert (path, first_hash) == ([], second_hash)
        return
    assert path
    if first & (first - 1) == 0:  # step 2: an exact power of two
        path = [first_hash, *path]
    fn, sn = first - 1, second - 1  # step 3
    while fn & 1:  # step 4
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]  # step 5
    for c in path[1:]:  # step 6
        assert sn != 0
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\x01" + c + fr), sha256(b"\x01" + c + sr)
            while fn != 0 and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + c)
        fn, sn = fn >> 1, sn >> 1
    assert (fr, sr, sn) == (first_hash, second_hash, 0)  # step 7


def opened(note: str, vkey: str) -> tuple[int, bytes]:
    """(size, root) of a signed checkpoint whose signature holds (c2sp.org/signed-note, c2sp.org/tlog-checkpoint)."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    name, _, rest = vkey.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = base64.b64decode(encoded)
    assert key[0] == 1, "Ed25519"
    assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_id
    dash, signer, signature = signatures.splitlines()[0].split(" ")
    blob = base64.b64decode(signature)
    assert (dash, signer, blob[:4].hex()) == ("\u2014", name, key_id)
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(blob[4:], text.encode())
    origin, size, root = text.splitlines()[:3]
    assert origin == name
    return int(size), base64.b64decode(root)


def entries(directory: Path, size: int) -> list[bytes]:
    """The first ``size`` entries of a ``tlog-tiles`` directory, read from its bundles."""
    found: list[bytes] = []
    while len(found) < size:
        number, width = len(found) // 256, min(256, size - len(found))
        groups = [f"{number % 1000:03d}"]
        while number := number // 1000:
            groups.insert(0, f"x{number % 1000:03d}")
        whole = directory / "tile" / "entries" / "/".join(groups)
        partial = whole.with_name(f"{whole.name}.p") / str(width)
        data = (partial if width < 256 and partial.exists() else whole).read_bytes()
        at = 0
        for _ in range(width):
            length = int.from_bytes(data[at : at + 2], "big")
            found.append(data[at + 2 : at + 2 + length])
            at += 2 + length
    return found
