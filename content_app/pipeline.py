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
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from content_app import discovery, execution, heartbeats, limits, planning, receipts, safeguards, verification
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Item, Leftover, Plan, Receipt, Search, Verification
from content_app.receipts import Beat
from requests_app import audit, clock, deadlines, forgotten_list, gates, transitions
from requests_app.errors import Refused
from requests_app.models import Request
from requests_app.states import State

logger = logging.getLogger(__name__)
Attention = Errand.Attention
#: Why work is started again.
RESTART_REASONS = (
    ("mended", "What was wrong has been mended"),
    ("looked_into", "Looked into it; nothing is wrong with the request"),
    ("try_once", "Try it once more before it is done by hand"),
)
WORKING = (State.VALIDATED, State.PLANNED, State.APPROVED, State.EXECUTED)
#: What no clock mends: a person must start the work again.
PARKED = (Attention.POISONED, Attention.DEADLINE)
#: Failures in a row after which a near deadline ends the tries.
ENOUGH_FAILURES = 3
#: Seconds until a request that waits for a person is looked at again, should the person have acted elsewhere.
IDLE = 30
#: Seconds: the first wait after a failure is at most this, the next twice as long, up to the longest.
BASE_WAIT, LONGEST_WAIT = 2.0, 900.0
#: Seconds until the next look where nothing is asked of the outside system meanwhile.
SOON = {"busy": 1.0, "read_only": 5.0, "stopped": 5.0}


# --- finding work ----------------------------------------------------------------------------------------------------


def due(*, limit: int = 100) -> list[UUID]:
    """Requests that the workshop should look at now: by state, or because their later read-back is due.

    None that a worker has: it would be queued in vain, and be found late when that worker dies.
    """
    if forgotten_list.replay_is_due():
        return []
    now = clock.now()
    waits = Q(errand__isnull=True) | Q(errand__next_at__lte=now) | ~Q(errand__seen=F("state"))
    free = waits & (Q(errand__lease_until__isnull=True) | Q(errand__lease_until__lte=now))
    wanted = Request.objects.filter(free, origin=Request.Origin.LIVE, subject__forgotten_at__isnull=True)
    oldest = wanted.exclude(errand__attention__in=PARKED).order_by("received_at").values_list("received_at", "pk")
    # Two questions, since each has an index of a few rows: the open requests, and those to be read back later.
    working = oldest.filter(state__in=WORKING)[:limit]
    later = oldest.filter(state__in=[State.VERIFIED, State.CLOSED], errand__again_at__lte=now)[:limit]
    return [pk for _, pk in sorted([*working, *later])[:limit]]


