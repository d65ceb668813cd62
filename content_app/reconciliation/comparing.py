"""Compares intents, results and receipts of one request, and names every difference.

In:  a case, as it was read.
Out: differences: a code, the id that it is about, and what was expected where a number says more.
Never here: a query, or a difference that is excused. What may still be settled is named ``open_intent`` and no fault.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785

from content_app import plan_digest
from content_app.models import Intent, Item, Receipt, ReceiptItem, Verification
from content_app.reconciliation.gathering import Case, Leaf, Reading
from requests_app.states import State

Outcome, Result = ReceiptItem.Outcome, Verification.Result
#: code → what is the matter, with ``{id}`` for what it is about.
WORDS: dict[str, str] = {
    "open_intent": "Intent {id} has no receipt yet. The workers ask the system what became of it.",
    "intent_without_receipt": "Intent {id} has no receipt: nothing says what came of it.",
    "intent_without_leaf": "Intent {id} has no entry in the ledger that tells of it.",
    "leaf_without_intent": "Entry {id} tells of an intent that has no row.",
    "receipt_without_intent": "Receipt {id} belongs to no intent.",
    "receipt_without_leaf": "Receipt {id} has no entry in the ledger that tells of it.",
    "leaf_without_receipt": "Entry {id} tells of a receipt that has no row.",
    "receipt_before_intent": "Receipt {id} stands in the ledger before its intent.",
    "reading_without_leaf": "The read-back of item {id} has no entry in the ledger that tells of it.",
    "leaf_without_reading": "Entry {id} tells of a read-back that has no row.",
    "approval_without_leaf": "The approval of list {id} has no entry in the ledger that tells of it.",
    "leaf_without_approval": "Entry {id} tells of an approval that has no row.",
    "list_without_leaf": "List {id} is frozen, and no entry in the ledger tells of it.",
    "list_differs": "List {id} is not the one that was frozen: its fingerprint is another.",
    "approved_other_list": "The approval of list {id} names another fingerprint than the list has.",
    "counts_differ": "The counts of {id} differ.",
    "digest_differs": "The fingerprint of {id} differs from its rows.",
    "status_differs": "The status of receipt {id} does not follow from its items.",
    "not_on_list": "Item {id} has an outcome, and is not to be deleted by the list of that step.",
    "not_intended": "Item {id} has an outcome in a step that was not to touch it.",
    "no_outcome": "Item {id} was to be deleted in a step, and the receipt says nothing of it.",
    "two_finals": "Item {id} has more than one final outcome.",
    "read_back_not_on_list": "Item {id} was read back, and is not to be deleted by any list of this request.",
    "no_final_outcome": "Item {id} has no final outcome, and the request has moved on.",
    "never_read_back": "Item {id} was never read back, and the request has moved on.",
    "act_unapproved": "Entry {id} intends to delete by a list that nobody approved.",
    "act_before_approval": "Entry {id} intends to delete before the list was approved.",
    "act_before_window": "Entry {id} intends to delete before the time for taking the approval back was over.",
    "act_after_withdrawal": "Entry {id} intends to delete after the approval was taken back.",
    "unknown_request": "Entries tell of deletions for {id}, and there is no such request.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not fit."""

    code: str
    id: str
    detail: str = ""

    @property
    def fault(self) -> bool:
        return self.code != "open_intent"

    @property
    def words(self) -> str:
        """For a person: what is the matter, with the id."""
        said = WORDS[self.code].format(id=self.id)
        return f"{said} {self.detail}" if self.detail else said


def differences(case: Case) -> list[Difference]:
    """Every difference of one request, in the order of its path."""
    rules = (_lists, _approvals, _windows, _intents, _receipts, _contents, _items, _readings, _endings)
    return [difference for rule in rules for difference in rule(case)]


def _numbers(expected: dict[str, int], found: dict[str, Any]) -> str:
    """What the rows hold and the entry tells otherwise; empty when they agree."""
    wrong = [
        f"{name.replace('_', ' ')}: the rows hold {count}, the entry says {found.get(name)}"
        for name, count in expected.items()
        if found.get(name) != count
    ]
    return f"{'; '.join(wrong).capitalize()}." if wrong else ""


# --- lists and approvals ---------------------------------------------------------------------------------------------


def _lists(case: Case) -> Iterator[Difference]:
    frozen = {leaf.fact_id("plan"): leaf for leaf in case.told("plan.frozen")}
    for plan in case.plans.values():
        if not plan.digest:
            continue
        leaf = frozen.get(plan.pk)
        if leaf is None:
            yield Difference("list_without_leaf", str(plan.pk))
        if (leaf and leaf.facts["digest"] != plan.digest) or (
            not case.forgotten and _digest(case, plan) != plan.digest
        ):
            yield Difference("list_differs", str(plan.pk))


