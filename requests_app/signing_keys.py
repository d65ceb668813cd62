"""The ledger's signing keys: one file a log, beside the database and never in it.

In:  a log's name.
Out: its private key for whoever signs, its public half for whoever must recognise it.
Never here: a signature; a file that is overwritten; a key that anybody but the process's own user can read.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from requests_app import signed_note
from requests_app.errors import Refused
from requests_app.signed_note import VerifierKey


def file_of(name: str) -> Path:
    """Where the key of the log with this name lies, or would."""
    return Path(settings.PORTAL_LEDGER_KEYS_DIR) / f"{name}.pem"


def own(name: str) -> VerifierKey:
    """The public half of the key that lies here for a log. ``Refused('no_ledger_key')`` when there is none."""
    return signed_note.verifier_key(f"{settings.PORTAL_LEDGER_NAME}/{name}", load(file_of(name)))


def load(path: Path) -> Ed25519PrivateKey:
    """The key in this file. ``Refused('no_ledger_key')`` when it is not there, is none, or is not for this process."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("no_ledger_key", f"This process cannot read the ledger's key {path.name}.")
    return key


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """The key in this file; made here the first time, readable by this process's user alone."""
    if path.exists():
        return load(path)
    private = Ed25519PrivateKey.generate()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.flush()
        os.fsync(file.fileno())
    return private


def is_lost(name: str, known: VerifierKey) -> bool:
    """Whether nothing here can sign as this log any more: its file is gone, damaged, or holds another key.

    ``Refused('not_for_this_user')`` when a file is there that only somebody else may read.
    """
    place = file_of(name)
    try:
        place.read_bytes()
    except PermissionError:
        raise Refused(
            "not_for_this_user",
            f"The key {place.name} is there, and only another user may read it. Run this as the user of the loop.",
        ) from None
    except OSError:
        return True
    try:
        return signed_note.verifier_key(known.name, load(place)) != known
    except Refused:
        return True
