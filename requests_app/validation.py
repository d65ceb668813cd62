"""Room 2 · Finds out who is asking, and says so.

In:  a request in state ``received``, what was checked and how, documents only where there is reasonable doubt.
Out: findings, sealed evidence, and a ``validated`` request whose scope is frozen.
Never here: a document that outlives its check, or a person who validates their own request.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests_app import access_log, audit, barring, clock, gates, keys, suppression, transitions, virus_scan
from requests_app.errors import Refused
from requests_app.file_checks import Upload, check
from requests_app.models import ApprovalBar, Decision, Evidence, Finding, Request, Right, Suppression
from requests_app.states import State

MAX_EVIDENCE = 5

#: The assurance level that a right needs at least (``legal.md`` 4.2).
NEEDED: dict[str, str] = {
    Right.OBJECTION: Finding.Level.IAL_1,
    Right.RESTRICTION: Finding.Level.IAL_1,
}
NEEDED_OTHERWISE = Finding.Level.IAL_2

WITHDRAW_REASONS = (
    ("person_withdrew", "The person withdrew the request"),
    ("settled_otherwise", "Settled with the person in another way"),
    ("merged", "Merged into another request of the same person"),
)
NOT_IDENTIFIED_REASONS = (
    ("no_answer", "The person did not answer our question"),
    ("check_failed", "The identity check failed"),
    ("cannot_be_linked", "Nothing links the person to what is held (Art. 11(2))"),
)
#: What a document may be opened for. The access log keeps which.
OPEN_REASONS = access_log.FOR_EVIDENCE


def _open_request(request_id: UUID, *states: State, actor: User) -> Request:
    gates.require(actor, "requests_app.validate_request")
    request = Request.objects.select_related("subject").get(pk=request_id)
    gates.require_state(request, *states)
    gates.require_not_the_subject(request, actor)
    return request


def _refuse(attempt: str, refused: Refused, *, request_id: UUID, actor: User) -> NoReturn:
    transitions.record_refusal(attempt, refused, about=request_id, actor=actor)
    raise refused


# --- findings --------------------------------------------------------------------------------------------------------


def record_finding(request_id: UUID, *, actor: User, method: str, level: str, result: str, doubt: str = "") -> Finding:
    """Note one identity check. A document needs a reason for doubt (R-ID-01); no method reaches more than it can."""
    try:
        with transaction.atomic(durable=True):
            request = _open_request(request_id, State.RECEIVED, State.VALIDATED, actor=actor)
            _check_finding(method, level, result, doubt)
            finding = Finding.objects.create(
                request=request, method=method, level=level, result=result, doubt=doubt, by=actor
            )
            audit.append(
                "finding.recorded", actor=actor, about=request, finding=finding.pk, method=method, level=level,
                doubt=doubt or None, result=result,
            )  # fmt: skip
            return finding
    except Refused as refused:
        _refuse("finding", refused, request_id=request_id, actor=actor)


def _check_finding(method: str, level: str, result: str, doubt: str) -> None:
    chosen = ((method, Finding.Method), (level, Finding.Level), (result, Finding.Result), (doubt, Finding.Doubt))
    if any(value not in choices.values for value, choices in chosen):
        raise Refused("unknown_choice", "Choose method, level and result from the lists.")
    if level > Finding.REACHES[Finding.Method(method)]:
        raise Refused("level_too_high", f"This method reaches {Finding.REACHES[Finding.Method(method)].value} at most.")
    if method == Finding.Method.DOCUMENT and not doubt:
        raise Refused("no_doubt", "A document needs a reasonable doubt: say which one (Art. 12(6)).")


# --- evidence --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """A piece of evidence, opened. ``name`` is ours, never the uploader's."""

    media_type: str
    name: str
    data: bytes


