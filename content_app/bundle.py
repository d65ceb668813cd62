"""Packs the evidence of a sample into one file that is read and checked without the portal.

In:  a sample, and somebody who may draw samples.
Out: a ZIP in a temporary file: the sample's own record and, for each request, report, ledger entries, proofs and
reconciliation; a ledger entry with the file's SHA-256, and a line in the access log.
Never here: a name or an identifier of a person. What goes in is what reports, ledger and reconciliation may say.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from content_app import reconciliation, reporting
from requests_app import access_log, audit, gates, proofs, sampling
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Request, Sample

SCHEMA, VERSION = "portal-sample", 1
#: Bytes that are kept in memory before the file goes to the disk.
_IN_MEMORY = 4_000_000
#: The reports that a bundle holds.
_FORMATS: tuple[reporting.Format, ...] = ("json", "pdf")

README = """Evidence of a sample of requests

sample.json       the draw: seed, period, population, what was drawn, and the rule
population.txt    the ids of all requests that ended in the period, sorted, one a line
sample/           the ledger's entry about the draw, with its proof
requests/…/       one folder a request, by its reference:
  report.json, report.pdf   the completion report
  reconciliation.json       intents, results and receipts compared, and every difference
  entries/                  the ledger's entries about the request: the exact bytes, named by their number
  proofs/                   one proof for each (https://c2sp.org/tlog-proof)
  logs/                     the signed checkpoint, and the vkey line with which its signature is checked
  not-included.txt          what could not be packed, and why

Draw it again:
  1. sha256sum population.txt must give "population_digest".
  2. For each id: SHA-256 over the seed, a zero byte and the id. Sort by it; the first "size" ids are the sample.

Check a proof: with any implementation of tlog-proof. A leaf hash is SHA-256 over a zero byte and the entry's bytes.
The whole ledger, with the source of a verifier, is in the folder that manage.py export_audit writes.
Entries under not-proved-yet.txt were not published when this file was made; ask again for them. That the reports and
this file were taken out is in the ledger after it was made, with the SHA-256 of each.

What this does not show: that content is gone is what the contact centre answered when it was asked again. Without a
witness's signature or a checkpoint that was kept outside before, whoever holds the signing key could have rewritten
the ledger consistently. No names and no identifiers are in this file.
"""


#: (request, format, SHA-256) of the reports that went in.
Made = list[tuple[UUID, reporting.Format, str]]


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished bundle. ``file`` stands at its beginning, and goes when it is closed."""

    name: str
    file: IO[bytes]
    sha256: str


def pack(sample_id: UUID, *, actor: User) -> Packed:
    """Make the bundle, and write down that it was taken out."""
    gates.require(actor, "requests_app.draw_sample")
    gates.require(actor, "requests_app.export_request")
    sample = Sample.objects.get(pk=sample_id)
    requests, made = sampling.requests_of(sample), Made()
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  the download closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(sample, requests, made, actor=actor):
            archive.writestr(_entry(name), data)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a spooled file is one, too
    file.seek(0)
    with transaction.atomic(durable=True):
        for request_id, fmt, digest in made:
            reporting.note(request_id, actor=actor, fmt=fmt, sha256=digest)
        audit.append("sample.exported", actor=actor, about=sample, requests=len(requests), sha256=sha256)
        access_log.note(actor, access_log.What.BUNDLE, object_id=sample.pk, reason=access_log.Reason.AUDIT_SAMPLE)
    return Packed(f"sample-{sample.pk.hex[-6:]}.zip", file, sha256)


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # without a time: the sample's own record says when
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    return info


# --- what goes in ----------------------------------------------------------------------------------------------------


def _files(sample: Sample, requests: list[Request], made: Made, *, actor: User) -> Iterator[tuple[str, bytes]]:
    again = sampling.again(sample)
    yield "README.txt", README.encode()
    yield "sample.json", _json(_record(sample, requests, same=again.same))
    yield "population.txt", "".join(f"{one}\n" for one in again.population).encode()
    yield from _below("sample", proofs.pack(sample.pk))
    for request in requests:
        yield from _below(f"requests/{request.reference}", _of_request(request, made, actor=actor))


def _below(folder: str, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    return ((f"{folder}/{name}", data) for name, data in files)


def _of_request(request: Request, made: Made, *, actor: User) -> Iterator[tuple[str, bytes]]:
    """The files of one request. Which reports are among them is added to ``made``."""
    missing = []
    for fmt in _FORMATS:
        try:
            report = reporting.make(request.pk, actor=actor, fmt=fmt)
        except Refused as refused:
            missing.append(f"report.{fmt}: {refused.message}\n")
            continue
        made.append((request.pk, fmt, report.sha256))
        yield f"report.{fmt}", report.data
    yield "reconciliation.json", _json(_reconciled(reconciliation.of(request.pk)))
    try:
        yield from proofs.pack(request.pk)
    except Refused as refused:
        missing.append(f"proofs: {refused.message}\n")
    if missing:
        yield "not-included.txt", "".join(missing).encode()


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _record(sample: Sample, requests: list[Request], *, same: bool) -> dict[str, Any]:
    leaf = LedgerLeaf.objects.filter(object_id=str(sample.pk), type="sample.drawn").first()
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "id": str(sample.pk),
        "drawn_at": sample.at.isoformat(),
        "drawn_by": audit.pseudonym_of(sample.by),
        "entry": str(leaf.pk) if leaf else None,
        "rule": "sort by SHA-256(seed || 0x00 || id), take the first size",
        "seed": sample.seed,
        "since": sample.since.isoformat(),
        "until": sample.until.isoformat(),
        "size": sample.wanted,
        "population": sample.population,
        "population_digest": sample.population_digest,
        "drawn_digest": sample.drawn_digest,
        "drawn": list(sample.drawn),
        "references": {str(request.pk): request.reference for request in requests},
        "still_draws_the_same": same,
    }


def _reconciled(account: reconciliation.Account) -> dict[str, Any]:
    return {
        "request": str(account.request.pk),
        "intents": account.intents,
        "receipts": account.receipts,
        "read_back": account.readings,
        "lists": [
            {
                "version": line.version, "to_delete": line.to_delete, "intended": line.intended, "final": line.final,
                "gone": line.gone, "absent": line.absent,
            }
            for line in account.lines
        ],
        "differences": [{"code": one.code, "about": one.id, "words": one.words} for one in account.differences],
    }  # fmt: skip
