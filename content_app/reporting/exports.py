"""Finds the export that a file came from, by nothing but its SHA-256.

In:  the bytes of a file.
Out: what the ledger tells of that export.
Never here: a look into the file. A copy that differs by one byte is another file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from requests_app import publisher
from requests_app.models import LedgerLeaf, Request


@dataclass(frozen=True, slots=True)
class Export:
    """One export, as its ledger entry tells of it. ``number`` is ``None`` while the entry waits for it."""

    reference: str
    format: str
    at: str
    role: str
    pseudonym: str
    entry: str
    number: int | None
    #: the origin of the published log that holds the entry; empty while none does
    log: str


def find(data: bytes) -> list[Export]:
    """Every export that gave exactly this file, oldest first. The same facts give the same JSON twice."""
    sha256 = hashlib.sha256(data).hexdigest()
    leaves = LedgerLeaf.objects.filter(type="report.exported").order_by("id").values_list("leaf", F("index__seq"))
    found = ((json.loads(leaf), seq) for leaf, seq in leaves.iterator() if sha256.encode() in bytes(leaf))
    return [_export(body, seq) for body, seq in found]


def _export(body: dict[str, Any], seq: int | None) -> Export:
    checkpoint = publisher.covering(seq) if seq is not None else None
    reference = Request.objects.values_list("reference", flat=True).get(pk=body["object"])
    return Export(
        reference=reference,
        format=body["facts"]["format"],
        at=body["at"],
        role=body["role"],
        pseudonym=body["actor"],
        entry=body["id"],
        number=seq,
        log=checkpoint.log.origin if checkpoint else "",
    )
