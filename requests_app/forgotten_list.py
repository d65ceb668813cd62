"""The list of whom the portal has forgotten, in a file that outlives the database.

In:  random ids of data subjects, each noted before their first key is destroyed.
Out: ``forgotten.jsonl`` in ``PORTAL_LEDGER_DIR``, append-only and on the disk; whether this database is older than it.
Never here: personal data, or a line that is taken away. After a restore the list says whom to forget again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import batched
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from requests_app.errors import Refused
from requests_app.models import DataSubject, ForgottenMark

NAME = "forgotten"
FILE = "forgotten.jsonl"
_CHUNK = 500


def path() -> Path:
    """Where the list is."""
    return Path(settings.PORTAL_LEDGER_DIR) / FILE


def note(subject_id: UUID) -> None:
    """Put a person on the list, once, and return when the line is on the disk."""
    place = path()
    if subject_id in set(ids()):
        return
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    said = {"at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}", "subject": str(subject_id)}
    line = json.dumps(said).encode() + b"\n"
    handle = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, (b"" if _ends_well(handle) else b"\n") + line)
        os.fsync(handle)
    finally:
        os.close(handle)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _ends_well(handle: int) -> bool:
    """A crash can leave half a line; the next one must not be glued to it."""
    size = os.fstat(handle).st_size
    return size == 0 or os.pread(handle, 1, size - 1) == b"\n"


def size() -> int:
    """Bytes of the list; 0 where there is none."""
    try:
        return path().stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def ids(*, since: int = 0, place: Path | None = None) -> Iterator[UUID]:
    """Everybody on the list, from byte ``since`` on. Half a line is what a crash left before anything was destroyed.

    ``place`` is another file than the list itself: a copy of it.
    """
    try:
        text = (place or path()).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    for line in text[since:].splitlines():
        try:
            yield UUID(json.loads(line)["subject"])
        except (ValueError, KeyError, TypeError):
            continue


# --- is this database older than the list? ---------------------------------------------------------------------------


def mark_as_seen() -> None:
    """Note in this database that it knows the list as it is now; in the caller's transaction."""
    ForgottenMark.objects.update_or_create(name=NAME, defaults={"size": size()})


def note_again(subject_ids: Iterable[UUID]) -> int:
    """After a restore: note whom other records say was forgotten, and have all of the list compared with this database.

    In the caller's transaction. Returns how many were missing on the list.
    """
    missing = sorted(set(subject_ids) - set(ids()))
    for subject_id in missing:
        note(subject_id)
    if missing:
        ForgottenMark.objects.filter(name=NAME).update(size=0)
    return len(missing)


def seen() -> int:
    """Bytes of the list that this database knows."""
    return ForgottenMark.objects.filter(name=NAME).values_list("size", flat=True).first() or 0


def to_replay() -> list[UUID]:
    """People on the list whom this database does not know to be forgotten: it was restored from before."""
    known = seen()
    if size() <= known:
        return []
    found: list[UUID] = []
    for chunk in batched(ids(since=known), _CHUNK):
        living = DataSubject.objects.filter(pk__in=chunk, forgotten_at__isnull=True)
        found += living.values_list("pk", flat=True)
    return found


def replay_is_due() -> bool:
    """Whether the portal must stay shut: somebody whom it has forgotten is back."""
    return size() > 0 and bool(to_replay())


def require_replayed() -> None:
    """``Refused`` while somebody whom the portal has forgotten is back."""
    if replay_is_due():
        raise Refused(
            "replay_first",
            "The database was restored from before people were forgotten. Run manage.py replay_erasures.",
        )