def add_evidence(request_id: UUID, *, actor: User, kind: str, name: str, data: bytes) -> Evidence:
    """Check, seal and keep a document. ``name`` serves the type check alone; it is not stored."""
    try:
        gates.require(actor, "requests_app.validate_request")  # before a decoder is given anything to chew on
        _require_quota(actor)
        upload = check(name, data, scan=virus_scan.scan)
        with ExitStack() as undo:
            with transaction.atomic(durable=True):
                evidence = _keep_for(request_id, upload, kind=kind, actor=actor, undo=undo)
            undo.pop_all()  # committed: the file stays
            return evidence
    except Refused as refused:
        _refuse("evidence", refused, request_id=request_id, actor=actor)


def _require_quota(actor: User) -> None:
    """An account that was taken over, or a script gone wild, fills no disk and keeps no decoder busy for long."""
    since = timezone.now() - timedelta(days=1)
    if Evidence.objects.filter(added_by=actor, added_at__gt=since).count() >= settings.PORTAL_UPLOADS_A_DAY:
        raise Refused(
            "uploads_a_day",
            f"You have added {settings.PORTAL_UPLOADS_A_DAY} documents within 24 hours, the most that one person may. "
            "Ask a colleague to add this one, or add it tomorrow.",
        )


def _keep_for(request_id: UUID, upload: Upload, *, kind: str, actor: User, undo: ExitStack) -> Evidence:
    request = _open_request(request_id, State.RECEIVED, State.VALIDATED, actor=actor)
    if kind not in Evidence.Kind.values:
        raise Refused("unknown_choice", "Choose from the list what kind of document this is.")
    if request.evidence.filter(destroyed_at__isnull=True).count() >= MAX_EVIDENCE:
        raise Refused("too_much_evidence", f"There are {MAX_EVIDENCE} documents already, which is enough.")
    return _keep(request, upload, kind=kind, actor=actor, undo=undo)


def _keep(request: Request, upload: Upload, *, kind: str, actor: User, undo: ExitStack) -> Evidence:
    """Store the sealed file and its row. ``undo`` takes the file away again when the row is not committed."""
    evidence_id = uuid7()
    sealed, wrapped = keys.seal_file(upload.data, evidence_id=evidence_id, request_id=request.pk)
    evidence = Evidence(
        id=evidence_id, request=request, kind=kind, media_type=upload.media_type, size=len(upload.data),
        sha256=hashlib.sha256(sealed).hexdigest(), wrapped_file_key=wrapped.blob, epoch=wrapped.epoch, added_by=actor,
    )  # fmt: skip
    name = evidence.file.storage.save(f"{uuid7().hex}.bin", ContentFile(sealed))
    undo.callback(evidence.file.storage.delete, name)
    evidence.file = name
    evidence.save(force_insert=True)
    audit.append("evidence.added", actor=actor, about=request, evidence=evidence_id, kind=kind, sha256=evidence.sha256)
    return evidence


_EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def find_evidence(evidence_id: UUID, *, actor: User) -> Evidence:
    """The document's row, for one who may open it. ``keys.Forgotten`` once it is destroyed."""
    gates.require(actor, "requests_app.open_evidence")
    evidence = Evidence.objects.select_related("request__subject").get(pk=evidence_id)
    gates.require_not_the_subject(evidence.request, actor)
    if evidence.destroyed_at is not None:
        raise keys.Forgotten
    return evidence


def open_evidence(evidence_id: UUID, *, actor: User, reason: str) -> Document:
    """Open a document for one who may see it and says why; the access log notes both."""
    evidence = find_evidence(evidence_id, actor=actor)
    gates.require_reason(reason, OPEN_REASONS)
    data = _opened(evidence)
    access_log.note(actor, access_log.What.EVIDENCE, object_id=evidence.pk, reason=reason)
    extension = _EXTENSIONS[evidence.media_type]
    return Document(evidence.media_type, f"{evidence.request.reference}-{evidence.kind}.{extension}", data)


def _opened(evidence: Evidence) -> bytes:
    """The file in clear. Lost, moved, changed, under another key: whoever asks is told one and the same."""
    try:
        with evidence.file.open("rb") as stored:
            return keys.open_file(
                stored.read(), wrapped=evidence.wrapped_file_key, epoch_id=evidence.epoch_id,
                evidence_id=evidence.pk, request_id=evidence.request_id,
            )  # fmt: skip
    except keys.Forgotten:
        raise
    except (OSError, ValueError, Refused):
        raise Refused("cannot_decrypt", "This document does not open. Let an administrator run the doctor.") from None


