"""The tree, compared with RFC 6962 as it is written, and its proofs, checked by RFC 9162's verifiers."""

import hashlib
import random

import pytest

from requests_app import tlog

SIZES = [*range(1, 20), 255, 256, 257, 511, 512, 513, 700]
LEAVES = [tlog.leaf_hash(str(number).encode()) for number in range(700)]


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mth(leaves):
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\1", mth(leaves[:k]), mth(leaves[k:]))


def verify_inclusion(leaf, index, size, path, root):
    """RFC 9162 section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def verify_consistency(first, second, path, first_root, second_root):
    """RFC 9162 section 2.1.4.2."""
    if first & (first - 1) == 0:
        path = [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


class Memory:
    """Tiles in a dictionary. Like a publisher it grows in steps, and forgets partial tiles that are full now."""

    def __init__(self):
        self.tiles, self.size = {}, 0

    def read(self, level, index, width):
        exact = self.tiles.get(tlog.tile_path(level, index, width))
        return exact if exact is not None else self.tiles[tlog.tile_path(level, index)]

    def grow(self, hashes):
        for level, index, data in tlog.new_tiles(self.read, self.size, hashes):
            self.tiles[tlog.tile_path(level, index, len(data) // 32)] = data
            if len(data) == 256 * 32:
                for width in range(1, 256):
                    self.tiles.pop(tlog.tile_path(level, index, width), None)
        self.size += len(hashes)

    def node(self):
        return tlog.nodes_of(self.read, self.size)


def grown(size, step=97):
    memory = Memory()
    for start in range(0, size, step):
        memory.grow(LEAVES[start : min(start + step, size)])
    return memory


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_rfc_6962_from_leaves_and_from_tiles(size):
    assert tlog.tree_hash(LEAVES[:size]) == mth(LEAVES[:size])
    memory = grown(size)
    assert tlog.root(memory.node(), size) == mth(LEAVES[:size])
    for earlier in {1, size // 2, size - 1, size} - {0}:
        assert tlog.root(memory.node(), earlier) == mth(LEAVES[:earlier])


def test_an_empty_tree_has_the_hash_of_nothing():
    assert tlog.tree_hash([]) == mth([])


def test_the_edge_knows_the_root_at_every_size():
    edge = tlog.Edge()
    for size, leaf in enumerate(LEAVES[:70], 1):
        edge.add(leaf)
        assert (edge.size, edge.root()) == (size, mth(LEAVES[:size]))


@pytest.mark.parametrize("size", SIZES)
def test_an_inclusion_proof_convinces_and_fits_no_other_entry(size):
    node, root = grown(size).node(), mth(LEAVES[:size])
    for index in {0, size - 1, *random.Random(size).choices(range(size), k=5)}:
        path = tlog.inclusion(node, index, size)
        assert verify_inclusion(LEAVES[index], index, size, path, root)
        assert tlog.root_from(path, index, size, LEAVES[index]) == root
        with pytest.raises(ValueError, match="zip"):
            tlog.root_from([*path, root], index, size, LEAVES[index])
        if size > 1:
            assert not verify_inclusion(LEAVES[index - 1], index, size, path, root)
            assert not verify_inclusion(LEAVES[index], (index + 1) % size, size, path, root)


@pytest.mark.parametrize("size", SIZES)
def test_a_consistency_proof_convinces_and_fits_no_other_past(size):
    node, root = grown(size).node(), mth(LEAVES[:size])
    for old in {1, size // 3, size // 2, size - 1} - {0, size}:
        path = tlog.consistency(node, old, size)
        assert verify_consistency(old, size, path, mth(LEAVES[:old]), root)
        assert not verify_consistency(old, size, path, mth(LEAVES[1 : old + 1]), root)


def test_nothing_shows_that_a_tree_grew_from_nothing_or_stayed_as_it_was():
    node = grown(20).node()
    assert tlog.consistency(node, 0, 20) == tlog.consistency(node, 20, 20) == []


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_a_tree_does_not_shrink(old, new):
    with pytest.raises(ValueError, match="shrink"):
        tlog.consistency(grown(5).node(), old, new)


@pytest.mark.parametrize("index", [-1, 5])
def test_there_is_no_proof_of_an_entry_that_is_not_there(index):
    with pytest.raises(ValueError, match="no such leaf"):
        tlog.inclusion(grown(5).node(), index, 5)


def test_tiles_are_named_as_c2sp_names_them():
    assert tlog.tile_path(0, 0) == "tile/0/000"
    assert tlog.tile_path(1, 1234067) == "tile/1/x001/x234/067"
    assert tlog.tile_path("entries", 5, 17) == "tile/entries/005.p/17"


def test_a_bundle_opens_again_and_a_cut_one_does_not():
    leaves = [b"a", b"", b"x" * 300]
    assert tlog.unbundle(tlog.bundle(leaves)) == leaves
    with pytest.raises(ValueError, match="cut"):
        tlog.unbundle(tlog.bundle(leaves)[:-1])


def test_however_a_tree_grows_its_tiles_are_the_same():
    at_once = grown(700, step=700).tiles
    for step in (1, 97, 256):
        assert at_once.items() <= grown(700, step=step).tiles.items()
