"""What the portal's tables say at a moment, and whether the ledger says the same.

In:  the database, the folder of documents.
Out: a picture that can be compared with a later one; an ``AssertionError`` where rows and ledger disagree.
Never here: the engine's bookkeeping, which is free to change (``docs/data.md``), and sessions.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection

from content_app.models import Intent, Plan, Receipt, Verification
from requests_app.models import (
    Approval,
    ApprovalWithdrawal,
    Evidence,
    Finding,
    Identifier,
    LedgerIndex,
    LedgerLeaf,
    LedgerQueue,
    Request,
)
from tests.docs import tables

_SESSIONS = {"django_session", "usersessions_usersession"}


def _free() -> set[str]:
    rows = [row for heading in ("Case file", "Workshop") for row in tables.table("docs/data.md", heading)]
    bookkeeping = {tables.code(row["Table"]) for row in rows if row["Rows"] == "bookkeeping"}
    return (bookkeeping | _SESSIONS) - {"requests_app_ledgerqueue"}


def picture() -> dict[str, Any]:
    """Every row of every table that may not change by itself, and every document on the disk."""
    free = _free()
    told: dict[str, Any] = {"evidence": sorted(_documents())}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if table not in free and model._meta.managed:
                cursor.execute(f'SELECT * FROM "{table}"')
                told[table] = sorted(repr([_plain(cell) for cell in row]) for row in cursor.fetchall())
    return told


def _plain(cell: Any) -> Any:
    return bytes(cell) if isinstance(cell, memoryview) else cell


def _documents() -> list[str]:
    folder = Path(default_storage.location)  # type: ignore[attr-defined]
    return [path.name for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def written(since: int) -> list[str]:
    """The types of the entries after the first ``since``, in order."""
    return list(LedgerLeaf.objects.order_by("id").values_list("type", flat=True)[since:])


def facts(since: int, entry: str) -> list[dict[str, Any]]:
    """The facts of the entries of one type after the first ``since``."""
    rows = list(LedgerLeaf.objects.order_by("id"))[since:]
    return [json.loads(bytes(row.leaf))["facts"] for row in rows if row.type == entry]


def _forgotten(what: str) -> int:
    """How many rows of a kind the ledger says were taken away with their person."""
    return sum(told[what] for told in facts(0, "subject.forgotten"))


def agree() -> None:
    """Whatever happened: the rows and the ledger tell the same, and no entry is lost to the sequencer."""
    told = Counter(LedgerLeaf.objects.values_list("type", flat=True))
    rows = {
        "request.received": Request.objects.filter(import_key=None).count(),
        "request.imported": Request.objects.exclude(import_key=None).count(),
        "identifier.added": Identifier.objects.count() + _forgotten("identifiers"),
        "finding.recorded": Finding.objects.count(),
        "evidence.added": Evidence.objects.count(),
        "evidence.destroyed": Evidence.objects.filter(destroyed_at__isnull=False).count(),
        "approval.given": Approval.objects.count(),
        "approval.withdrawn": ApprovalWithdrawal.objects.count(),
        "plan.frozen": Plan.objects.exclude(digest="").count(),
        "deletion.intended": Intent.objects.count(),
        "deletion.receipt": Receipt.objects.count(),
        "deletion.verified": Verification.objects.values("leaf").distinct().count(),
    }
    assert {entry: told[entry] for entry in rows} == rows
    assert Plan.objects.filter(digest="").count() == 0
    _states_agree()
    placed = set(LedgerQueue.objects.values_list("leaf_id", flat=True))
    placed |= set(LedgerIndex.objects.values_list("leaf_id", flat=True))
    assert placed == set(LedgerLeaf.objects.values_list("pk", flat=True))


def _states_agree() -> None:
    last = {}
    for leaf in LedgerLeaf.objects.filter(type="request.moved").order_by("id"):
        last[leaf.object_id] = json.loads(bytes(leaf.leaf))["facts"]["to"]
    states = {str(pk): state for pk, state in Request.objects.values_list("pk", "state")}
    assert states == {pk: last.get(pk, "received") for pk in states}
