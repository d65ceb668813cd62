"""Reconciles three accounts of every deletion: what was intended, what came of it, and what the ledger has of both.

In:  one request, or all of them a portion at a time.
Out: one ``Account`` a request, with its figures and every difference by name.
Never here: a change. What does not fit is said, and a person looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched
from uuid import UUID

from content_app.models import Item, ReceiptItem, Verification
from content_app.reconciliation.comparing import WORDS, Difference, differences
from content_app.reconciliation.gathering import TYPES, Case, gather
from requests_app.models import LedgerLeaf, Request

__all__ = ["WORDS", "Account", "Difference", "Line", "Portion", "everything", "of", "portion", "strangers"]

#: Requests that are read at once.
CHUNK = 25


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one list: each number should be the one before it."""

    version: int
    to_delete: int
    intended: int
    final: int
    gone: int
    absent: int


@dataclass(frozen=True, slots=True)
class Account:
    """What the comparison of one request found."""

    request: Request
    intents: int
    receipts: int
    readings: int
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]

    @property
    def faults(self) -> int:
        return sum(difference.fault for difference in self.differences)


@dataclass(frozen=True, slots=True)
class Portion:
    """Some requests, one after the other. ``after`` is where the next portion goes on; ``None`` at the end."""

    accounts: tuple[Account, ...]
    after: UUID | None


def of(request_id: UUID) -> Account:
    """One request."""
    return _account(gather([request_id])[0])


def portion(after: UUID | None = None, *, budget: int = 200) -> Portion:
    """At most ``budget`` requests that follow ``after``, by their ids."""
    rows = Request.objects.order_by("pk")
    rows = rows.filter(pk__gt=after) if after else rows
    ids = list(rows.values_list("pk", flat=True)[: budget + 1])
    accounts = [_account(case) for chunk in batched(ids[:budget], CHUNK) for case in gather(chunk)]
    return Portion(tuple(accounts), ids[budget - 1] if len(ids) > budget else None)


def everything() -> Iterator[Account]:
    """All requests, a portion in memory at a time."""
    after: UUID | None = None
    while True:
        found = portion(after)
        yield from found.accounts
        if found.after is None:
            return
        after = found.after


def strangers() -> Iterator[Difference]:
    """Entries about deletions whose request does not exist."""
    last = ""
    while True:
        told = LedgerLeaf.objects.filter(type__in=TYPES, object_id__gt=last).order_by("object_id")
        ids = list(told.values_list("object_id", flat=True).distinct()[:1000])
        if not ids:
            return
        known = {str(pk) for pk in Request.objects.filter(pk__in=ids).values_list("pk", flat=True)}
        yield from (Difference("unknown_request", one) for one in ids if one not in known)
        last = ids[-1]


def _account(case: Case) -> Account:
    lines = tuple(_line(case, plan_id) for plan_id, plan in case.plans.items() if plan.digest)
    readings = sum(len(readings) for readings in case.readings.values())
    return Account(case.request, len(case.intents), len(case.receipts), readings, lines, tuple(differences(case)))


def _line(case: Case, plan_id: UUID) -> Line:
    wanted = {pk for pk, item in case.items.items() if item.plan_id == plan_id and item.action != Item.Action.KEEP}
    acted = {intent.step_id for intent in case.intents.values()}
    intended = {item for step in acted if case.steps.get(step) == plan_id for item in case.intended[step]}
    outcomes = [one for told in case.outcomes.values() for one in told if one[0] in wanted]
    by_outcome = Counter(outcome for _, outcome, _ in outcomes)
    absent = {
        reading.item_id
        for readings in case.readings.values()
        for reading in readings
        if reading.item_id in wanted and reading.round and reading.result == Verification.Result.VERIFIED_ABSENT
    }
    return Line(
        case.plans[plan_id].version, len(wanted), len(intended & wanted),
        sum(by_outcome[one] for one in ReceiptItem.FINAL), sum(by_outcome[one] for one in ReceiptItem.GONE),
        len(absent),
    )  # fmt: skip