def _digest(case: Case, plan: Any) -> str:
    """The list's fingerprint, made again from the rows that were read (``docs/plan-format.md``)."""
    items = [item for item in case.items.values() if item.plan_id == plan.pk]
    items.sort(key=lambda item: (item.system_id.hex, item.external_id.encode(), item.content_key.encode()))
    state = hashlib.sha256(plan_digest.header(plan, count=len(items)))
    for item in items:
        state.update(b"\n" + plan_digest.line(item))
    return state.hexdigest()


def _approvals(case: Case) -> Iterator[Difference]:
    told = {leaf.fact_id("plan"): leaf for leaf in case.told("approval.given")}
    given = {approval.plan_id: approval for approval in case.approvals}
    for plan_id, approval in given.items():
        leaf, plan = told.get(plan_id), case.plans.get(plan_id)
        if leaf is None:
            yield Difference("approval_without_leaf", str(plan_id))
        digests = {approval.digest, *([leaf.facts["digest"]] if leaf else ()), *([plan.digest] if plan else ())}
        if len(digests) != 1:
            yield Difference("approved_other_list", str(plan_id))
    alone = (leaf for plan_id, leaf in told.items() if plan_id not in given)
    yield from (Difference("leaf_without_approval", str(leaf.id)) for leaf in alone)


def _windows(case: Case) -> Iterator[Difference]:
    """Every act lies between its approval's delay and the moment when the approval was taken back."""
    given = {leaf.fact_id("plan"): leaf for leaf in case.told("approval.given")}
    taken_back = {leaf.fact_id("plan"): leaf for leaf in case.told("approval.withdrawn")}
    for act in case.told("deletion.intended"):
        code = _outside(act, given.get(act.fact_id("plan")), taken_back.get(act.fact_id("plan")))
        if code:
            yield Difference(code, str(act.id))


def _outside(act: Leaf, approval: Leaf | None, withdrawal: Leaf | None) -> str:
    if approval is None:
        return "act_unapproved"
    if not approval.precedes(act):
        return "act_before_approval"
    if act.at < datetime.fromisoformat(approval.facts["execute_after"]):
        return "act_before_window"
    if withdrawal is not None and not act.precedes(withdrawal):
        return "act_after_withdrawal"
    return ""


# --- intents and receipts --------------------------------------------------------------------------------------------


def _intents(case: Case) -> Iterator[Difference]:
    answered = {receipt.intent_id for receipt in case.receipts.values()}
    under_way = case.request.state == State.APPROVED
    for intent in case.intents.values():
        leaf = case.leaves.get(intent.leaf_id)
        if leaf is None or not _tells_of(leaf, intent):
            yield Difference("intent_without_leaf", str(intent.pk))
        else:
            yield from _intent_counts(case, intent, leaf)
        if intent.pk not in answered:
            yield Difference("open_intent" if under_way else "intent_without_receipt", str(intent.pk))
    rows = {intent.leaf_id for intent in case.intents.values()}
    yield from (
        Difference("leaf_without_intent", str(leaf.id))
        for leaf in case.told("deletion.intended")
        if leaf.id not in rows
    )


def _tells_of(leaf: Leaf, intent: Intent) -> bool:
    told = (leaf.type, leaf.fact_id("step"), leaf.facts.get("fence"))
    return told == ("deletion.intended", intent.step_id, intent.fence)


def _intent_counts(case: Case, intent: Intent, leaf: Leaf) -> Iterator[Difference]:
    items = case.intended[intent.step_id]
    if wrong := _numbers({"items": len(items)}, leaf.facts):
        yield Difference("counts_differ", f"intent {intent.pk}", wrong)
    if _hashed([str(pk) for pk in items]) != leaf.facts.get("digest"):
        yield Difference("digest_differs", f"intent {intent.pk}")


