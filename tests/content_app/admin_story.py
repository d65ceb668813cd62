"""Requests as the workshop's screens meet them: found, listed, approved, carried out.

In:  the cast, and how far a test needs a request to be.
Out: the request and its list, moved there by the real rooms.
Never here: a call to an outside system. What one would answer is written as receipts by the engine's own pen.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from content_app import planning, receipts, verification
from content_app.models import Item, Leftover, Plan, StatisticsPass, Step, System, Verification
from requests_app import audit, transitions
from requests_app.models import Request
from requests_app.states import State
from tests import factories, story

_MARCH = datetime(2026, 3, 2, 9, tzinfo=UTC)


def address(name: str, *args: Any) -> str:
    return reverse(f"admin:content_{name}", args=args)


def found(staff: User, validator: User, *contents: dict[str, Any], system: System | None = None) -> Request:
    """Validated and searched; one call recording unless told otherwise."""
    request = story.validated(staff, validator)
    if system is None:
        name = "Contact centre EMEA"
        system = System.objects.filter(name=name).first() or factories.SystemFactory.create(name=name)
    story.found(request, system, *contents)
    return request


def left_over(request: Request, *, contacts: int = 0, doubtful: int = 0, system: System | None = None) -> Leftover:
    """What the statistics still hold was counted, and that is how much."""
    system = system or System.objects.get()
    at = timezone.now()
    read = StatisticsPass.objects.create(
        system=system, since=at - timedelta(days=28), until=at, windows=[], ended_at=at, ending="finished", sharers=3
    )
    span = {"earliest": _MARCH, "latest": _MARCH + timedelta(days=7)} if contacts else {}
    return Leftover.objects.create(
        request=request, system=system, served_by=read, contacts=contacts, doubtful=doubtful, calls_expected=2,
        calls_made=1, started_at=at, finished_at=at, **span,
    )  # fmt: skip


def listed(staff: User, validator: User, *contents: dict[str, Any]) -> tuple[Request, Plan]:
    """With a frozen list that waits for approval."""
    request = found(staff, validator, *contents)
    plan = planning.freeze(request.pk, actor=staff)
    request.refresh_from_db()
    return request, plan


def approved(staff: User, validator: User, supervisor: User, *contents: dict[str, Any]) -> tuple[Request, Plan]:
    """With an approved list."""
    request, plan = listed(staff, validator, *contents)
    story.approve(request, plan, supervisor)
    request.refresh_from_db()
    return request, plan


def carried_out(plan: Plan) -> None:
    """Every item has a receipt that says «deleted»."""
    items: list[Item] = list(receipts.to_delete(plan))
    step = receipts.open_step(plan, kind=Step.Kind.BATCH, items=items)
    intent = receipts.intend(step, items=items, kind="batch")
    receipts.receive(intent, [(item, "deleted", "") for item in items])
    _move(plan, seen=State.APPROVED, to=State.EXECUTED)


def read_back(plan: Plan) -> None:
    """Every item was looked for again and not found."""
    items: list[Item] = list(receipts.to_delete(plan))
    verification._note(plan, [(item, Verification.Result.VERIFIED_ABSENT) for item in items], round_number=1)
    _move(plan, seen=State.EXECUTED, to=State.VERIFIED)


def verified(staff: User, validator: User, supervisor: User, *contents: dict[str, Any]) -> tuple[Request, Plan]:
    """Deleted and read back; the reply is what is left."""
    request, plan = approved(staff, validator, supervisor, *contents)
    carried_out(plan)
    read_back(plan)
    request.refresh_from_db()
    return request, plan


def _move(plan: Plan, *, seen: State, to: State) -> None:
    with transaction.atomic():
        transitions.move(plan.request_id, seen=seen, to=to, actor=audit.WORKER)
