"""What people do with the safeguards: stop everything, lift the stop, release a list that the brake holds.

In:  a supervisor's or administrator's word, with a coded reason.
Out: the one row of the stop, releases, and what the screen of the safeguards shows; each act in the ledger.
Never here: a look at the safeguards before a call or an act. ``limits`` and ``brakes`` look, each time anew.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from content_app import brakes, systems
from content_app.models import BrakeRelease, Braking, Errand, Plan, Safeguard
from requests_app import audit, clock, gates
from requests_app.errors import Refused
from requests_app.models import ApprovalBar, Request
from requests_app.states import State

#: Why a list may go beyond a cap.
RELEASE_REASONS = (
    ("size_explained", "Its size is what the person's contacts explain"),
    ("deadline", "The deadline does not allow it to wait"),
    ("checked", "Looked through its items; they are theirs"),
)


# --- the emergency stop of all systems -------------------------------------------------------------------------------


def stop() -> Safeguard | None:
    """The stop of all systems as it stands, or ``None`` as long as nobody ever set it."""
    return Safeguard.objects.select_related("by").first()


def is_stopped() -> bool:
    """Whether the stop of all systems is set."""
    return Safeguard.objects.filter(stopped=True).exists()


def set_stop(*, actor: User, reason: str = "precaution") -> None:
    """Stop every call to every system, effective before the next one."""
    gates.require(actor, "content_app.stop_system")
    gates.require_reason(reason, systems.STOP_REASONS)
    _turn(actor=actor, stopped=True, reason=reason, entry="stop.set")


def lift_stop(*, actor: User, reason: str) -> None:
    """Let the work go on, and say why that is safe now. A system that was stopped alone stays stopped."""
    gates.require(actor, "content_app.stop_system")
    gates.require_reason(reason, systems.LIFT_REASONS)
    _turn(actor=actor, stopped=False, reason=reason, entry="stop.lifted")


def _turn(*, actor: User, stopped: bool, reason: str, entry: str) -> None:
    with transaction.atomic(durable=True):
        one, _ = Safeguard.objects.get_or_create(single=1)
        turned = Safeguard.objects.filter(pk=one.pk, stopped=not stopped)
        if not turned.update(stopped=stopped, reason=reason, by=actor, at=clock.now()):
            raise Refused("wrong_state", f"The stop is {'set' if stopped else 'lifted'} already. Reload the page.")
        audit.append(entry, actor=actor, about=one.pk, reason=reason)


# --- the brake -------------------------------------------------------------------------------------------------------


def note_braking(request_id: UUID) -> None:
    """Write down that the brake holds the list of an approved request: once for each cap and day."""
    with transaction.atomic(durable=True):
        request = Request.objects.select_for_update().get(pk=request_id)
        plan = Plan.objects.filter(request=request, digest=request.plan_digest).first()
        if request.state != State.APPROVED or plan is None:
            return
        day = brakes.today()
        noted = set(plan.brakings.filter(day=day).values_list("cap", flat=True))
        for room in brakes.exceeded(plan):
            if room.cap not in noted:
                leaf = audit.append(
                    "brake.applied", actor=audit.WORKER, about=request, plan=plan.pk, cap=room.cap,
                    items=brakes.unsent(plan).count(),
                )  # fmt: skip
                Braking.objects.create(plan=plan, cap=room.cap, day=day, leaf=leaf)


def release_bars(request: Request, user: User) -> list[str]:
    """Why this person may not release the list of an approved request; empty when they may."""
    bars = ApprovalBar.objects.filter(request=request, user=user)
    grounds = [bar.get_ground_display() for bar in bars]
    return [*(["you approved it"] if request.approved_by_id == user.pk else []), *grounds]


def release(request_id: UUID, *, actor: User, plan_id: UUID, items: int, reason: str) -> None:
    """A second supervisor lets the list go beyond every cap that it exceeds now. ``items`` is its size, as typed.

    Every refused attempt is written to the ledger as well.
    """
    try:
        _release(request_id, actor=actor, plan_id=plan_id, items=items, reason=reason)
    except Refused as refused:
        with transaction.atomic(durable=True):
            audit.append(
                "attempt.refused", actor=actor, about=request_id, attempt="release", reason=refused.code, plan=plan_id
            )
        raise


def _release(request_id: UUID, *, actor: User, plan_id: UUID, items: int, reason: str) -> None:
    gates.require(actor, "requests_app.approve_request")
    gates.require_reason(reason, RELEASE_REASONS)
    with transaction.atomic(durable=True):
        request = Request.objects.select_for_update().get(pk=request_id)
        gates.require_state(request, State.APPROVED)
        gates.require_not_the_subject(request, actor)
        if grounds := release_bars(request, actor):
            raise Refused("barred", f"You may not release this list: {' and '.join(grounds)}. A colleague must.")
        plan = Plan.objects.filter(pk=plan_id, request=request, digest=request.plan_digest).first()
        if plan is None:
            raise Refused("stale_digest", "The list has changed since you opened it. Reload, and review it again.")
        if items != brakes.size(plan):
            raise Refused("wrong_count", "The list does not delete that many files. Look again, then type it.")
        held = brakes.exceeded(plan)
        if not held:
            raise Refused("not_braked", "The brake does not hold this list. Reload the page.")
        for room in held:
            leaf = audit.append(
                "brake.released", actor=actor, about=request, plan=plan.pk, cap=room.cap, items=items, reason=reason
            )
            BrakeRelease.objects.create(plan=plan, cap=room.cap, by=actor, reason=reason, items=items, leaf=leaf)
        braked = Errand.objects.filter(request=request, attention=Errand.Attention.BRAKED)
        braked.update(attention=Errand.Attention.NONE, next_at=clock.now())
