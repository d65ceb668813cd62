"""The keys of the case file: seals personal values, opens them again, and finds them by a blind index.

In:  a subject, a purpose, and the exact cell that a value belongs to.
Out: ciphertexts (AES-256-GCM) that open only in that cell, and HMACs to look up by.
Never here: a key-encryption key in the database, or a value in an exception.

The chain: environment (key-encryption keys, in epochs) → ``SubjectKey`` (one a subject and purpose) → values.
Destroying a ``SubjectKey`` forgets all values under it at once; destroying an epoch forgets them in backups too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.utils import timezone

from requests_app.errors import Refused
from requests_app.identifiers import Kind
from requests_app.models import DataSubject, Identifier, KekEpoch, SubjectKey

IDENTIFIERS = SubjectKey.Purpose.IDENTIFIERS
_NONCE = 12


class Forgotten(Refused):
    """The key is destroyed, and with it every value that it sealed."""

    def __init__(self) -> None:
        super().__init__("forgotten", "The personal data of this person has been destroyed.")


def _parse(name: str) -> dict[int, bytes]:
    ring: dict[int, bytes] = {}
    for entry in getattr(settings, name):
        number, _, text = entry.partition(":")
        try:
            ring[int(number)] = base64.b64decode(text, validate=True)
        except ValueError:
            raise ImproperlyConfigured(f"{name}: write each key as number:base64, separated by commas.") from None
        if len(ring[int(number)]) != 32:
            raise ImproperlyConfigured(f"{name}: key {number} must be 32 bytes (openssl rand -base64 32).")
    if not ring:
        raise ImproperlyConfigured(f"{name} is empty: at least one key is needed (openssl rand -base64 32).")
    return ring


@cache
def key_encryption_keys() -> dict[int, bytes]:
    """Epoch → 32-byte key, from ``PORTAL_KEKS``."""
    return _parse("PORTAL_KEKS")


@cache
def index_keys() -> dict[int, bytes]:
    """Id → 32-byte key, from ``PORTAL_INDEX_KEYS``."""
    return _parse("PORTAL_INDEX_KEYS")


@cache
def digest_keys() -> dict[int, bytes]:
    """Id → 32-byte key, from ``PORTAL_DIGEST_KEYS``."""
    return _parse("PORTAL_DIGEST_KEYS")


def shared_between_rings() -> list[tuple[str, str]]:
    """Pairs of rings that have a key in common: whoever has one ring must not have another. Raises when one is bad."""
    rings = {
        "PORTAL_KEKS": key_encryption_keys(),
        "PORTAL_INDEX_KEYS": index_keys(),
        "PORTAL_DIGEST_KEYS": digest_keys(),
    }
    return [
        (one, other) for one, other in combinations(rings, 2) if set(rings[one].values()) & set(rings[other].values())
    ]


def _encrypt(key: bytes, text: bytes, *, aad: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text, aad)


def _decrypt(key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(bytes(sealed[:_NONCE]), bytes(sealed[_NONCE:]), aad)
    except (InvalidTag, ValueError):  # the latter for one that is shorter than its nonce
        raise Refused("cannot_decrypt", "A stored value does not open with its key. Run manage.py doctor.") from None


# --- wrapping --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key under the key-encryption key of an epoch."""

    blob: bytes
    epoch: KekEpoch


def wrap(key: bytes, *, aad: bytes) -> Wrapped:
    """Wrap a data key under the newest epoch."""
    number = max(key_encryption_keys())
    epoch, _ = KekEpoch.objects.get_or_create(id=number)
    return Wrapped(_encrypt(key_encryption_keys()[number], key, aad=aad), epoch)


def unwrap(blob: bytes, *, epoch_id: int, aad: bytes) -> bytes:
    """The data key again. ``Refused`` when the environment lacks the epoch's key."""
    kek = key_encryption_keys().get(epoch_id)
    if kek is None:
        raise Refused("missing_key", f"PORTAL_KEKS has no key for epoch {epoch_id}. Restore it, then try again.")
    return _decrypt(kek, blob, aad=aad)


def _key_aad(subject_id: UUID | str, purpose: str) -> bytes:
    return f"subjectkey|{purpose}|{subject_id}".encode()


def create_subject_key(subject: DataSubject, purpose: SubjectKey.Purpose) -> None:
    """Give a subject a fresh data key for one purpose."""
    wrapped = wrap(os.urandom(32), aad=_key_aad(subject.pk, purpose))
    SubjectKey.objects.create(subject=subject, purpose=purpose, wrapped=wrapped.blob, epoch=wrapped.epoch)


def fresh_key(subject_id: UUID | str, purpose: SubjectKey.Purpose) -> tuple[bytes, bytes]:
    """A data key and the same wrapped under the newest epoch, for whoever stores rows by the million."""
    key = os.urandom(32)
    kek = key_encryption_keys()[max(key_encryption_keys())]
    return key, _encrypt(kek, key, aad=_key_aad(subject_id, purpose))


def _subject_key(subject_id: UUID, purpose: SubjectKey.Purpose) -> bytes:
    row = SubjectKey.objects.get(subject_id=subject_id, purpose=purpose)
    if row.wrapped is None:
        raise Forgotten
    return unwrap(bytes(row.wrapped), epoch_id=row.epoch_id, aad=_key_aad(subject_id, purpose))


def prove(row: SubjectKey) -> None:
    """Raise ``Refused`` unless the environment's key opens this data key. Nothing under it is opened."""
    if row.wrapped is None:
        raise Forgotten
    unwrap(bytes(row.wrapped), epoch_id=row.epoch_id, aad=_key_aad(row.subject_id, row.purpose))


