"""The corridor: from a request's state to the next room. It pulls; nobody pushes.

In:  the clock, and the requests that the workshop has something to do for.
Out: one room's run a call, the move to the next state when the room is done, and a flag when a person must look.
Never here: a decision. A lost queue message costs a second, not a request: ``due`` finds the request again.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from content_app import discovery, execution, planning, receipts, verification
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Heartbeat, Item, Plan
from content_app.receipts import Beat
from requests_app import audit, forgotten_list, transitions
from requests_app.errors import Refused
from requests_app.models import Request
from requests_app.states import State

logger = logging.getLogger(__name__)
Attention = Errand.Attention
WORKING = (State.VALIDATED, State.PLANNED, State.APPROVED, State.EXECUTED)
#: Seconds until a request that waits for a person is looked at again, should the person have acted elsewhere.
IDLE = 30
LONGEST_WAIT = 900
#: Seconds until the next look where nothing is asked of the outside system meanwhile.
SOON = {"busy": 1.0, "read_only": 5.0, "stopped": 5.0}


# --- finding work ----------------------------------------------------------------------------------------------------


def due(*, limit: int = 100) -> list[UUID]:
    """Requests that the workshop should look at now: by state, or because their later read-back is due."""
    if forgotten_list.replay_is_due():
        return []
    now = timezone.now()
    later = Q(state__in=[State.VERIFIED, State.CLOSED], errand__again_at__lte=now)
    free = Q(errand__isnull=True) | Q(errand__next_at__lte=now) | ~Q(errand__seen=F("state"))
    wanted = Request.objects.filter(origin=Request.Origin.LIVE, subject__forgotten_at__isnull=True)
    found = wanted.filter(free, Q(state__in=WORKING) | later)
    return list(found.order_by("received_at").values_list("pk", flat=True)[:limit])


def claim_for_queue(request_id: UUID) -> bool:
    """Mark a request as queued for a while, so that it is not queued again every second; ``False`` when it was."""
    now = timezone.now()
    Errand.objects.get_or_create(request_id=request_id, defaults={"next_at": now})
    state = Request.objects.values_list("state", flat=True).get(pk=request_id)
    mine = Errand.objects.filter(Q(next_at__lte=now) | ~Q(seen=state), request_id=request_id)
    return bool(mine.update(next_at=now + timedelta(seconds=settings.PORTAL_LEASE_SECONDS), seen=state))


# --- doing it --------------------------------------------------------------------------------------------------------


def advance(request_id: UUID) -> bool:
    """Do what comes next for one request; ``True`` when something was done. Only one worker at a time."""
    if forgotten_list.replay_is_due():
        return False
    fence = _take_lease(request_id)
    if fence is None:
        return False
    try:
        attention, wait, worked = _work(request_id, beat=_beat(request_id, fence))
    except Exception:
        logger.exception("request %s: the work ended in an unexpected fault", request_id)
        _release(request_id, fence, attention=Attention.CRASHED, failed=True)
        raise
    _release(request_id, fence, attention=attention, wait=wait, failed=wait is None and not worked)
    return worked


def _work(request_id: UUID, *, beat: Beat) -> tuple[Attention, float | None, bool]:
    """One run: (what a person must look at, seconds until the next look or ``None`` for back-off, was work done)."""
    try:
        worked = _next_room(request_id, beat=beat)
    except ConnectorError as error:
        wait = SOON.get(error.code, error.retry_after)
        return _attention_of(error), wait if wait is None else min(wait, LONGEST_WAIT), False
    except Refused as refused:
        if refused.code == "run_over":
            return _standing_attention(request_id), 0, True
        return _attention_of_refusal(refused, request_id)
    return _standing_attention(request_id), 0 if worked else IDLE, worked


def _next_room(request_id: UUID, *, beat: Beat) -> bool:
    request = Request.objects.select_related("subject").get(pk=request_id)
    if request.subject.forgotten_at:
        return False
    room: dict[str, Callable[..., bool]] = {
        State.VALIDATED: _discover,
        State.PLANNED: _skip_when_empty,
        State.APPROVED: _execute,
        State.EXECUTED: _verify,
        State.VERIFIED: _verify_again,
        State.CLOSED: _verify_again,
    }
    return room[request.state](request, beat=beat) if request.state in room else False


def _discover(request: Request, *, beat: Beat) -> bool:
    wanted = not discovery.is_finished(request)
    if wanted:
        discovery.search(request.pk, budget=settings.PORTAL_RUN_BUDGET, beat=beat)
    return wanted


def _skip_when_empty(request: Request, *, beat: Beat) -> bool:
    """A list that deletes nothing needs no approval: nothing irreversible, no second factor."""
    plan = Plan.objects.get(request=request, digest=request.plan_digest)
    if plan.items.exclude(action=Item.Action.KEEP).exists():
        return False
    with transaction.atomic(durable=True):
        transitions.move(
            request.pk, seen=State.PLANNED, to=State.VERIFIED, actor=audit.WORKER, reason="nothing_to_delete",
            plan=plan.pk, digest=plan.digest,
        )  # fmt: skip
    return True


def _execute(request: Request, *, beat: Beat) -> bool:
    if execution.run(request.pk, budget=settings.PORTAL_RUN_BUDGET, beat=beat):
        with transaction.atomic(durable=True):
            transitions.move(request.pk, seen=State.APPROVED, to=State.EXECUTED, actor=audit.WORKER)
    return True


def _verify(request: Request, *, beat: Beat) -> bool:
    """Read back at once. What is still there keeps the request here until a further list has dealt with it."""
    if verification.is_done(request.pk, round_number=1) and verification.still_there(request.pk):
        return False
    done = verification.run(request.pk, round_number=1, budget=settings.PORTAL_RUN_BUDGET, beat=beat)
    if done and not verification.still_there(request.pk):
        with transaction.atomic(durable=True):
            transitions.move(request.pk, seen=State.EXECUTED, to=State.VERIFIED, actor=audit.WORKER)
            again = timezone.now() + timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS)
            Errand.objects.filter(request=request).update(again_at=again)
    return True


def _verify_again(request: Request, *, beat: Beat) -> bool:
    """The later read-back; it follows the reply and does not hold it up."""
    due_now = Errand.objects.filter(request=request, again_at__lte=timezone.now())
    if not due_now.exists():
        return False
    if verification.run(request.pk, round_number=2, budget=settings.PORTAL_RUN_BUDGET, beat=beat):
        due_now.update(again_at=None)
    return True


# --- what a person must look at --------------------------------------------------------------------------------------


def _attention_of(error: ConnectorError) -> Attention:
    match error.code:
        case "busy":
            return Attention.NONE
        case "read_only":
            return Attention.SHADOW
        case "stopped":
            return Attention.STOPPED
        case "bad_credentials" | "missing_credentials" | "scope_refused" | "unauthorised" | "forbidden":
            return Attention.CREDENTIALS
    return Attention.UNREACHABLE


def _attention_of_refusal(refused: Refused, request_id: UUID) -> tuple[Attention, float | None, bool]:
    match refused.code:
        case "not_yet":
            after = Request.objects.get(pk=request_id).approvals.latest("at").execute_after
            return Attention.NONE, (after - timezone.now()).total_seconds(), False
        case "lease_runs" | "lost_lease" | "moved_on" | "wrong_state":
            return Attention.NONE, 5, False
        case "not_published" | "ledger_mismatch":
            return Attention.LEDGER, 5, False
        case "digest":
            return Attention.DIGEST, IDLE, False
        case "trial_failed" | "barred":
            return Attention.NEEDS_PERSON, IDLE, False
        case "credentials":
            return Attention.CREDENTIALS, None, False
    logger.warning("request %s: refused with %s", request_id, refused.code)
    return Attention.NEEDS_PERSON, IDLE, False


def _standing_attention(request_id: UUID) -> Attention:
    """What is true of the request whatever was just done."""
    request = Request.objects.get(pk=request_id)
    if request.state == State.VALIDATED and request.candidates.filter(included__isnull=True).exists():
        return Attention.UNDECIDED
    if request.state == State.PLANNED:
        expired = Plan.objects.filter(request=request, digest=request.plan_digest, expires_at__lt=timezone.now())
        return Attention.EXPIRED if expired.exists() else Attention.NONE
    if request.state in planning.SUPPLEMENTABLE and planning.open_supplement(request):
        return Attention.SUPPLEMENT
    if request.state == State.APPROVED:
        stuck = receipts.ReceiptItem.objects.filter(
            item__plan__request=request, outcome=receipts.Outcome.NEEDS_PERSON, item__plan__digest=request.plan_digest
        )
        return Attention.NEEDS_PERSON if stuck.exists() else Attention.NONE
    return Attention.NONE


def forgotten_among(request_ids: Iterable[str]) -> set[str]:
    """Which of these requests belong to somebody whom the portal has forgotten."""
    found = Request.objects.filter(pk__in=set(request_ids), subject__forgotten_at__isnull=False)
    return {str(pk) for pk in found.values_list("pk", flat=True)}


# --- the lease on a request ------------------------------------------------------------------------------------------


def _take_lease(request_id: UUID) -> int | None:
    now = timezone.now()
    Errand.objects.get_or_create(request_id=request_id, defaults={"next_at": now})
    free = Errand.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now), request_id=request_id)
    until = now + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)
    with transaction.atomic():
        if not free.update(lease_until=until, fence=F("fence") + 1):
            return None
        return Errand.objects.get(request_id=request_id).fence


def _beat(request_id: UUID, fence: int) -> Beat:
    """Called between two calls, where stopping is safe: keeps the lease, and ends a run that has lasted long enough."""
    over = time.monotonic() + settings.PORTAL_RUN_SECONDS

    def beat() -> None:
        if time.monotonic() > over:
            raise Refused("run_over", "This run is over; the next one goes on.")
        until = timezone.now() + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)
        if not Errand.objects.filter(request_id=request_id, fence=fence).update(lease_until=until):
            raise Refused("lost_lease", "Another worker has taken this request over.")

    return beat


def _release(request_id: UUID, fence: int, *, attention: Attention, wait: float | None = None, failed: bool) -> None:
    errand = Errand.objects.filter(request_id=request_id, fence=fence)
    failures = (errand.values_list("failures", flat=True).first() or 0) + 1 if failed else 0
    if wait is None:
        wait = random.uniform(0.5, 1) * min(LONGEST_WAIT, 2**failures)  # noqa: S311  jitter, not a secret
    errand.update(
        lease_until=None, next_at=timezone.now() + timedelta(seconds=wait), failures=failures, attention=attention,
        seen=Request.objects.values_list("state", flat=True).get(pk=request_id),
    )  # fmt: skip


# --- signs of life ---------------------------------------------------------------------------------------------------


def show_life(name: str) -> datetime:
    """Note that a part of the machinery lives."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
    return now
