"""`docs/audit-format.md` is enough to write a verifier: this one knows nothing of the portal, and checks its folder."""

import base64
import hashlib
import re
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from requests_app import audit_export, publisher, recovery, signing_keys
from tests import story
from tests.docs import tables
from tests.requests_app.test_publisher import write

DOCUMENT = "docs/audit-format.md"
ENTRIES = [b"first", b"second", b"third"]


# --- a verifier, written from the page -------------------------------------------------------------------------------


def sha(data):
    return hashlib.sha256(data).digest()


def root(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha(b"\1" + root(hashes[:split]) + root(hashes[split:]))


def key_of(vkey):
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    assert sha(name.encode() + b"\n" + key)[:4].hex() == key_id
    return name, bytes.fromhex(key_id), key[0], Ed25519PublicKey.from_public_bytes(key[1:])


def opened(note, vkey):
    """The text of a note that this key has signed."""
    name, key_id, kind, key = key_of(vkey)
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        if (dash, signer, signature[:4]) != ("\u2014", name, key_id):
            continue
        message, signature = text, signature[4:]
        if kind == 4:
            message = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n{text}"
            signature = signature[8:]
        key.verify(signature, message.encode())
        return text
    raise AssertionError("not signed")


def head_of(note, vkey):
    name, size, encoded = opened(note, vkey).splitlines()
    assert name == vkey.split("+")[0]
    return int(size), base64.b64decode(encoded)


def proved(text, entry, vkey):
    """The size of the log that the entry is proved to be in."""
    lines, _, note = text.partition("\n\n")
    first, index, *path = lines.splitlines()
    assert first == "c2sp.org/tlog-proof@v1"
    size, wanted = head_of(note, vkey)
    found, i, last = sha(b"\0" + entry), int(index.removeprefix("index ")), size - 1
    for step in map(base64.b64decode, path):
        if i % 2 or i == last:
            found = sha(b"\1" + step + found)
            while i % 2 == 0 and i:
                i, last = i >> 1, last >> 1
        else:
            found = sha(b"\1" + found + step)
        i, last = i >> 1, last >> 1
    assert (found, last) == (wanted, 0)
    return size


def tile_name(n, width):
    digits = f"{n:0{-(-len(str(n)) // 3) * 3}d}"
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return name if width == 256 else f"{name}.p/{width}"


def entries_of(log):
    size, wanted = head_of((log / "checkpoint").read_text(), (log / "vkey").read_text().strip())
    entries = []
    for n in range(-(-size // 256)):
        data = (log / "tile/entries" / tile_name(n, min(256, size - n * 256))).read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    hashes, level, files = [sha(b"\0" + entry) for entry in entries], 0, 0
    assert (len(hashes), root(hashes)) == (size, wanted)
    while hashes:
        tiles = [hashes[at : at + 256] for at in range(0, len(hashes), 256)]
        for n, tile in enumerate(tiles):
            assert (log / "tile" / str(level) / tile_name(n, len(tile))).read_bytes() == b"".join(tile)
        hashes, level, files = [root(tile) for tile in tiles if len(tile) == 256], level + 1, files + len(tiles)
    assert len([file for file in log.glob("tile/*/**/*") if file.is_file()]) == files + -(-size // 256)
    return entries


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def vectors():
    return {row["Name"]: row["Value"] for row in tables.table(DOCUMENT, "Test vectors")}


@pytest.fixture
def proof():
    text = tables.text_of(DOCUMENT)
    lines = text[text.index("    c2sp.org/") :].splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines) + "\n"


def test_the_vectors_of_hashes_and_keys_are_right(vectors):
    hashes = [sha(b"\0" + entry) for entry in ENTRIES]
    for n, one in enumerate(hashes):
        assert tables.code(vectors[f"hash of entry {n}"]) == one.hex()
    assert tables.code(vectors["root over 2"]) == root(hashes[:2]).hex()
    assert tables.code(vectors["root over 3"]) == root(hashes).hex()
    added = base64.b64decode(tables.code(vectors["from 2 to 3"]))
    assert sha(b"\1" + root(hashes[:2]) + added) == root(hashes)
    begins, *parts = tables.codes(vectors["bundle of all 3"])
    bundle = b"".join(bytes.fromhex(part) if part.isdigit() else part.encode() for part in parts)
    assert bundle == b"".join(len(entry).to_bytes(2, "big") + entry for entry in ENTRIES)
    assert bundle.hex().startswith(begins)
    vkey = tables.code(vectors["log's vkey"])
    assert tables.code(vectors["its fingerprint"]) == sha(vkey.encode()).hex()
    for name, seed, kind in (("log's vkey", range(32), 1), ("witness's vkey", range(32, 64), 4)):
        *_, stated, key = key_of(tables.code(vectors[name]))
        assert stated == kind
        assert key == Ed25519PrivateKey.from_private_bytes(bytes(seed)).public_key()


def test_the_vector_of_a_proof_is_right(vectors, proof):
    vkey, witness = tables.code(vectors["log's vkey"]), tables.code(vectors["witness's vkey"])
    assert proved(proof, ENTRIES[1], vkey) == 3
    note = proof.partition("\n\n")[2]
    assert opened(note, vkey) == opened(note, witness)
    assert head_of(note, vkey)[1].hex() == tables.code(vectors["root over 3"])
    with pytest.raises(AssertionError):
        proved(proof, ENTRIES[0], vkey)


def test_a_tile_is_named_as_described():
    assert f"`{tile_name(1234067, 256)}`" in tables.text_of(DOCUMENT)


def test_the_verifier_of_the_page_accepts_a_real_folder(transactional_db, staff, validator, clock, tmp_path):
    clock.move_to(datetime(2026, 11, 1, tzinfo=UTC))
    request = story.validated(staff, validator)
    write(300)
    publisher.publish()
    clock.move_to(datetime(2027, 2, 1, tzinfo=UTC))
    write(2)
    publisher.publish()
    signing_keys.file_of("2027").unlink()
    recovery.open_next_log()
    publisher.publish()
    audit_export.export(tmp_path / "out", reference=request.reference)
    old, new, last = (entries_of(tmp_path / "out" / name) for name in ("2026", "2027", "2027b"))
    head = head_of((tmp_path / "out/2026/checkpoint").read_text(), (tmp_path / "out/2026/vkey").read_text().strip())
    assert f'"root":"{head[1].hex()}","size":{len(old)}'.encode() in new[0]
    head = head_of((tmp_path / "out/2027/checkpoint").read_text(), (tmp_path / "out/2027/vkey").read_text().strip())
    assert f'"reason":"key_lost","root":"{head[1].hex()}","size":{len(new)}'.encode() in last[0]
    leaves = sorted((tmp_path / "out/proofs").glob("*.leaf"))
    for leaf in leaves:
        index = int(leaf.name.split("-")[4])
        assert leaf.read_bytes() == old[index]
        vkey = (tmp_path / "out/2026/vkey").read_text().strip()
        assert proved(leaf.with_suffix(".tlog-proof").read_text(), old[index], vkey) == len(old)
    assert leaves


def test_every_file_of_a_folder_is_described(transactional_db, staff, validator, tmp_path):
    request = story.validated(staff, validator)
    publisher.publish()
    audit_export.export(tmp_path / "out", reference=request.reference)
    names = [
        re.escape(tables.code(row["File"]))
        .replace("LOG", r"\d{4}[a-z]?").replace("REF", r"DSR-\w{4}-\w{4}").replace("INDEX", r"\d{6}")
        .replace("TYPE", r"[\w.]+").replace("SUFFIX", r"\w+").replace("/L/", r"/\d/").replace("/N", r"/[\w./]+")
        for row in tables.table(DOCUMENT, "Files")
    ]  # fmt: skip
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            path = file.relative_to(tmp_path / "out").as_posix()
            assert any(re.fullmatch(name, path) for name in names), path
