"""What the ledger tells of a request: who did what, in which role, when.

In:  a request's id.
Out: its entries, and the parts of the report that are read from them alone.
Never here: a name, or the role that somebody holds today. A role is the one in which the act was done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from requests_app.models import LedgerLeaf


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry, read. ``seq`` is ``None`` while it waits for its number."""

    id: str
    seq: int | None
    type: str
    at: str
    role: str
    pseudonym: str
    facts: dict[str, Any]
    #: as it was hashed
    leaf: bytes

    @property
    def signed(self) -> dict[str, str]:
        """When, in which role, and by whom."""
        return {"at": self.at, "role": self.role, "pseudonym": self.pseudonym}


def entries_of(request_id: UUID) -> list[Entry]:
    """The entries about a request, oldest first, without the exports: a report does not report itself."""
    leaves = (
        LedgerLeaf.objects.filter(object_id=str(request_id))
        .exclude(type="report.exported")
        .order_by("id")
        .values_list("leaf", F("index__seq"))
    )
    return [_read(bytes(leaf), seq) for leaf, seq in leaves]


def _read(leaf: bytes, seq: int | None) -> Entry:
    body = json.loads(leaf)
    return Entry(body["id"], seq, body["type"], body["at"], body["role"], body["actor"], body["facts"], leaf)


# --- what the report takes from them ---------------------------------------------------------------------------------


def as_of(entries: list[Entry], *, otherwise: datetime) -> str:
    """When the newest entry was written: the date of the report, so that the same facts give the same bytes."""
    return entries[-1].at if entries else instant(otherwise)


def instant(at: datetime) -> str:
    """An instant as the ledger writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(text: str) -> str:
    """The day of such an instant, as people read it."""
    return datetime.fromisoformat(text).strftime("%-d %B %Y")


def steps(entries: list[Entry]) -> list[dict[str, Any]]:
    """The request's way, move by move."""
    way = []
    for entry in entries:
        if entry.type in ("request.received", "request.imported"):
            way.append({"step": "received", "seen": None, "reason": None, **entry.signed, "entry": entry.seq})
        elif entry.type == "request.moved":
            seen, reason = entry.facts["seen"], entry.facts.get("reason")
            way.append({"step": entry.facts["to"], "seen": seen, "reason": reason, **entry.signed, "entry": entry.seq})
    return way


def identity_checks(entries: list[Entry]) -> list[dict[str, Any]]:
    """How the person was identified: codes, never a document."""
    return [
        {
            "method": entry.facts["method"],
            "level": entry.facts["level"],
            "result": entry.facts["result"],
            "doubt": entry.facts.get("doubt"),
            **entry.signed,
        }
        for entry in entries
        if entry.type == "finding.recorded"
    ]


def searches(entries: list[Entry]) -> list[dict[str, Any]]:
    """Each search that came to its end. ``way``, ``expected`` and ``shared`` are ``None`` where no entry told them yet.

    ``system`` is the id. The calls of a pass through an account are those of all who shared it.
    """
    return [
        {
            "system": entry.facts["system"], "way": entry.facts.get("way"), "calls": entry.facts["calls"],
            "expected": entry.facts.get("expected"), "shared": entry.facts.get("shared"), "finished_at": entry.at,
        }
        for entry in entries
        if entry.type == "search.finished"
    ]  # fmt: skip


def statistics(entries: list[Entry]) -> list[dict[str, Any]]:
    """The last count of what each system's statistics still hold where no content was found. ``system`` is the id."""
    counted = {entry.facts["system"]: entry for entry in entries if entry.type == "leftovers.counted"}
    return [
        {name: entry.facts[name] for name in ("system", "contacts", "doubtful", "calls", "expected", "shared")}
        | {"counted_at": entry.at}
        for entry in counted.values()
    ]


def about_plan(entries: list[Entry], entry_type: str, plan_id: UUID) -> dict[str, str] | None:
    """Who did ``entry_type`` with this list, last; ``None`` when nobody did."""
    mine = [entry for entry in entries if entry.type == entry_type and entry.facts["plan"] == str(plan_id)]
    return mine[-1].signed if mine else None


def reply(entries: list[Entry]) -> dict[str, Any] | None:
    """The latest reply to the person; ``None`` before there is one."""
    replies = [entry for entry in entries if entry.type == "reply.recorded"]
    return {"channel": replies[-1].facts["channel"], **replies[-1].signed} if replies else None


def ledger(entries: list[Entry]) -> dict[str, Any]:
    """Where the ledger tells of this request, and whether every entry has its number."""
    waiting = sum(entry.seq is None for entry in entries)
    ends = [{"id": entry.id, "number": entry.seq} for entry in (entries[:1] + entries[-1:])]
    first, last = ends if ends else (None, None)
    return {
        "entries": len(entries), "waiting": waiting, "all_numbered": not waiting, "first": first, "last": last,
    }  # fmt: skip