def destroy_subject_key(subject_id: UUID, purpose: SubjectKey.Purpose) -> None:
    """Forget everything sealed for this purpose. There is no way back."""
    SubjectKey.objects.filter(subject_id=subject_id, purpose=purpose, wrapped__isnull=False).update(
        wrapped=None, destroyed_at=timezone.now()
    )


# --- cells -----------------------------------------------------------------------------------------------------------


def _cell(row: Model, column: str) -> bytes:
    return f"{row._meta.db_table}|{column}|{row.pk}".encode()


def seal_cell(key: bytes, text: str, *, table: str, column: str, row_id: UUID | str) -> bytes:
    """The same as ``seal``, with the data key at hand."""
    return _encrypt(key, text.encode(), aad=f"{table}|{column}|{row_id}".encode())


def seal(row: Model, column: str, text: str, *, subject_id: UUID, purpose: SubjectKey.Purpose = IDENTIFIERS) -> bytes:
    """The ciphertext of ``text`` for exactly this cell (AAD = table, column, row id)."""
    return _encrypt(_subject_key(subject_id, purpose), text.encode(), aad=_cell(row, column))


def unseal(row: Model, column: str, *, subject_id: UUID, purpose: SubjectKey.Purpose = IDENTIFIERS) -> str:
    """The value of a sealed cell. ``Forgotten`` when the subject's key is destroyed; empty when the cell is."""
    sealed = getattr(row, column)
    if sealed is None:
        return ""
    return _decrypt(_subject_key(subject_id, purpose), sealed, aad=_cell(row, column)).decode()


def unseal_under(key: SubjectKey, row: Model, column: str) -> str:
    """The same with the subject's key at hand, for whoever opens thousands."""
    if key.wrapped is None:
        raise Forgotten
    opened = unwrap(bytes(key.wrapped), epoch_id=key.epoch_id, aad=_key_aad(key.subject_id, key.purpose))
    return _decrypt(opened, getattr(row, column), aad=_cell(row, column)).decode()


def identifiers_of(subject_id: UUID) -> list[tuple[Kind, str]]:
    """The identifiers of a subject in clear, in the order in which they came. ``Forgotten`` once they are destroyed."""
    rows = Identifier.objects.filter(subject_id=subject_id).order_by("created_at", "pk")
    return [(Kind(row.kind), unseal(row, "value_enc", subject_id=subject_id)) for row in rows]


# --- looking up ------------------------------------------------------------------------------------------------------


def _index(key: bytes, kind: str, normalised: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{normalised}".encode(), hashlib.sha256)


def blind_index(kind: str, normalised: str) -> tuple[bytes, int]:
    """The 32-byte index to store for an identifier, and the id of the key that made it."""
    number = max(index_keys())
    return _index(index_keys()[number], kind, normalised), number


def blind_indices(kind: str, normalised: str) -> list[bytes]:
    """The identifier's index under every key there is, to look up rows written under an older one."""
    return [_index(key, kind, normalised) for key in index_keys().values()]


def import_key(*parts: str) -> str:
    """A keyed fingerprint of a line of an import file, so that the same line is known again without being kept.

    It is made with the oldest index key: the newest changes when keys rotate, and old files must stay known.
    """
    key = index_keys()[min(index_keys())]
    return hmac.digest(key, "\0".join(("import", *parts)).encode(), hashlib.sha256).hex()


def digests(kind: str, normalised: str) -> list[tuple[bytes, int]]:
    """The digests of an identifier that may outlive it, as (digest, id of its key), the newest key's first.

    Their keys are no index keys, so that a row of digests and a row of identifiers cannot be compared.
    """
    text = f"digest\0{kind}\0{normalised}".encode()
    ring = sorted(digest_keys().items(), reverse=True)
    return [(hmac.digest(key, text, hashlib.sha256), number) for number, key in ring]


# --- files and settings ----------------------------------------------------------------------------------------------


def seal_file(data: bytes, *, evidence_id: UUID, request_id: UUID) -> tuple[bytes, Wrapped]:
    """The encrypted file, and its own key wrapped. Moving either to another row makes it useless."""
    aad = f"evidence|{evidence_id}|{request_id}".encode()
    key = os.urandom(32)
    return _encrypt(key, data, aad=aad), wrap(key, aad=aad)


def open_file(
    sealed: bytes, *, wrapped: bytes | memoryview | None, epoch_id: int, evidence_id: UUID, request_id: UUID
) -> bytes:
    """The file again. ``Forgotten`` once its key is destroyed."""
    if wrapped is None:
        raise Forgotten
    aad = f"evidence|{evidence_id}|{request_id}".encode()
    return _decrypt(unwrap(bytes(wrapped), epoch_id=epoch_id, aad=aad), sealed, aad=aad)


def seal_setting(name: str, text: str) -> str:
    """A secret that belongs to no subject, such as a second factor's: ``epoch:base64``."""
    number = max(key_encryption_keys())
    sealed = _encrypt(key_encryption_keys()[number], text.encode(), aad=f"setting|{name}".encode())
    return f"{number}:{base64.b64encode(sealed).decode()}"


def open_setting(name: str, text: str) -> str:
    """The secret again."""
    number, _, sealed = text.partition(":")
    kek = key_encryption_keys().get(int(number))
    if kek is None:
        raise Refused("missing_key", f"PORTAL_KEKS has no key for epoch {number}. Restore it, then try again.")
    return _decrypt(kek, base64.b64decode(sealed), aad=f"setting|{name}".encode()).decode()
