"""Notes and checkpoints, against the worked example of the specification and against whoever bends them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from requests_app import signed_note
from requests_app.signed_note import COSIGNATURE_V1, BadNote, Head, VerifierKey

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
ORIGIN = "portal.test/audit/2026"
KEY = signed_note.verifier_key(ORIGIN, PRIVATE)
HEAD = Head(ORIGIN, 20, b"r" * 32)
NOTE = signed_note.sign(str(HEAD), name=ORIGIN, private=PRIVATE)

#: The example of Go's golang.org/x/mod/sumdb/note: https://pkg.go.dev/golang.org/x/mod/sumdb/note
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_that_go_signed_verifies():
    assert signed_note.verify(GO_NOTE, VerifierKey.parse(GO_KEY)).startswith("If you think")
    with pytest.raises(BadNote):
        signed_note.verify(GO_NOTE.replace("answer", "Answer"), VerifierKey.parse(GO_KEY))


def test_a_vkey_line_is_read_back_and_a_bent_one_is_not():
    assert VerifierKey.parse(str(KEY)) == KEY
    assert str(VerifierKey.parse(GO_KEY)) == GO_KEY
    for bad in ("", "name", "a+b+c", str(KEY).replace("+", "-"), str(KEY).replace("portal", "Portal"), f"{KEY}AA"):
        with pytest.raises(BadNote):
            VerifierKey.parse(bad)


def test_a_checkpoint_says_what_was_signed():
    assert signed_note.opened(NOTE, KEY) == HEAD
    assert signed_note.sign(str(HEAD), name=ORIGIN, private=PRIVATE) == NOTE


@pytest.mark.parametrize(
    "bent",
    [
        NOTE.replace("\n20\n", "\n21\n"),
        NOTE.replace("audit/2026\n20", "audit/2025\n20"),
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("=\n\n", "=\nmore\n\n"),
        signed_note.sign(str(HEAD), name=ORIGIN, private=OTHER),
        signed_note.sign("no checkpoint\n", name=ORIGIN, private=PRIVATE),
        signed_note.sign(str(HEAD).replace("\n20\n", "\n020\n"), name=ORIGIN, private=PRIVATE),
        signed_note.sign(str(Head("other.test", 20, b"r" * 32)), name=ORIGIN, private=PRIVATE),
    ],
)
def test_a_bent_checkpoint_is_refused(bent):
    with pytest.raises(BadNote):
        signed_note.opened(bent, KEY)


def cosignature(note, *, private=OTHER, name="witness.test", at=1_750_000_000):
    """As C2SP tlog-cosignature has it, made here without the module under test."""
    text = note.rpartition("\n\n")[0] + "\n"
    key = VerifierKey(name, COSIGNATURE_V1, private.public_key().public_bytes_raw())
    signed = private.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    blob = base64.b64encode(key.id + at.to_bytes(8, "big") + signed).decode()
    return key, f"— {name} {blob}\n"


def test_a_cosignature_holds_for_its_checkpoint_alone():
    witness, line = cosignature(NOTE)
    assert signed_note.cosigned(NOTE, f"— somebody AAAA\n{line}", witness) == line
    assert signed_note.opened(NOTE + line, KEY) == HEAD
    other = signed_note.sign(str(Head(ORIGIN, 21, b"r" * 32)), name=ORIGIN, private=PRIVATE)
    with pytest.raises(BadNote):
        signed_note.cosigned(other, line, witness)
    with pytest.raises(BadNote):
        signed_note.cosigned(NOTE, "", witness)
    with pytest.raises(BadNote):
        signed_note.cosigned(NOTE, line.replace("witness", "wituess"), witness)
