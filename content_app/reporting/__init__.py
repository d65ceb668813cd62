"""Room 7 · Says what was done, and closes the request once the person has been told.

In:  a request that was read back or has ended; that a reply went out, and how.
Out: a completion report as PDF, JSON or CSV, from one structure; a closed request with its outcome.
Never here: a name, a number or an address of the person, or a word that the ledger and the receipts do not bear out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from content_app import receipts
from content_app.models import Candidate
from content_app.reporting import certificate, pdf, proof, sheet, story, tally
from content_app.reporting.document import facts
from content_app.reporting.tally import Line
from content_app.reporting.wording import REPLY_CHANNELS
from requests_app import access_log, audit, gates, transitions
from requests_app.errors import Refused
from requests_app.models import Decision, Request
from requests_app.states import ENDS, State

__all__ = [
    "FORMATS",
    "REPLY_CHANNELS",
    "Exported",
    "Format",
    "export",
    "facts",
    "make",
    "note",
    "record_reply",
    "unpublished",
]

Format = Literal["pdf", "json", "csv"]
#: format → media type
FORMATS: dict[str, str] = {
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
REPORTABLE = ENDS | {State.VERIFIED}


# --- the report ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """A report as a file."""

    name: str
    media_type: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def export(request_id: UUID, *, actor: audit.Actor, fmt: Format) -> Exported:
    """The completion report of a request that was read back or has ended. The ledger keeps the file's SHA-256.

    A person needs the permission; the command's machine has it by being there. ``Refused('too_early')`` while the
    portal still has something to do, ``ledger_mismatch`` while the ledger does not fit what was published.
    """
    made = make(request_id, actor=actor, fmt=fmt)
    with transaction.atomic(durable=True):
        note(request_id, actor=actor, fmt=fmt, sha256=made.sha256)
    return made


def make(request_id: UUID, *, actor: audit.Actor, fmt: Format) -> Exported:
    """The same report, not yet written down: whoever hands it out calls ``note`` before."""
    try:
        request = Request.objects.select_related("subject").get(pk=request_id)
        _require_reportable(request, actor=actor)
        proof.publish(request_id)
        data = render(request_id, fmt=fmt)
    except Refused as refused:
        transitions.record_refusal("export", refused, about=request_id, actor=actor)
        raise
    return Exported(f"{request.reference}-report.{fmt}", FORMATS[fmt], data)


def note(request_id: UUID, *, actor: audit.Actor, fmt: Format, sha256: str) -> None:
    """Write down, in the caller's transaction, that a report is handed out."""
    audit.append("report.exported", actor=actor, about=request_id, format=fmt, sha256=sha256)
    if isinstance(actor, User):
        access_log.note(actor, access_log.What.REPORT, object_id=request_id)


def unpublished(request_id: UUID) -> int:
    """How many ledger entries about this request a report could not prove now."""
    return proof.waiting(story.entries_of(request_id))


def _require_reportable(request: Request, *, actor: audit.Actor) -> None:
    if isinstance(actor, User):
        gates.require(actor, "requests_app.export_request")
        gates.require_not_the_subject(request, actor)
    if request.origin == Request.Origin.HISTORY:
        raise Refused("history", "This request was closed before it came into the portal: there is nothing to report.")
    if request.subject.forgotten_at:
        words = gates.words_of_forgetting(request)
        raise Refused("forgotten", f"{words} No report can be made any more; the ledger names each that was.")
    if request.state not in REPORTABLE:
        now = State(request.state).label.lower()
        raise Refused("too_early", f"The request is {now}. Its report can be exported once everything is read back.")


def render(request_id: UUID, *, fmt: Format) -> bytes:
    """The report's bytes. The same facts give the same bytes, but for the PDF, whose signature has a time."""
    told = facts(request_id)
    if fmt == "pdf":
        return pdf.render(told, certificate.to_sign_with())
    if fmt == "csv":
        return sheet.render(told)
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


# --- the reply -------------------------------------------------------------------------------------------------------


def record_reply(request_id: UUID, *, actor: User, channel: str) -> None:
    """Note that the person was told, and close. «Completed» is the reply, not the deletion."""
    try:
        with transaction.atomic(durable=True):
            gates.require(actor, "requests_app.close_request")
            request = Request.objects.select_related("subject").get(pk=request_id)
            gates.require_state(request, State.VERIFIED)
            gates.require_not_the_subject(request, actor)
            if channel not in dict(REPLY_CHANNELS):
                raise Refused("no_channel", "Choose from the list how the reply reached the person.")
            lines = tally.unite(tally.lists_in_force(request))
            _require_nothing_left(request, lines)
            Decision.objects.create(request=request, kind=Decision.Kind.REPLIED, reason=channel, by=actor)
            audit.append("reply.recorded", actor=actor, about=request, channel=channel)
            transitions.move(
                request.pk, seen=State.VERIFIED, to=State.CLOSED, actor=actor, outcome=_outcome(lines),
                closed_at=timezone.now(),
            )  # fmt: skip
    except Refused as refused:
        transitions.record_refusal("reply", refused, about=request_id, actor=actor)
        raise


def _require_nothing_left(request: Request, lines: list[Line]) -> None:
    """Every piece of content has been disposed of, and nothing that turned up later waits."""
    if found := receipts.waiting(request).count():
        raise Refused("supplement", f"{found} items turned up since the last list. Freeze a supplementary list first.")
    if left := sum(line.fate == "open" for line in lines):
        raise Refused("unfinished", f"{left} items have no final outcome yet. The workers must finish first.")
    if stuck := sum(line.unsolved for line in lines):
        raise Refused("needs_person", f"{stuck} items could not be deleted. Decide about them on a supplementary list.")


def _outcome(lines: list[Line]) -> str:
    """In part when the portal kept something that was found, unless nothing was asked to go."""
    kept = any(not line.delete and line.ground != Candidate.Link.LISTED_ONLY for line in lines)
    return "completed_in_part" if kept or any(line.unsolved for line in lines) else "completed"
