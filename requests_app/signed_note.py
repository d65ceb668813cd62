"""Signed notes and checkpoints: the few lines that bind a whole ledger, under keys that anybody can check.

In:  a text and a key; a note and the key that must have signed it.
Out: notes, checkpoints, cosignatures, ``vkey`` lines.
Never here: where a key is kept. C2SP ``signed-note``, ``tlog-checkpoint`` and ``tlog-cosignature`` (c2sp.org).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: The kinds of key that a ``vkey`` names: the log's own, and a witness that signs with the time.
ED25519, COSIGNATURE_V1 = 0x01, 0x04
_SIGNATURE, _TIME = 64, 8


class BadNote(Exception):
    """A note that is malformed, or not signed by the key it should be."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs for."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{key}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the ``vkey`` line, in hexadecimal: what people compare."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises ``BadNote`` for what is no ``vkey``."""
        try:
            name, key_id, key = text.strip().split("+", 2)
            data = base64.b64decode(key, validate=True)
            parsed = cls(name, data[0], data[1:])
        except (ValueError, IndexError):
            raise BadNote("This is no vkey: name+id+key.") from None
        if parsed.kind not in (ED25519, COSIGNATURE_V1) or len(parsed.public) != 32 or parsed.id.hex() != key_id:
            raise BadNote("The vkey does not fit its own id.")
        return parsed


def verifier_key(name: str, private: Ed25519PrivateKey) -> VerifierKey:
    """The public half of a log's key."""
    return VerifierKey(name, ED25519, private.public_key().public_bytes_raw())


# --- notes -----------------------------------------------------------------------------------------------------------


def sign(text: str, *, name: str, private: Ed25519PrivateKey) -> str:
    """The note: the text, an empty line, one signature line. Ed25519 signs the same text the same way every time."""
    signature = verifier_key(name, private).id + private.sign(text.encode())
    return f"{text}\n{_line(name, signature)}"


def _line(name: str, signature: bytes) -> str:
    return f"— {name} {base64.b64encode(signature).decode()}\n"


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise BadNote("A note has a text, an empty line, and signatures.")
    signatures = []
    for line in lines[:-1].split("\n"):
        dash, name, signature = (*line.split(" "), "", "")[:3]
        try:
            signatures.append((name, base64.b64decode(signature, validate=True)))
        except binascii.Error:
            raise BadNote("A signature is not base64.") from None
        if dash != "—" or not name:
            raise BadNote("A signature line begins with a dash and a name.")
    return f"{text}\n", signatures


def verify(note: str, key: VerifierKey) -> str:
    """The text, when this key has signed it. Raises ``BadNote``."""
    text, signatures = _parts(note)
    for name, signature in signatures:
        if name == key.name and signature[:4] == key.id and _holds(text, signature[4:], key):
            return text
    raise BadNote(f"No signature by {key.name} holds.")


def _holds(text: str, signature: bytes, key: VerifierKey) -> bool:
    message = text
    if key.kind == COSIGNATURE_V1:
        if len(signature) != _TIME + _SIGNATURE:
            return False
        message = f"cosignature/v1\ntime {int.from_bytes(signature[:_TIME], 'big')}\n{text}"
        signature = signature[_TIME:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message.encode())
    except InvalidSignature:
        return False
    return True


# --- checkpoints -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What a checkpoint says: this log had this many entries, and this root over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Raises ``BadNote`` for what is no checkpoint. Lines after the third are extensions, and are passed over."""
        try:
            origin, size, root = text.split("\n")[:3]
            head = cls(origin, int(size), base64.b64decode(root, validate=True))
        except ValueError:
            raise BadNote("A checkpoint has an origin, a size and a root.") from None
        if str(head.size) != size or head.size < 0 or len(head.root) != 32:
            raise BadNote("A checkpoint's size or root is not one.")
        return head


def opened(note: str, key: VerifierKey) -> Head:
    """What a checkpoint says, when its log has signed it. Raises ``BadNote``."""
    head = Head.parse(verify(note, key))
    if head.origin != key.name:
        raise BadNote(f"This checkpoint is of {head.origin}, not of {key.name}.")
    return head


def cosigned(note: str, lines: str, key: VerifierKey) -> str:
    """The signature line of a witness among ``lines``, when it holds for this note. Raises ``BadNote``."""
    text, _ = _parts(note)
    for line in lines.splitlines(keepends=True):
        try:
            verify(f"{text}\n{line}", key)
        except BadNote:
            continue
        return line
    raise BadNote(f"{key.name} sent no signature that holds.")
