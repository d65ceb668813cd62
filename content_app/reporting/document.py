"""Gathers the facts of a completion report: the one allowlist behind the PDF, the JSON and the CSV.

In:  a request's id.
Out: a plain structure with a schema name and a version (``docs/report.schema.json``).
Never here: anything that identifies the person. Their row, their identifiers and the party's name are never read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Max, OuterRef

from content_app import leftovers, plan_digest
from content_app.models import Item, Plan, System, Verification
from content_app.reporting import proof, story, tally, wording
from content_app.reporting.story import Entry, day, instant
from content_app.reporting.tally import Line
from requests_app.models import Request

SCHEMA, VERSION = "portal-report", 4
Facts = dict[str, Any]


def facts(request_id: UUID) -> Facts:
    """Everything a report may say, and nothing else. ``docs/report.schema.json`` has its shape."""
    request = Request.objects.get(pk=request_id)
    entries = story.entries_of(request_id)
    plans = tally.lists_in_force(request)
    lines = tally.unite(plans)
    told: Facts = {
        "schema": SCHEMA,
        "version": VERSION,
        "issued_by": settings.PORTAL_NAME,
        "as_of": story.as_of(entries, otherwise=request.captured_at),
        "request": _request(request),
        "identity_checks": story.identity_checks(entries),
        "steps": story.steps(entries),
        "searches": [_search(one) for one in story.searches(entries)],
        "statistics": _statistics(request, entries),
        "lists": [_list(plan, entries) for plan in plans],
        "totals": tally.count(lines),
        "content": tally.by_system_and_class(plans, lines),
        "out_of_reach": tally.out_of_reach(plans),
        "contacts_after_scope": plans[-1].after_scope if plans else 0,
        "later_read_back": _later_read_back(plans, lines),
        "reply": story.reply(entries),
        "ledger": story.ledger(entries),
        "order": proof.order(entries, plans),
        "proof": proof.facts(entries),
        "items": [_item(line) for line in lines],
    }
    return told | {"cannot_vouch_for": _limits(told)}


def _request(request: Request) -> Facts:
    return {
        "id": str(request.pk),
        "reference": request.reference,
        "right": request.right,
        "channel": request.channel,
        "jurisdiction": request.jurisdiction,
        "scope": request.scope,
        "date_from": request.date_from.isoformat() if request.date_from else None,
        "date_to": request.date_to.isoformat() if request.date_to else None,
        "received_at": instant(request.received_at),
        "captured_at": instant(request.captured_at),
        "scope_as_of": instant(request.scope_as_of) if request.scope_as_of else None,
        "closed_at": instant(request.closed_at) if request.closed_at else None,
        "state": request.state,
        "outcome": request.outcome or None,
    }


def _search(told: Facts) -> Facts:
    """One search of one system: which way it was asked, and the calls that took."""
    return told | {"system": System.objects.get(pk=told["system"]).name}


def _statistics(request: Request, entries: list[Entry]) -> list[Facts]:
    """What each system's statistics still hold: the counts are the ledger's, the days are those of the rows."""
    rows = {str(row.system_id): row for row in leftovers.latest(request)}
    told = []
    for one in story.statistics(entries):
        row = rows[one["system"]]
        days = {"earliest": row.earliest, "latest": row.latest, "read_from": row.served_by.since}
        told.append(one | {"system": row.system.name} | {name: at and instant(at) for name, at in days.items()})
    return sorted(told, key=lambda one: str(one["system"]))


def _list(plan: Plan, entries: list[Entry]) -> Facts:
    """One list in force. ``digest_holds`` is recomputed from the rows at this moment."""
    kept = plan.items.filter(action=Item.Action.KEEP).count()
    return {
        "id": str(plan.pk),
        "version": plan.version,
        "kind": plan.kind,
        "digest": plan.digest,
        "digest_holds": plan_digest.digest(plan) == plan.digest,
        "delete": plan.items.count() - kept,
        "keep": kept,
        "frozen": story.about_plan(entries, "plan.frozen", plan.pk),
        "approved": story.about_plan(entries, "approval.given", plan.pk),
    }


def _item(line: Line) -> Facts:
    return {
        "system": line.system,
        "class": line.content_class,
        "interaction": line.external_id,
        "key": line.content_key,
        "occurred_at": instant(line.occurred_at),
        "action": "delete" if line.delete else "keep",
        "ground": line.ground,
        "lists": line.lists,
        "outcome": line.fate,
        "verified": line.result if line.delete else None,
        "verified_at": instant(line.verified_at) if line.delete and line.verified_at else None,
    }


def _later_read_back(plans: list[Plan], lines: list[Line]) -> Facts | None:
    """The second look, some days after the first: when it is due, and when it was done."""
    if not any(line.delete for line in lines):
        return None
    again = Verification.objects.filter(round=2, item=OuterRef("pk"))
    unread = Item.objects.filter(~Exists(again), plan__in=plans).exclude(action=Item.Action.KEEP)
    readings = Verification.objects.filter(item__plan__in=plans)
    first = readings.filter(round=1).aggregate(at=Max("at"))["at"]
    second = None if unread.exists() else readings.filter(round=2).aggregate(at=Max("at"))["at"]
    due = first + timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS) if first else None
    return {"due_at": instant(due) if due else None, "done_at": instant(second) if second else None}


# --- what the portal cannot vouch for --------------------------------------------------------------------------------


def _limits(told: Facts) -> list[dict[str, str]]:
    """The standing sentences, and those that the facts call for. Codes are stable, the words may improve."""
    limits: dict[str, str] = {}
    later = told["later_read_back"]
    if later is not None:
        limits["systems_word"] = (
            "That content is absent is what the system's own interface answered when it was asked again after the "
            "deletion. The portal cannot look behind that answer."
        )
    if told["lists"]:
        limits["where_searched"] = (
            "Only the connected systems named here were searched, by the identifiers that the person gave and as far "
            "back as each system shows content. Content held elsewhere, or under another identifier, was not found."
        )
        limits["copies"] = (
            "Backups, exports, statistics that are written late, and records that were passed on to a CRM or another "
            "system lie outside what the portal can read or delete."
        )
        limits["after_scope"] = _after_scope(told)
    if later is not None and later["due_at"]:
        limits["later_read_back"] = _read_back_again(later)
    if any(one["contacts"] or one["doubtful"] for one in told["statistics"]):
        limits["statistics"] = _still_held(told["statistics"])
    limits |= _limits_of_the_proof(told["proof"])
    return [{"code": code, "text": text} for code, text in limits.items()]


def _limits_of_the_proof(proved: Facts) -> dict[str, str]:
    """What the ledger does not prove, and who could still have written it anew."""
    limits = {
        "own_record": "The ledger can show that its entries were written in this order and were not changed since its "
        "checkpoint was signed. It cannot show that what they say is true, or that bytes are gone at a vendor: that is "
        "the portal's own record. That no further entry tells of this request is seen in the whole ledger alone."
    }
    if any(not log["witnesses"] for log in proved["logs"]):
        limits["no_witness"] = (
            "No independent witness has signed the checkpoint. Whoever holds the portal's key could have written the "
            "whole ledger anew before; only an earlier checkpoint that was kept outside would show it."
        )
    if proved["waiting"]:
        of = len(proved["entries"])
        limits["not_published"] = (
            f"{proved['waiting']} of the {of} ledger entries about this request wait for publication, so this report "
            "carries no proof of them. Export it again later."
        )
    return limits


def _still_held(statistics: list[Facts]) -> str:
    """Contacts without content that a person must deal with at the vendor."""
    held = " ".join(wording.still_held(one) for one in statistics if one["contacts"] or one["doubtful"])
    return (
        f"{held} No interface deletes them, and the portal has not: the vendor's screen Right to be Forgotten replaces "
        "the addresses. The statistics of the contacts in this report stay as well until then."
    )


def _after_scope(told: Facts) -> str:
    """Later contacts are no part of the request (R-RT-05): say how many were seen, and until when."""
    number, since, until = told["contacts_after_scope"], told["request"]["scope_as_of"], told["lists"][-1]["frozen"]
    contacts = {0: "No contact was", 1: "1 contact was"}.get(number, f"{number} contacts were")
    frozen = f" the freezing of the scope on {day(since)}" if since else " the freezing of the scope"
    seen = f" and the freezing of the last list on {day(until['at'])}" if until else ""
    between = f"between{frozen}{seen}" if seen else f"after{frozen}"
    return f"{contacts} seen {between}. Contacts after the scope are not part of this request and were left alone."


def _read_back_again(later: Facts) -> str:
    if later["done_at"]:
        return f"The second and last read-back ended on {day(later['done_at'])}. The systems were not asked since."
    return (
        f"Content that comes back is looked for in a second read-back, which is due from {day(later['due_at'])}. "
        "It is not part of this report."
    )
