"""The auditor's folder: the published ledger, proofs of what it says about a request, and what to check both with.

In:  a place that is free; a request's reference; reports that the portal wrote.
Out: a folder that stands alone, whole or not there; the same as a ZIP, noted in the access log.
Never here: an entry that is not signed, a person's data, a folder that did not pass the check it invites to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from requests_app import access_log, folder_check, gates, publisher, tlog
from requests_app.audit_export import readme
from requests_app.audit_export.readme import Proved
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerIndex, LedgerLeaf, LedgerLog, Request
from requests_app.tile_store import TileStore

_HASH = 32
_VERIFIER = Path(__file__).with_name("verifier.go")


@dataclass(slots=True)
class Exported:
    """What is in the folder, and what could not go in: entries of the request that no checkpoint covers yet."""

    checkpoints: list[Checkpoint]
    #: By name: an entry goes in once, whoever asks for it.
    proved: dict[str, Proved] = field(default_factory=dict)
    waiting: int = 0

    def covering(self, seq: int) -> Checkpoint | None:
        """The checkpoint of this folder over the entry with this number."""
        for one in self.checkpoints:
            if one.log.first_seq <= seq < one.log.first_seq + one.size:
                return one
        return None


def export(place: Path, *, reference: str = "", reports: Sequence[Path] = ()) -> Exported:
    """Write the folder. ``Refused`` when there is nothing to export, when the place is taken, or when it does not hold.

    It is written beside its place and put there in one step, so that half of it never looks like the whole.
    """
    _require_free(place)
    exported = Exported(_checkpoints())
    if reference:
        _add_request(exported, _request(reference))
    for report in reports:
        _add_report(exported, report)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}-"))
    try:
        _write(draft, exported)
        draft.replace(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return exported


def _require_free(place: Path) -> None:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise Refused("not_empty", f"{place} is not empty. Name a folder that is not there yet.")


def pack(request_id: UUID, *, actor: User) -> IO[bytes]:
    """The folder with the proofs of one request as a ZIP, for a download that is written down in the access log.

    The file stands at its beginning, is on the disk and nowhere by name, and goes when it is closed.
    """
    gates.require(actor, "requests_app.view_ledgerleaf")
    request = Request.objects.get(pk=request_id)
    with ExitStack() as undo:
        file: IO[bytes] = undo.enter_context(tempfile.TemporaryFile())
        place = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="audit-")))
        folder = place / f"{request.reference}-ledger"
        export(folder, reference=request.reference)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for one in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(one, one.relative_to(place).as_posix())
        access_log.note(actor, access_log.What.LEDGER, object_id=request.pk)
        file.seek(0)
        return os.fdopen(os.dup(file.fileno()), "rb")  # the download closes it


# --- what goes in ----------------------------------------------------------------------------------------------------


def _checkpoints() -> list[Checkpoint]:
    """The last checkpoint of every log, oldest first; of the newest log the last that a witness signed, if any."""
    logs = LedgerLog.objects.order_by("first_seq")
    found = [checkpoint for log in logs if (checkpoint := _newest(log.checkpoints.all()))]
    if not found:
        raise Refused("nothing_published", "Nothing is published yet. Run manage.py sequence_ledger, then try again.")
    cosigned = _newest(found[-1].log.checkpoints.filter(cosignatures__isnull=False))
    return [*found[:-1], cosigned or found[-1]]


def _newest(checkpoints: QuerySet[Checkpoint]) -> Checkpoint | None:
    return checkpoints.select_related("log").order_by("-size").first()


def _request(reference: str) -> Request:
    request = Request.objects.filter(reference=reference.strip().upper()).first()
    if request is None:
        raise Refused("no_request", f"There is no request {reference}. A reference looks like DSR-7K2M-9QXA.")
    return request


def _add_request(exported: Exported, request: Request) -> None:
    for leaf in LedgerLeaf.objects.filter(object_id=str(request.pk)).order_by("id"):
        if _add(exported, leaf, request.reference) is None:
            exported.waiting += 1


def _add(exported: Exported, leaf: LedgerLeaf, reference: str) -> Proved | None:
    """The entry with its place under a checkpoint of the folder; ``None`` while there is none."""
    seq = LedgerIndex.objects.filter(leaf=leaf).values_list("seq", flat=True).first()
    checkpoint = exported.covering(seq) if seq is not None else None
    if seq is None or checkpoint is None:
        return None
    proved = Proved(reference, checkpoint.log.name, seq - checkpoint.log.first_seq, leaf.type, bytes(leaf.leaf))
    return exported.proved.setdefault(proved.name, proved)


def _add_report(exported: Exported, file: Path) -> None:
    """The file, and the entry that names its SHA-256."""
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    exports = LedgerLeaf.objects.filter(type="report.exported").order_by("id")
    leaf = next((one for one in exports if json.loads(bytes(one.leaf))["facts"]["sha256"] == digest), None)
    if leaf is None:
        raise Refused("unknown_report", f"No entry names {file.name}: it is no report of this portal, or was changed.")
    request = Request.objects.filter(pk=leaf.object_id).first()
    proved = _add(exported, leaf, request.reference if request else "report")
    if proved is None:
        raise Refused("not_published", "No checkpoint covers the export of this report yet. Try again in a minute.")
    proved.report, proved.suffix = data, file.suffix


# --- writing it ------------------------------------------------------------------------------------------------------


def _write(draft: Path, exported: Exported) -> None:
    for checkpoint in exported.checkpoints:
        _write_log(TileStore(draft / checkpoint.log.name), checkpoint)
    if faults := folder_check.faults_in(draft, folder_check.logs_in(draft)):
        raise _broken(faults[0])
    for proved in exported.proved.values():
        _put(draft / f"{proved.file}.leaf", proved.leaf)
        _put(draft / f"{proved.file}.tlog-proof", _proof(exported, proved, draft).encode())
        if proved.report_file:
            _put(draft / proved.report_file, proved.report)
    _put(draft / "verifier" / "main.go", _VERIFIER.read_bytes())
    _put(draft / "README.md", readme.text(exported.checkpoints, list(exported.proved.values())).encode())


def _broken(fault: str) -> Refused:
    return Refused("does_not_hold", f"What is published does not hold: {fault}. Run manage.py verify_audit --folder.")


def _put(file: Path, data: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


def _write_log(to: TileStore, checkpoint: Checkpoint) -> None:
    """A log as it was at the checkpoint's size. A tile that has grown since is cut back."""
    published, size = publisher.store_of(checkpoint.log), checkpoint.size
    try:
        for path, data in _tiles(published, size):
            to.write(path, data)
    except FileNotFoundError:
        raise _broken("part of it is gone") from None
    to.write("vkey", f"{checkpoint.log.vkey}\n".encode())
    to.write("checkpoint", publisher.note_of(checkpoint).encode())


def _tiles(published: TileStore, size: int) -> Iterator[tuple[str, bytes]]:
    level, count = 0, size
    while count:
        for index in range(-(-count // tlog.WIDTH)):
            width = min(tlog.WIDTH, count - index * tlog.WIDTH)
            yield tlog.tile_path(level, index, width), published.read(level, index, width)[: width * _HASH]
            if level == 0:
                leaves = tlog.unbundle(published.read("entries", index, width))[:width]
                yield tlog.tile_path("entries", index, width), tlog.bundle(leaves)
        level, count = level + 1, count // tlog.WIDTH


def _proof(exported: Exported, proved: Proved, draft: Path) -> str:
    checkpoint = next(one for one in exported.checkpoints if one.log.name == proved.log)
    node = tlog.nodes_of(TileStore(draft / proved.log).read, checkpoint.size)
    path = tlog.inclusion(node, proved.index, checkpoint.size)
    return tlog.proof_text(proved.index, path, publisher.note_of(checkpoint))
