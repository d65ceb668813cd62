"""Room 4 · A second person decides about the exact list.

In:  a planned request, the digest that the person saw, a person who is not barred.
Out: an approval bound to that digest, or a refusal with a coded reason, or a request sent back.
Never here: a look at the list itself (the workshop shows it), or a way around the bar. The database refuses too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from requests_app import audit, clock, gates, transitions
from requests_app.errors import Refused
from requests_app.models import Approval, ApprovalBar, ApprovalWithdrawal, Decision, Request
from requests_app.states import State

REFUSE_REASONS = (
    ("manifestly_unfounded", "Manifestly unfounded (Art. 12(5))"),
    ("manifestly_excessive", "Manifestly excessive (Art. 12(5))"),
    ("legal_obligation", "A legal obligation requires the data (Art. 17(3)(b))"),
    ("legal_claims", "Needed for legal claims (Art. 17(3)(e))"),
    ("freedom_of_expression", "Freedom of expression and information (Art. 17(3)(a))"),
    ("public_interest", "Public health, archiving or research (Art. 17(3)(c), (d))"),
    ("no_ground", "No ground for erasure applies (Art. 17(1))"),
)
SEND_BACK_REASONS = (
    ("wrong_items", "The list holds something that is not theirs"),
    ("missing_items", "Something of theirs is missing"),
    ("identity_doubt", "The identity needs another look"),
    ("hold_changed", "A hold or a duty to keep has changed"),
    ("expired", "The list has expired"),
)
WITHDRAW_APPROVAL_REASONS = (
    ("mistake", "Approved by mistake"),
    ("new_facts", "New facts have come up"),
    ("person_withdrew", "The person withdrew the request"),
)

#: The hook for the second factor: raises ``Refused`` unless it was shown lately. Returns when.
StepUp = Callable[[User], datetime | None]


def _no_step_up(user: User) -> datetime | None:
    return None


def bars_of(request_id: UUID, user: User) -> list[str]:
    """Why this person may not approve this request, as a person reads it; empty when they may."""
    bars = ApprovalBar.objects.filter(request_id=request_id, user=user)
    return [bar.get_ground_display() for bar in bars]


def _require_unbarred(request: Request, actor: User) -> None:
    if grounds := bars_of(request.pk, actor):
        raise Refused("barred", f"You may not approve this request: {' and '.join(grounds)}. A colleague must.")


def approve(
    request_id: UUID,
    *,
    actor: User,
    plan_id: UUID,
    digest: str,
    expires_at: datetime,
    items: int,
    listed: int,
    step_up: StepUp = _no_step_up,
) -> Approval:
    """Approve exactly the list with this digest. Every refused attempt is written to the ledger as well.

    ``items`` is how many items the person said are deleted, ``listed`` how many the workshop's list has.
    """
    try:
        with transaction.atomic(durable=True):
            gates.require(actor, "requests_app.approve_request")
            request = Request.objects.get(pk=request_id)
            gates.require_state(request, State.PLANNED)
            _require_unbarred(request, actor)
            if not digest or digest != request.plan_digest:
                raise Refused("stale_digest", "The list has changed since you opened it. Reload, and review it again.")
            if items != listed:
                raise Refused("wrong_count", "The list does not delete that many files. Look again, then confirm.")
            if expires_at < clock.now():
                raise Refused("plan_expired", "The list has expired. Send it back so that a fresh one is frozen.")
            shown_at = step_up(actor)
            return _store(request, actor=actor, plan_id=plan_id, digest=digest, items=items, step_up_at=shown_at)
    except Refused as refused:
        transitions.record_refusal("approve", refused, about=request_id, actor=actor, plan=plan_id)
        raise
    except IntegrityError:
        # The guard in the database is the second lock: whoever is barred here was barred a moment ago.
        if not bars_of(request_id, actor):
            raise
        barred = Refused("barred", "You may not approve this request. A colleague must.")
        transitions.record_refusal("approve", barred, about=request_id, actor=actor, plan=plan_id)
        raise barred from None


def _store(
    request: Request, *, actor: User, plan_id: UUID, digest: str, items: int, step_up_at: datetime | None
) -> Approval:
    execute_after = clock.now() + timedelta(hours=settings.PORTAL_APPROVAL_DELAY_HOURS)
    approval = Approval.objects.create(
        request=request, plan_id=plan_id, digest=digest, by=actor, step_up_at=step_up_at, execute_after=execute_after
    )
    audit.append(
        "approval.given", actor=actor, about=request, plan=plan_id, digest=digest, items=items,
        execute_after=execute_after,
    )  # fmt: skip
    transitions.move(
        request.pk, seen=State.PLANNED, to=State.APPROVED, actor=actor, plan=plan_id, digest=digest, approved_by=actor
    )
    return approval


def withdraw_approval(request_id: UUID, *, actor: User, reason: str, acts_begun: Callable[[], bool]) -> None:
    """Take an approval back before the first act. ``acts_begun`` asks the workshop, while nobody can begin one."""
    try:
        with transaction.atomic(durable=True):
            gates.require(actor, "requests_app.approve_request")
            request = Request.objects.select_for_update().get(pk=request_id)
            gates.require_state(request, State.APPROVED)
            gates.require_reason(reason, WITHDRAW_APPROVAL_REASONS)
            if acts_begun():
                raise Refused("acts_begun", "The deletion has begun. Set the emergency stop on the system instead.")
            approval = request.approvals.latest("at")
            ApprovalWithdrawal.objects.create(approval=approval, by=actor, reason=reason)
            audit.append("approval.withdrawn", actor=actor, about=request, plan=approval.plan_id, reason=reason)
            _back_to_validated(request, actor=actor, reason=reason, kind=Decision.Kind.APPROVAL_WITHDRAWN)
    except Refused as refused:
        transitions.record_refusal("withdraw_approval", refused, about=request_id, actor=actor)
        raise


def send_back(request_id: UUID, *, actor: User, reason: str) -> None:
    """The list does not fit: staff freeze a fresh one."""
    try:
        with transaction.atomic(durable=True):
            gates.require(actor, "requests_app.approve_request", "requests_app.freeze_request")
            request = Request.objects.get(pk=request_id)
            gates.require_state(request, State.PLANNED)
            gates.require_not_the_subject(request, actor)
            gates.require_reason(reason, SEND_BACK_REASONS)
            _back_to_validated(request, actor=actor, reason=reason, kind=Decision.Kind.SENT_BACK)
    except Refused as refused:
        transitions.record_refusal("send_back", refused, about=request_id, actor=actor)
        raise


def _back_to_validated(request: Request, *, actor: User, reason: str, kind: Decision.Kind) -> None:
    Decision.objects.create(request=request, kind=kind, reason=reason, by=actor)
    transitions.move(
        request.pk, seen=request.state, to=State.VALIDATED, actor=actor, reason=reason, plan_digest="", approved_by=None
    )


def refuse(request_id: UUID, *, actor: User, reason: str) -> None:
    """Refuse the request, with a reason that the law knows."""
    try:
        with transaction.atomic(durable=True):
            gates.require(actor, "requests_app.refuse_request")
            request = Request.objects.get(pk=request_id)
            gates.require_state(request, State.RECEIVED, State.VALIDATED, State.PLANNED)
            gates.require_not_the_subject(request, actor)
            gates.require_reason(reason, REFUSE_REASONS)
            Decision.objects.create(request=request, kind=Decision.Kind.REFUSED, reason=reason, by=actor)
            transitions.move(
                request.pk, seen=request.state, to=State.REFUSED, actor=actor, reason=reason, outcome="refused",
                closed_at=timezone.now(),
            )  # fmt: skip
    except Refused as refused:
        transitions.record_refusal("refuse", refused, about=request_id, actor=actor)
        raise
