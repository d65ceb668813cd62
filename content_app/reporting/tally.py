"""Unites the lists of a request and counts what became of every piece of content.

In:  a request.
Out: the lists in force, one ``Line`` a piece of content however many lists name it, and counts by system and class.
Never here: a word for people, or a count that is not a count of these lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from content_app.models import Coverage, Item, Plan, ReceiptItem, Verification
from content_app.reporting.story import instant
from requests_app.models import Approval, Request
from requests_app.states import State

Outcome, Result = ReceiptItem.Outcome, Verification.Result
Place = tuple[UUID, str, str]


@dataclass(slots=True)
class Line:
    """One piece of content: what the newest list says of it, and what became of it over all lists."""

    system: str
    content_class: str
    external_id: str
    content_key: str
    occurred_at: datetime
    delete: bool
    ground: str
    lists: list[int]
    #: the latest receipt's outcome; ``deleted`` once the portal deleted it, though a later list found it gone
    outcome: str | None = None
    result: str | None = None
    verified_at: datetime | None = None

    @property
    def fate(self) -> str:
        """``kept``, an outcome of a receipt, or ``open`` while there is no final one."""
        if not self.delete:
            return "kept"
        return self.outcome if self.outcome in ReceiptItem.FINAL else "open"

    @property
    def unsolved(self) -> bool:
        """A person was needed, and the content was not seen to be gone since."""
        return self.fate == Outcome.NEEDS_PERSON and self.result != Result.VERIFIED_ABSENT


# --- which lists count -----------------------------------------------------------------------------------------------


def lists_in_force(request: Request) -> list[Plan]:
    """Lists that were approved and not withdrawn, and lists with nothing to delete that needed no approval."""
    standing = set(Approval.objects.filter(request=request, withdrawal__isnull=True).values_list("plan_id", flat=True))
    plans = list(request.plans.exclude(digest="").order_by("version"))
    return [
        plan
        for plan, successor in zip(plans, [*plans[1:], None], strict=False)
        if plan.pk in standing or _passed_empty(plan, successor, request)
    ]


def _passed_empty(plan: Plan, successor: Plan | None, request: Request) -> bool:
    """An empty list that the pipeline let through: a supplement follows it, or the request stands behind it."""
    if plan.items.exclude(action=Item.Action.KEEP).exists():
        return False
    if successor is not None:
        return successor.kind == Plan.Kind.SUPPLEMENTARY
    return request.plan_digest == plan.digest and request.state in (State.VERIFIED, State.CLOSED)


# --- one line a piece of content -------------------------------------------------------------------------------------


def unite(plans: list[Plan]) -> list[Line]:
    """The lines of all lists together, in the order in which the contacts took place."""
    lines: dict[Place, Line] = {}
    newest: dict[UUID, Line] = {}
    items = Item.objects.filter(plan__in=plans).select_related("system", "plan").order_by("plan__version")
    for item in items.iterator(chunk_size=2000):
        place = (item.system_id, item.external_id, item.content_key)
        earlier = lines.get(place)
        lines[place] = newest[item.pk] = _line(item, earlier)
    _add_outcomes(plans, lines, newest)
    return sorted(lines.values(), key=lambda line: (line.occurred_at, line.external_id, line.content_key))


def _line(item: Item, earlier: Line | None) -> Line:
    return Line(
        system=item.system.name, content_class=item.content_class, external_id=item.external_id,
        content_key=item.content_key, occurred_at=item.occurred_at, delete=item.action != Item.Action.KEEP,
        ground=item.ground, lists=[*(earlier.lists if earlier else ()), item.plan.version],
    )  # fmt: skip


def _add_outcomes(plans: list[Plan], lines: dict[Place, Line], of_item: dict[UUID, Line]) -> None:
    """Receipts and read-backs belong to one list's item; what the newest list says stands."""
    deleted: set[Place] = set()
    receipts = ReceiptItem.objects.filter(item__plan__in=plans).order_by("id")
    columns = ("item_id", "item__system_id", "item__external_id", "item__content_key", "outcome")
    for item_id, *place, outcome in receipts.values_list(*columns).iterator(chunk_size=2000):
        of_item[item_id].outcome = outcome
        if outcome == Outcome.DELETED:
            deleted.add((place[0], place[1], place[2]))
    for place in deleted:
        if lines[place].outcome == Outcome.ALREADY_GONE:
            lines[place].outcome = Outcome.DELETED
    readings = Verification.objects.filter(item__plan__in=plans).order_by("at", "round")
    for item_id, result, at in readings.values_list("item_id", "result", "at").iterator(chunk_size=2000):
        of_item[item_id].result, of_item[item_id].verified_at = result, at


# --- counts ----------------------------------------------------------------------------------------------------------

FATES = (Outcome.DELETED.value, Outcome.ALREADY_GONE.value, Outcome.NEEDS_PERSON.value, "open", "kept")
READINGS = (*Result.values, "not_verified")


def count(lines: Iterable[Line]) -> dict[str, Any]:
    """Found = deleted + already gone + needs a person + open + kept; the read-backs add up to found without kept."""
    lines = list(lines)
    fates = Counter(line.fate for line in lines)
    readings = Counter(line.result or "not_verified" for line in lines if line.delete)
    grounds = Counter(line.ground for line in lines if not line.delete)
    latest = max((line.verified_at for line in lines if line.delete and line.verified_at), default=None)
    return {
        "found": len(lines),
        **{fate: fates[fate] for fate in FATES},
        "kept_grounds": [{"ground": ground, "count": grounds[ground]} for ground in sorted(grounds)],
        **{reading: readings[reading] for reading in READINGS},
        "last_verified_at": instant(latest) if latest else None,
    }


def by_system_and_class(plans: list[Plan], lines: list[Line]) -> list[dict[str, Any]]:
    """One row for each class of each system that a list covers, also where nothing is held."""
    groups: dict[tuple[str, str], list[Line]] = {}
    reached = Coverage.objects.filter(plan__in=plans).exclude(disposition=Coverage.Disposition.OUT_OF_REACH)
    for place in reached.order_by("system__name", "content_class").values_list("system__name", "content_class"):
        groups.setdefault(place, [])
    for line in lines:
        groups.setdefault((line.system, line.content_class), []).append(line)
    return [{"system": system, "class": name, **count(groups[system, name])} for system, name in sorted(groups)]


def out_of_reach(plans: list[Plan]) -> list[dict[str, str]]:
    """The classes that no list can reach, each with the connector's reason."""
    beyond = Coverage.objects.filter(plan__in=plans, disposition=Coverage.Disposition.OUT_OF_REACH)
    rows = beyond.order_by("plan__version").values_list("system__name", "content_class", "ground")
    reasons = {(system, name): reason for system, name, reason in rows}
    return [{"system": system, "class": name, "reason": why} for (system, name), why in sorted(reasons.items())]
