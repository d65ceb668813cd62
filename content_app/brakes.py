"""The brake: how many items one list, one day and one person's approvals may have deleted.

In:  a list, the items of an act that is about to be intended, the database's calendar day.
Out: the count of the day, raised in the transaction of the intent; or ``Refused("braked")``, and nothing is sent.
Never here: a release (``safeguards`` takes a second supervisor's word), or a list that is cut to fit.

An item counts once for each list, when its first call is intended: tries after that are free. What was intended counts,
also where the call then failed. The count is raised by one conditional update, so that two workers on two hosts cannot
both take what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from content_app.models import Allowance, Cap, Item, Plan, Step, StepItem
from requests_app import clock
from requests_app.errors import Refused
from requests_app.models import Request

_SENT = (Step.Kind.BATCH, Step.Kind.CONTENT)
_WORDS = {
    Cap.PLAN: "The list is larger than one supervisor may let go. A second one must release it.",
    Cap.DAY: "Today's allowance is used up. It goes on tomorrow, or a second supervisor releases the list.",
    Cap.APPROVER: "Today's allowance of whoever approved it is used up. It goes on tomorrow, or when it is released.",
}


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a cap is used today. ``used`` is 0 for the cap of one list: that one has no day."""

    cap: Cap
    most: int
    used: int = 0

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)


def today() -> date:
    """The calendar day of the database's clock, in the portal's time zone."""
    return timezone.localdate(clock.now())


def most(cap: str) -> int:
    """The setting of a cap, in items."""
    return {
        Cap.PLAN: settings.PORTAL_PLAN_CAP, Cap.DAY: settings.PORTAL_DAY_CAP, Cap.APPROVER: settings.PORTAL_APPROVER_CAP
    }[Cap(cap)]  # fmt: skip


def rooms(approver_id: int | None) -> list[Room]:
    """What is left for a list that this person has approved, or may: of one list, of today, of theirs today."""
    used: dict[int | None, int] = {row.approver_id: row.items for row in Allowance.objects.filter(day=today())}
    theirs = used.get(approver_id, 0) if approver_id else 0
    return [
        Room(Cap.PLAN, most(Cap.PLAN)),
        Room(Cap.DAY, most(Cap.DAY), used.get(None, 0)),
        Room(Cap.APPROVER, most(Cap.APPROVER), theirs),
    ]


def size(plan: Plan) -> int:
    """How many items a list deletes."""
    return plan.items.exclude(action=Item.Action.KEEP).count()


def unsent(plan: Plan) -> QuerySet[Item]:
    """Items that are to go and were never sent: what the list has still to take from the allowances."""
    sent = StepItem.objects.filter(item=OuterRef("pk"), step__kind__in=_SENT)
    return plan.items.exclude(action=Item.Action.KEEP).exclude(Exists(sent))


def exceeded(plan: Plan) -> list[Room]:
    """The caps that do not leave room for the rest of the list, and from which nobody has released it."""
    released = set(plan.releases.values_list("cap", flat=True))
    tight = [room for room in rooms(_approver_of(plan)) if room.cap not in released]
    wanted = unsent(plan).count()
    total = size(plan) if wanted else 0
    return [room for room in tight if (total if room.cap == Cap.PLAN else wanted) > room.left]


def require(plan: Plan) -> None:
    """``Refused("braked")`` where no item of the list may be sent now. Asked before its first act of a run."""
    released = set(plan.releases.values_list("cap", flat=True))
    for room in rooms(_approver_of(plan)):
        full = size(plan) > room.most if room.cap == Cap.PLAN else room.left == 0
        if full and room.cap not in released and unsent(plan).exists():
            raise Refused("braked", _WORDS[room.cap])


def take(step: Step, items: list[Item]) -> None:
    """Count the items of a step that were never sent, or ``Refused("braked")``. Inside the intent's transaction."""
    if step.kind not in _SENT:
        return
    before = StepItem.objects.filter(item__in=items, step__kind__in=_SENT).exclude(step=step)
    fresh = len(items) - before.order_by().values("item").distinct().count()
    if not fresh:
        return
    released = set(step.plan.releases.values_list("cap", flat=True))
    day, approver = today(), _approver_of(step.plan)
    # Always in this order, so that no two workers wait for each other.
    for cap, whose in ((Cap.DAY, None), (Cap.APPROVER, approver)):
        _raise(day, whose, by=fresh, cap=cap, bounded=cap not in released)


def _raise(day: date, approver: int | None, *, by: int, cap: Cap, bounded: bool) -> None:
    row = Allowance.objects.filter(day=day, approver=approver)
    fitting = row.filter(items__lte=most(cap) - by) if bounded else row
    if fitting.update(items=F("items") + by):
        return
    Allowance.objects.bulk_create([Allowance(day=day, approver_id=approver)], ignore_conflicts=True)
    if not fitting.update(items=F("items") + by):
        raise Refused("braked", _WORDS[cap])


def _approver_of(plan: Plan) -> int | None:
    return Request.objects.values_list("approved_by_id", flat=True).get(pk=plan.request_id)
