"""What must be true after any number of kills, from three accounts: the tables, the ledger, the vendors' own journal.

In:  the database after everything has come to rest, the running contact centres, the kills.
Out: ``Findings``: figures, and a sentence for every way in which they contradict each other. None is the only good end.
Never here: a cause. Nothing is read but what the portal and the vendors have written down.

A vendor's journal has each call to delete with the moments at which it began and ended there. The database, by whose
clock the portal dates what it writes, and the vendors are on one machine, so moments can be compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from content_app import reconciliation
from content_app.models import Intent, Item, Receipt, ReceiptItem, Step
from requests_app import audit
from requests_app.models import Approval, Checkpoint, LedgerIndex, Request
from tests.chaos import books
from tests.sandbox import Sandbox

#: A piece of content: system, interaction, key.
Place = tuple[UUID, str, str]
DELETES = ("deleted", "already_gone")


@dataclass(frozen=True, slots=True)
class Call:
    """One call to delete, as the vendor saw it. ``key`` is empty for a batch, which names whole interactions."""

    system: UUID
    began: float
    ended: float
    guids: tuple[str, ...]
    key: str
    deleted: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """One intent for one item: since when others could see it, and what its receipt says."""

    at: float
    published_at: float
    kind: str
    answered_at: float
    probed: bool
    outcome: str
    code: str

    def covers(self, call: Call) -> bool:
        """The call was made under this intent."""
        return self.kind == ("content" if call.key else "batch") and self.at <= call.began <= self.answered_at


@dataclass(slots=True)
class Findings:
    """Figures, contradictions, and how long each interrupted act waited until it was asked about, in seconds."""

    figures: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def note(self, what: str, places: Iterable[Any], *, fault: bool = True) -> None:
        found = list(places)
        self.figures[what] = len(found)
        if found and fault:
            self.faults.append(f"{what}: {len(found)}, such as {found[:3]}")


def compare(vendors: dict[UUID, Sandbox], *, in_flight: int = 1) -> Findings:
    """Hold the accounts against each other. ``in_flight`` is how many deletes an account allows at once."""
    found = Findings()
    calls = {system: _journal(system, vendor) for system, vendor in vendors.items()}
    listed = _listed()
    acts = _acts()
    deleted = [place for one in calls.values() for call in one for place in call.deleted]
    found.figures["requests"] = Request.objects.count()
    found.figures["items on approved lists"] = len(listed)
    found.figures["calls to delete"] = sum(len(one) for one in calls.values())
    found.note("deleted and on no list", set(deleted) - listed)
    found.note("on a list and never deleted", listed - set(deleted))
    found.note("still there", _still_there(listed, vendors))
    found.note("deleted more than once", [place for place, times in Counter(deleted).items() if times > 1])
    found.note("without a final receipt that says it is gone", _not_gone())
    found.note("more deletes in flight than the account allows", _crowded(calls, in_flight))
    _compare_asks(found, calls, acts)
    settled = Receipt.objects.filter(probed=True).exclude(intent__step__kind=Step.Kind.LOOK)
    found.figures["acts that another worker settled"] = settled.count()
    _compare_ledger(found)
    return found


# --- the accounts ----------------------------------------------------------------------------------------------------


def _journal(system: UUID, vendor: Sandbox) -> list[Call]:
    return [
        Call(
            system, entry["began"], entry["ended"] or float("inf"), tuple(entry["guids"]), entry["contentKey"],
            tuple((system, one["guid"], c["contentKey"]) for one in entry["deleted"] for c in one["content"]),
        )
        for entry in vendor.ask("/log")["calls"]
        if entry["method"] == "DELETE" or entry["path"].endswith("/delete-batch")
    ]  # fmt: skip


def _listed() -> set[Place]:
    """What approved lists say is to go."""
    return set(_to_go().values_list("system_id", "external_id", "content_key"))


def _to_go() -> QuerySet[Item]:
    approved = Approval.objects.filter(withdrawal__isnull=True).values("plan_id")
    return Item.objects.exclude(action=Item.Action.KEEP).filter(plan__in=approved)


def _acts() -> dict[Place, list[Act]]:
    """For each item the intents that named it, in order."""
    published = _published()
    outcomes = {
        (receipt, item): (outcome, code)
        for receipt, item, outcome, code in ReceiptItem.objects.values_list("receipt_id", "item_id", "outcome", "code")
    }
    acts: dict[Place, list[Act]] = defaultdict(list)
    intents = Intent.objects.exclude(step__kind=Step.Kind.LOOK).order_by("at").select_related("step", "receipt")
    for intent in intents.prefetch_related("step__items"):
        receipt = getattr(intent, "receipt", None)
        answered = receipt.at.timestamp() if receipt else float("inf")
        for item in intent.step.items.all():
            outcome, code = outcomes.get((receipt.pk, item.pk), ("", "")) if receipt else ("", "")
            acts[(item.system_id, item.external_id, item.content_key)].append(
                Act(
                    intent.at.timestamp(), published.get(intent.leaf_id, float("inf")), intent.step.kind,
                    answered, bool(receipt and receipt.probed), outcome, code,
                )
            )  # fmt: skip
    return acts


def _published() -> dict[UUID, float]:
    """When a checkpoint first covered each entry."""
    heads = list(Checkpoint.objects.order_by("at", "size").select_related("log"))
    ends = iter([(head.log.first_seq + head.size, head.at.timestamp()) for head in heads])
    moments: dict[UUID, float] = {}
    end, at = next(ends, (0, 0.0))
    for seq, leaf in LedgerIndex.objects.order_by("seq").values_list("seq", "leaf_id"):
        while seq >= end:
            end, at = next(ends, (1 << 62, float("inf")))
        moments[leaf] = at
    return moments


# --- held against each other -----------------------------------------------------------------------------------------


def _compare_asks(found: Findings, calls: dict[UUID, list[Call]], acts: dict[Place, list[Act]]) -> None:
    """Every call had an intent before it, and a repeated one a look between the two."""
    asks: dict[Place, list[Call]] = defaultdict(list)
    for place, call in _asked(calls, acts):
        asks[place].append(call)
    bare, unpublished, unlooked, needless = [], [], [], []
    for place, made in asks.items():
        under = [next((act for act in acts[place] if act.covers(call)), None) for call in made]
        bare += [place for act in under if act is None]
        unpublished += [
            place for act, call in zip(under, made, strict=True) if act is not None and act.published_at > call.began
        ]
        for (first, act), (second, _) in pairwise(zip(made, under, strict=True)):
            if act is None or not (act.probed and act.outcome == "retry" and act.answered_at <= second.began):
                unlooked.append(place)
            if place in first.deleted:
                needless.append(place)
    found.note("asked for more than once", [place for place, made in asks.items() if len(made) > 1], fault=False)
    found.note("asked for again after it was carried out", needless)
    found.note("asked for again without a look in between", unlooked)
    found.note("asked for without an earlier intent", bare)
    found.note("asked for before its intent was published", unpublished)


def _asked(calls: dict[UUID, list[Call]], acts: dict[Place, list[Act]]) -> Iterator[tuple[Place, Call]]:
    """Each piece of content with each call that was to delete it."""
    of_interaction: dict[tuple[UUID, str], list[Place]] = defaultdict(list)
    for place in acts:
        of_interaction[place[:2]].append(place)
    for made in calls.values():
        for call in made:
            for guid in call.guids:
                if call.key:
                    yield (call.system, guid, call.key), call
                    continue
                yield from ((place, call) for place in of_interaction.get((call.system, guid), ()))
                if (call.system, guid) not in of_interaction:
                    yield (call.system, guid, ""), call


def _crowded(calls: dict[UUID, list[Call]], most: int) -> list[float]:
    """Moments at which an account had more deletes in flight than it allows."""
    crowded = []
    for made in calls.values():
        flying = 0
        edges = sorted([(call.began, 1) for call in made] + [(call.ended, -1) for call in made])
        for at, change in edges:
            flying += change
            if change > 0 and flying > most:
                crowded.append(at)
    return crowded


def _still_there(listed: set[Place], vendors: dict[UUID, Sandbox]) -> list[Place]:
    there: list[Place] = []
    for system, vendor in vendors.items():
        guids = sorted({guid for at, guid, _ in listed if at == system})
        held = vendor.tell("/remaining", guids=guids)["remaining"]
        there += [(system, guid, key) for guid, keys in held.items() for key in keys if (system, guid, key) in listed]
    return there


def _not_gone() -> list[Any]:
    latest: dict[Any, str] = dict(ReceiptItem.objects.order_by("id").values_list("item_id", "outcome"))
    return [pk for pk in _to_go().values_list("pk", flat=True) if latest.get(pk) not in DELETES]


def _compare_ledger(found: Findings) -> None:
    verdict = audit.verify()
    found.figures["ledger entries"] = verdict.size
    found.note("the ledger does not verify", verdict.faults)
    numbers = LedgerIndex.objects.order_by("seq").values_list("seq", flat=True)
    found.note("gaps in the ledger", [seq for place, seq in enumerate(numbers) if place != seq])
    accounts = [one for account in reconciliation.everything() for one in account.differences if one.fault]
    found.note("differences of the reconciliation", [str(one.words) for one in accounts])
    found.note("entries that belong to nothing", [str(one.words) for one in reconciliation.strangers()])
    try:
        books.agree()
    except AssertionError as error:
        found.faults.append(f"rows and ledger disagree: {error}")