# --- the decision ----------------------------------------------------------------------------------------------------


def level_reached(request: Request) -> str:
    """The highest level of a check that was passed; ``IAL-0`` when there is none."""
    passed = request.findings.filter(result=Finding.Result.PASSED).values_list("level", flat=True)
    return max(passed, default=Finding.Level.IAL_0.value)


def level_needed(request: Request) -> str:
    """The level that this request's right asks for."""
    return NEEDED.get(request.right, NEEDED_OTHERWISE)


def validate(request_id: UUID, *, actor: User) -> None:
    """Say that the person is who they say. Freezes the scope; identity documents go at once (R-ID-09).

    Who objects is on the suppression list from here on: an objection holds at once (Art. 21(3)).
    """
    try:
        with transaction.atomic(durable=True):
            request = _open_request(request_id, State.RECEIVED, actor=actor)
            reached, needed = level_reached(request), level_needed(request)
            if reached < needed:
                raise Refused("level_too_low", f"The checks reach {reached}, not {needed}. Record a further check.")
            now = clock.now()
            barring.bar(request, user=actor, ground=ApprovalBar.Ground.VALIDATED, actor=actor)
            transitions.move(
                request.pk, seen=State.RECEIVED, to=State.VALIDATED, actor=actor, scope_as_of=now, validated_by=actor
            )
            if request.right == Right.OBJECTION:
                reason, everywhere = Suppression.Reason.OBJECTION, Suppression.Channel.ALL
                suppression.add(request, actor=actor, reason=reason, channel=everywhere)
            destroyed = _destroy_identity_copies(request, actor=actor)
    except Refused as refused:
        _refuse("validate", refused, request_id=request_id, actor=actor)
    _remove_files(destroyed)


def _destroy_identity_copies(request: Request, *, actor: User) -> list[Evidence]:
    """The key first, with the decision; the file follows after the commit."""
    copies = list(request.evidence.filter(kind=Evidence.Kind.IDENTITY, destroyed_at__isnull=True))
    for copy in copies:
        Evidence.objects.filter(pk=copy.pk).update(wrapped_file_key=None, destroyed_at=timezone.now(), file="")
        audit.append("evidence.destroyed", actor=actor, about=request, evidence=copy.pk, reason="checked")
    return copies


def _remove_files(evidence: list[Evidence]) -> None:
    for copy in evidence:
        copy.file.delete(save=False)


def withdraw(request_id: UUID, *, actor: User, reason: str) -> None:
    """The person no longer asks."""
    _end(request_id, actor=actor, reason=reason, to=State.WITHDRAWN, reasons=WITHDRAW_REASONS)


def not_identified(request_id: UUID, *, actor: User, reason: str) -> None:
    """The person could not be identified: not a refusal of the right; a new attempt opens a new request (R-ID-20)."""
    _end(request_id, actor=actor, reason=reason, to=State.NOT_IDENTIFIED, reasons=NOT_IDENTIFIED_REASONS)


def _end(request_id: UUID, *, actor: User, reason: str, to: State, reasons: tuple[tuple[str, str], ...]) -> None:
    destroyed: list[Evidence] = []
    try:
        with transaction.atomic(durable=True):
            request = _open_request(request_id, State.RECEIVED, State.VALIDATED, State.PLANNED, actor=actor)
            gates.require_reason(reason, reasons)
            Decision.objects.create(request=request, kind=Decision.Kind(to.value), reason=reason, by=actor)
            transitions.move(
                request.pk, seen=request.state, to=to, actor=actor, reason=reason, outcome=to.value,
                closed_at=timezone.now(),
            )  # fmt: skip
            destroyed = _destroy_identity_copies(request, actor=actor)
    except Refused as refused:
        _refuse(to.value, refused, request_id=request_id, actor=actor)
    _remove_files(destroyed)