def claim_for_queue(request_id: UUID) -> bool:
    """Mark a request as queued for a while, so that it is not queued again every second; ``False`` when it was."""
    now = clock.now()
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
        ending = _work(request_id, fence)
    except Exception:
        logger.exception("request %s: the work ended in an unexpected fault", request_id)
        _release(request_id, fence, Ending(Attention.CRASHED, wait=None))
        raise
    _release(request_id, fence, ending)
    return ending.worked


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: what a person must look at, and the seconds until the next look, or ``None`` for back-off."""

    attention: Attention
    wait: float | None
    worked: bool = False
    #: The account where it failed.
    at: object = None

    @property
    def failed(self) -> bool:
        return self.wait is None and not self.worked


def _work(request_id: UUID, fence: int) -> Ending:
    errand = Errand.objects.get(request_id=request_id)
    if errand.starts > settings.PORTAL_MAX_STARTS:
        return Ending(Attention.POISONED, wait=IDLE)
    if errand.failures and errand.failed_at_id and not limits.may_retry(errand.failed_at_id):
        return Ending(Attention(errand.attention), wait=random.uniform(5, 15))  # noqa: S311  jitter, not a secret
    try:
        worked = _next_room(request_id, beat=_beat(request_id, fence))
    except ConnectorError as error:
        wait = SOON.get(error.code, error.retry_after)
        return Ending(_attention_of(error), wait if wait is None else min(wait, LONGEST_WAIT), at=error.at)
    except Refused as refused:
        if refused.code == "run_over":
            return Ending(_standing_attention(request_id), 0, worked=True)
        attention, wait, worked = _attention_of_refusal(refused, request_id)
        return Ending(attention, wait, worked=worked)
    return Ending(_standing_attention(request_id), 0 if worked else IDLE, worked=worked)


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
            again = clock.now() + timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS)
            Errand.objects.filter(request=request).update(again_at=again)
    return True


def _verify_again(request: Request, *, beat: Beat) -> bool:
    """The later read-back; it follows the reply and does not hold it up."""
    due_now = Errand.objects.filter(request=request, again_at__lte=clock.now())
    if not due_now.exists():
        return False
    if verification.run(request.pk, round_number=2, budget=settings.PORTAL_RUN_BUDGET, beat=beat):
        due_now.update(again_at=None)
    return True


# --- what a person must look at --------------------------------------------------------------------------------------


def _attention_of(error: ConnectorError) -> Attention:
    match error.code:
        case "busy" | "shared":
            return Attention.NONE
        case "read_only":
            return Attention.SHADOW
        case "stopped":
            return Attention.STOPPED
        case "paused":
            return Attention.PAUSED
        case "bad_credentials" | "missing_credentials" | "scope_refused" | "unauthorised" | "forbidden":
            return Attention.CREDENTIALS
    return Attention.UNREACHABLE


def _attention_of_refusal(refused: Refused, request_id: UUID) -> tuple[Attention, float | None, bool]:
    match refused.code:
        case "not_yet":
            after = Request.objects.get(pk=request_id).approvals.latest("at").execute_after
            return Attention.NONE, max(0.0, (after - clock.now()).total_seconds()), False
        case "lease_runs":
            return Attention.NONE, 1, False
        case "lost_lease" | "moved_on" | "wrong_state":
            return Attention.NONE, 5, False
        case "not_published" | "ledger_mismatch":
            return Attention.LEDGER, 5, False
        case "digest":
            return Attention.DIGEST, IDLE, False
        case "braked":
            safeguards.note_braking(request_id)
            return Attention.BRAKED, IDLE, False
        case "trial_failed" | "barred":
            return Attention.NEEDS_PERSON, IDLE, False
        case "credentials":
            return Attention.CREDENTIALS, None, False
        case "no_statistics":
            return Attention.STATISTICS, None, False
    logger.warning("request %s: refused with %s", request_id, refused.code)
    return Attention.NEEDS_PERSON, IDLE, False


def _standing_attention(request_id: UUID) -> Attention:
    """What is true of the request whatever was just done."""
    request = Request.objects.get(pk=request_id)
    if request.state == State.VALIDATED and request.candidates.filter(included__isnull=True).exists():
        return Attention.UNDECIDED
    if request.state == State.PLANNED:
        expired = Plan.objects.filter(request=request, digest=request.plan_digest, expires_at__lt=clock.now())
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
    """Become the only one who works on it; ``None`` while another does. Counts starts that led nowhere."""
    now = clock.now()
    Errand.objects.get_or_create(request_id=request_id, defaults={"next_at": now})
    free = Errand.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now), request_id=request_id)
    until = now + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)
    with transaction.atomic():
        mine = {"lease_until": until, "fence": F("fence") + 1, "node": heartbeats.node_of_worker()}
        if not free.exclude(attention__in=PARKED).update(**mine):
            return None
        errand = Errand.objects.get(request_id=request_id)
        got = _progress(request_id)
        errand.starts = errand.starts + 1 if got == errand.progress else 1
        errand.progress = got
        errand.save(update_fields=["starts", "progress"])
    return errand.fence


def _progress(request_id: UUID) -> str:
    """How far the request has come: it changes with every answer that was written down, and with nothing else.

    What was only looked up afterwards does not count: a call that kills its worker would else be made for ever.
    """
    told = Receipt.objects.filter(intent__step__plan__request_id=request_id, probed=False).count()
    searched = Search.objects.filter(request_id=request_id).aggregate(n=Sum("cursor"))["n"] or 0
    counted = Leftover.objects.filter(request_id=request_id).aggregate(n=Sum("calls_made"))["n"] or 0
    read = Verification.objects.filter(item__plan__request_id=request_id).count()
    state = Request.objects.values_list("state", flat=True).get(pk=request_id)
    return f"{state} {searched} {counted} {told} {read}"


def _beat(request_id: UUID, fence: int) -> Beat:
    """Called between two calls, where stopping is safe: keeps the lease, and ends a run that has lasted long enough."""
    over = time.monotonic() + settings.PORTAL_RUN_SECONDS

    def beat() -> None:
        if time.monotonic() > over:
            raise Refused("run_over", "This run is over; the next one goes on.")
        until = clock.now() + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)
        if not Errand.objects.filter(request_id=request_id, fence=fence).update(lease_until=until):
            raise Refused("lost_lease", "Another worker has taken this request over.")

    return beat


def _release(request_id: UUID, fence: int, ending: Ending) -> None:
    """Note how the run ended, and when to look again: at once, at the named time, or after a random back-off."""
    errand = Errand.objects.filter(request_id=request_id, fence=fence)
    before = errand.values_list("failures", flat=True).first() or 0
    failures = before + 1 if ending.failed else 0 if ending.worked else before
    attention, wait = ending.attention, ending.wait
    if wait is None:
        wait = random.uniform(0.5, min(LONGEST_WAIT, BASE_WAIT * 2 ** (failures - 1)))  # noqa: S311  jitter, not a secret
    if failures >= ENOUGH_FAILURES and _deadline_is_near(request_id):
        attention = Attention.DEADLINE
    errand.update(
        lease_until=None, next_at=clock.now() + timedelta(seconds=wait), failures=failures, attention=attention,
        failed_at=ending.at if failures else None, starts=F("starts") if attention == Attention.POISONED else 0,
        seen=Request.objects.values_list("state", flat=True).get(pk=request_id),
    )  # fmt: skip


def _deadline_is_near(request_id: UUID) -> bool:
    received_at = Request.objects.values_list("received_at", flat=True).get(pk=request_id)
    last = deadlines.working_days_before(deadlines.careful_due(received_at), settings.PORTAL_HAND_OVER_DAYS)
    return timezone.localdate(clock.now()) >= last


def restart(request_id: UUID, *, actor: User, reason: str) -> None:
    """A person starts work again that had died each time, or that had failed too near the deadline."""
    gates.require(actor, "requests_app.approve_request")
    gates.require_reason(reason, RESTART_REASONS)
    with transaction.atomic(durable=True):
        request = Request.objects.get(pk=request_id)
        gates.require_not_the_subject(request, actor)
        parked = Errand.objects.filter(request=request, attention__in=PARKED)
        if not parked.update(attention=Attention.NONE, starts=0, failures=0, next_at=clock.now(), lease_until=None):
            raise Refused("not_parked", "The work goes on by itself. Reload the page.")
        audit.append("work.restarted", actor=actor, about=request, reason=reason)
