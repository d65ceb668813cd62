"""Holds the stored ledger against what has left the database: the published folder, and older checkpoints.

In:  the ledger's rows; a folder; an older folder or checkpoint.
Out: every fault in words.
Never here: the check of the rows themselves, which is ``audit.verify``; a repair.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from requests_app import folder_check, tlog
from requests_app.folder_check import FolderLog
from requests_app.models import LedgerIndex, LedgerLog
from requests_app.signed_note import VerifierKey

_PAGE = 5000


def faults_of_folder(place: Path) -> list[str]:
    """A folder holds in itself, and tells the same as the rows."""
    told = folder_check.logs_in(place)
    faults = folder_check.faults_in(place, told)
    stored = {log.origin: log for log in LedgerLog.objects.all()}
    for log in told:
        if log.key is None:
            continue
        row = stored.pop(log.key.name, None)
        faults += [f"{log.directory.name}: {fault}" for fault in _faults_against_rows(log, row)]
    return faults + [f"{origin} is not in the folder" for origin in stored]


def _faults_against_rows(log: FolderLog, row: LedgerLog | None) -> Iterator[str]:
    if row is None or str(log.key) != row.vkey:
        yield "the portal knows no log with this key"
        return
    ours = list(islice(_hashes(row), len(log.hashes)))
    if len(ours) < len(log.hashes):
        yield f"the portal holds {len(ours)} entries, the folder {len(log.hashes)}"
    first = next((at for at, pair in enumerate(zip(ours, log.hashes, strict=False)) if pair[0] != pair[1]), None)
    if first is not None:
        yield f"entry {first} is another one than the portal's"


def faults_since(place: Path) -> list[str]:
    """The rows have only grown since an older checkpoint, or since every checkpoint of an older folder."""
    notes = folder_check.checkpoints_in(place)
    faults = [] if notes else [f"{place} holds no checkpoint"]
    for note in notes:
        row = LedgerLog.objects.filter(origin=folder_check.origin_of(note)).first()
        faults += folder_check.faults_since(note, _as_folder(row) if row else None)
    return faults


def _as_folder(row: LedgerLog) -> FolderLog:
    return FolderLog(Path(row.name), VerifierKey.parse(row.vkey), hashes=list(_hashes(row)))


def _hashes(log: LedgerLog) -> Iterator[bytes]:
    """The hashes of a log's entries as their bytes give them, whatever the column beside them says."""
    follower = LedgerLog.objects.filter(first_seq__gt=log.first_seq).order_by("first_seq").first()
    start, end = log.first_seq, follower.first_seq if follower else None
    while True:
        rows = LedgerIndex.objects.filter(seq__gte=start, **({"seq__lt": end} if end is not None else {}))
        page = list(rows.order_by("seq").values_list("seq", "leaf__leaf")[:_PAGE])
        if not page:
            return
        yield from (tlog.leaf_hash(bytes(leaf)) for _, leaf in page)
        start = page[-1][0] + 1
