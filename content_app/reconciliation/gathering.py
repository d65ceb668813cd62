"""Reads everything that three accounts of the same deletions hold about some requests.

In:  ids of requests.
Out: one ``Case`` a request: what the ledger tells, what the rows say, what the lists hold.
Never here: a judgement, a query for each request, or an address of the person.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from content_app.models import Intent, Item, Plan, Receipt, ReceiptItem, Step, StepItem, Verification
from requests_app.models import Approval, LedgerLeaf, Request

#: The entries that tell of a deletion and of what it rests on.
TYPES = (
    "plan.frozen", "approval.given", "approval.withdrawn", "deletion.intended", "deletion.receipt", "deletion.verified",
)  # fmt: skip
#: (item, outcome, code) of a receipt, in the order in which it was written.
Outcomes = list[tuple[UUID, str, str]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the ledger, read."""

    id: UUID
    seq: int | None
    type: str
    at: datetime
    facts: dict[str, Any]

    def fact_id(self, name: str) -> UUID | None:
        """A fact that is an id."""
        return UUID(self.facts[name]) if self.facts.get(name) else None

    def precedes(self, other: Leaf) -> bool:
        """By their numbers; by their times while one waits for its number."""
        if self.seq is not None and other.seq is not None:
            return self.seq < other.seq
        return self.at <= other.at


@dataclass(frozen=True, slots=True)
class Reading:
    """One item that was read back."""

    item_id: UUID
    round: int
    result: str


@dataclass(slots=True)
class Case:
    """Everything about one request."""

    request: Request
    leaves: dict[UUID, Leaf] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)
    items: dict[UUID, Item] = field(default_factory=dict)
    steps: dict[UUID, UUID] = field(default_factory=dict)
    intended: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    intents: dict[UUID, Intent] = field(default_factory=dict)
    receipts: dict[UUID, Receipt] = field(default_factory=dict)
    outcomes: dict[UUID, Outcomes] = field(default_factory=lambda: defaultdict(list))
    readings: dict[UUID, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    approvals: list[Approval] = field(default_factory=list)

    def told(self, entry_type: str) -> list[Leaf]:
        """The entries of one type, in order."""
        return [leaf for leaf in self.leaves.values() if leaf.type == entry_type]

    @property
    def forgotten(self) -> bool:
        """The person was forgotten, so the lists' details are gone and their fingerprints cannot be made again."""
        return self.request.subject.forgotten_at is not None


def gather(request_ids: Collection[UUID]) -> list[Case]:
    """The cases of these requests, in the order of their ids, in as many queries as there are tables."""
    requests = Request.objects.filter(pk__in=request_ids).select_related("subject").order_by("pk")
    cases = {request.pk: Case(request) for request in requests}
    ids, objects = list(cases), [str(pk) for pk in cases]
    for about, leaf in _leaves(objects):
        cases[about].leaves[leaf.id] = leaf
    for plan in Plan.objects.filter(request__in=ids).order_by("version"):
        cases[plan.request_id].plans[plan.pk] = plan
    _add_items(cases, ids)
    _add_acts(cases, ids, objects)
    _add_readings(cases, ids, objects)
    for approval in Approval.objects.filter(request__in=ids).order_by("at"):
        cases[approval.request_id].approvals.append(approval)
    return list(cases.values())


def _leaves(objects: list[str]) -> Iterator[tuple[UUID, Leaf]]:
    rows = LedgerLeaf.objects.filter(object_id__in=objects, type__in=TYPES).order_by("id")
    for pk, object_id, leaf, at, seq in rows.values_list("pk", "object_id", "leaf", "at", "index__seq"):
        body = json.loads(bytes(leaf))
        yield UUID(object_id), Leaf(pk, seq, body["type"], at, body["facts"])


def _add_items(cases: dict[UUID, Case], ids: list[UUID]) -> None:
    for item in Item.objects.filter(plan__request__in=ids).select_related("plan").order_by().iterator(chunk_size=2000):
        cases[item.plan.request_id].items[item.pk] = item
    for step_id, plan_id, request_id in Step.objects.filter(plan__request__in=ids).values_list(
        "pk", "plan_id", "plan__request_id"
    ):
        cases[request_id].steps[step_id] = plan_id
    intended = StepItem.objects.filter(step__plan__request__in=ids).order_by("pk")
    for step_id, item_id, request_id in intended.values_list("step_id", "item_id", "step__plan__request_id"):
        cases[request_id].intended[step_id].append(item_id)


def _either(rows: Any, one: Q, other: Q) -> Any:
    """Rows that answer to one or to the other: as two questions, since an index answers each and none answers both."""
    found = [rows.filter(which).order_by().values("pk") for which in (one, other)]
    return rows.filter(pk__in=found[0].union(found[1]))


def _add_acts(cases: dict[UUID, Case], ids: list[UUID], objects: list[str]) -> None:
    """Intents and receipts, found by their list as well as by their entry: the two may not agree."""
    of_step = {step_id: case for case in cases.values() for step_id in case.steps}
    of_intent: dict[UUID, Case] = {}
    mine = _either(Intent.objects, Q(step__plan__request__in=ids), Q(leaf__object_id__in=objects))
    for intent in mine.select_related("leaf").defer("leaf__leaf", "leaf__hash").order_by("pk"):
        case = of_step.get(intent.step_id) or cases[UUID(intent.leaf.object_id)]
        case.intents[intent.pk] = intent
        of_intent[intent.pk] = case
    of_receipt: dict[UUID, Case] = {}
    mine = _either(Receipt.objects, Q(intent__step__plan__request__in=ids), Q(leaf__object_id__in=objects))
    for receipt in mine.select_related("leaf").defer("leaf__leaf", "leaf__hash").order_by("pk"):
        case = of_intent.get(receipt.intent_id) or cases[UUID(receipt.leaf.object_id)]
        case.receipts[receipt.pk] = receipt
        of_receipt[receipt.pk] = case
    rows = (
        ReceiptItem.objects.filter(receipt__in=of_receipt)
        .order_by("pk")
        .values_list("receipt_id", "item_id", "outcome", "code")
    )
    for receipt_id, item_id, outcome, code in rows.iterator(chunk_size=2000):
        of_receipt[receipt_id].outcomes[receipt_id].append((item_id, outcome, code))


def _add_readings(cases: dict[UUID, Case], ids: list[UUID], objects: list[str]) -> None:
    of_item = {item_id: case for case in cases.values() for item_id in case.items}
    mine = _either(Verification.objects, Q(item__plan__request__in=ids), Q(leaf__object_id__in=objects))
    columns = ("item_id", "round", "result", "leaf_id", "leaf__object_id")
    rows = mine.order_by("pk").values_list(*columns)
    for item_id, number, result, leaf_id, object_id in rows.iterator(chunk_size=2000):
        case = of_item.get(item_id) or cases[UUID(object_id)]
        case.readings[leaf_id].append(Reading(item_id, number, result))