def _hashed(value: list[Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def _receipts(case: Case) -> Iterator[Difference]:
    for receipt in case.receipts.values():
        intent, leaf = case.intents.get(receipt.intent_id), case.leaves.get(receipt.leaf_id)
        if intent is None:
            yield Difference("receipt_without_intent", str(receipt.pk))
        if leaf is None or leaf.type != "deletion.receipt" or (intent and leaf.fact_id("step") != intent.step_id):
            yield Difference("receipt_without_leaf", str(receipt.pk))
            continue
        before = case.leaves.get(intent.leaf_id) if intent else None
        if before and not before.precedes(leaf):
            yield Difference("receipt_before_intent", str(receipt.pk))
        yield from _receipt_counts(case, receipt, leaf)
    rows = {receipt.leaf_id for receipt in case.receipts.values()}
    yield from (
        Difference("leaf_without_receipt", str(leaf.id))
        for leaf in case.told("deletion.receipt")
        if leaf.id not in rows
    )


def _receipt_counts(case: Case, receipt: Receipt, leaf: Leaf) -> Iterator[Difference]:
    outcomes = case.outcomes[receipt.pk]
    counts = Counter(outcome for _, outcome, _ in outcomes)
    deleted, gone = counts[Outcome.DELETED], counts[Outcome.ALREADY_GONE]
    expected = {"deleted": deleted, "already_gone": gone, "failed": len(outcomes) - deleted - gone}
    if wrong := _numbers(expected, leaf.facts):
        yield Difference("counts_differ", f"receipt {receipt.pk}", wrong)
    if (
        not _hashed([[str(item), outcome, code] for item, outcome, code in outcomes])
        == receipt.hash
        == leaf.facts.get("digest")
    ):
        yield Difference("digest_differs", f"receipt {receipt.pk}")
    status = "done" if deleted + gone == len(outcomes) else "partial" if deleted + gone else "failed"
    if not status == receipt.status == leaf.facts.get("status"):
        yield Difference("status_differs", str(receipt.pk))


def _contents(case: Case) -> Iterator[Difference]:
    """What a receipt speaks of is what its step intended, and stands on that step's list to be deleted."""
    for receipt in case.receipts.values():
        intent = case.intents.get(receipt.intent_id)
        if intent is None:
            continue
        intended, spoken = case.intended[intent.step_id], [item for item, _, _ in case.outcomes[receipt.pk]]
        plan_id = case.steps.get(intent.step_id)
        for item_id in spoken:
            item = case.items.get(item_id)
            if item is None or item.plan_id != plan_id or item.action == Item.Action.KEEP:
                yield Difference("not_on_list", str(item_id))
            elif item_id not in set(intended):
                yield Difference("not_intended", str(item_id))
        yield from (Difference("no_outcome", str(one)) for one in intended if one not in set(spoken))


# --- items -----------------------------------------------------------------------------------------------------------


def _finals(case: Case) -> Counter[UUID]:
    return Counter(
        item for outcomes in case.outcomes.values() for item, outcome, _ in outcomes if outcome in ReceiptItem.FINAL
    )


def _items(case: Case) -> Iterator[Difference]:
    yield from (Difference("two_finals", str(item)) for item, count in _finals(case).items() if count > 1)


def _readings(case: Case) -> Iterator[Difference]:
    for leaf_id, readings in case.readings.items():
        leaf = case.leaves.get(leaf_id)
        fitting = leaf if leaf is not None and leaf.type == "deletion.verified" else None
        for reading in readings:
            item = case.items.get(reading.item_id)
            if item is None or item.action == Item.Action.KEEP:
                yield Difference("read_back_not_on_list", str(reading.item_id))
            elif fitting is None or (fitting.fact_id("plan"), fitting.facts["round"]) != (item.plan_id, reading.round):
                yield Difference("reading_without_leaf", str(reading.item_id))
        if fitting is not None:
            yield from _reading_counts(readings, fitting)
    yield from (
        Difference("leaf_without_reading", str(leaf.id))
        for leaf in case.told("deletion.verified")
        if leaf.id not in case.readings
    )


def _reading_counts(readings: list[Reading], leaf: Leaf) -> Iterator[Difference]:
    counts = Counter(reading.result for reading in readings)
    expected = {
        "absent": counts[Result.VERIFIED_ABSENT], "reappeared": counts[Result.REAPPEARED],
        "not_verifiable": counts[Result.NOT_VERIFIABLE],
    }  # fmt: skip
    if wrong := _numbers(expected, leaf.facts):
        yield Difference("counts_differ", f"read-back {leaf.id}", wrong)
    lines = sorted(f"{reading.item_id} {reading.result}" for reading in readings)
    made = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    if leaf.facts.get("digest", made) != made:  # the trial's entry has none: it is over one item
        yield Difference("digest_differs", f"read-back {leaf.id}")


def _endings(case: Case) -> Iterator[Difference]:
    """Once the request has moved on, every item of a list that was carried out has its outcome and its read-back."""
    state, finals = State(case.request.state), _finals(case)
    read = {reading.item_id for readings in case.readings.values() for reading in readings if reading.round}
    begun = {case.steps.get(intent.step_id) for intent in case.intents.values()}
    for item in _to_delete(case, begun):
        current = case.plans[item.plan_id].digest == case.request.plan_digest
        if not finals[item.pk] and not (current and state == State.APPROVED):
            yield Difference("no_final_outcome", str(item.pk))
        if item.pk not in read and state in (State.VERIFIED, State.CLOSED):
            yield Difference("never_read_back", str(item.pk))


def _to_delete(case: Case, plans: Iterable[UUID | None]) -> Iterator[Item]:
    wanted = set(plans)
    return (item for item in case.items.values() if item.plan_id in wanted and item.action != Item.Action.KEEP)
