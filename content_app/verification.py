"""Room 6 · Reads back, from the system that deleted it, that everything is gone.

In:  an executed request, or a closed one whose later read-back is due.
Out: one verification an item and round, and candidates for whatever is there again or turned up since.
Never here: a delete. What is still there needs a new list and a new approval.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from content_app import lookups, receipts, systems
from content_app.connectors.base import ContentConnector
from content_app.models import Candidate, Item, Plan, System, Verification
from content_app.receipts import Beat
from requests_app import audit, clock
from requests_app.models import Approval

Result = Verification.Result
#: Most interactions that are read back together; one entry says so.
PART = 500


def run(request_id: UUID, *, round_number: int, budget: int, beat: Beat) -> bool:
    """Read back at most ``budget`` interactions of each list and system; ``True`` when none is left."""
    for plan in approved_plans(request_id):
        left = receipts.unread(plan, round_number=round_number)

        def read(system: System, plan: Plan = plan) -> None:
            with systems.connected(system) as connector:
                _read_back(plan, system.pk, connector, round_number=round_number, budget=budget, beat=beat)

        systems.each(receipts.systems_of(left), read)
    return is_done(request_id, round_number=round_number)


def is_done(request_id: UUID, *, round_number: int) -> bool:
    """Every item of every list that stands has been read back in this round."""
    return not any(receipts.unread(plan, round_number=round_number).exists() for plan in approved_plans(request_id))


def approved_plans(request_id: UUID) -> QuerySet[Plan]:
    """The lists of a request that were carried out or are being: approved, and not withdrawn."""
    standing = Approval.objects.filter(request_id=request_id, withdrawal__isnull=True).values("plan_id")
    return Plan.objects.filter(request_id=request_id, pk__in=standing).order_by("version")


def still_there(request_id: UUID) -> bool:
    """Whether anything that was to go was seen again, and no later list has dealt with it."""
    seen_again = Verification.objects.filter(item__plan__request_id=request_id, result=Result.REAPPEARED)
    for item in Item.objects.filter(pk__in=seen_again.values("item_id")).select_related("plan"):
        later = Item.objects.filter(
            plan__in=receipts.in_force(request_id), plan__version__gt=item.plan.version, system_id=item.system_id,
            external_id=item.external_id, content_key=item.content_key,
        )  # fmt: skip
        if not later.filter(Q(action=Item.Action.KEEP) | Q(verifications__result=Result.VERIFIED_ABSENT)).exists():
            return True
    return False


def _read_back(
    plan: Plan, system_id: UUID, connector: ContentConnector, *, round_number: int, budget: int, beat: Beat
) -> None:
    items = receipts.unread(plan, round_number=round_number).filter(system_id=system_id)
    longest = lookups.longest(connector)
    while budget > 0 and (part := receipts.by_interaction(items, limit=min(PART, budget), within=longest)):
        budget -= len(part)
        _note(plan, _look(plan, connector, part, beat=beat), round_number=round_number)


def _look(
    plan: Plan, connector: ContentConnector, chunk: Sequence[tuple[str, Sequence[Item]]], *, beat: Beat
) -> list[tuple[Item, Verification.Result]]:
    beat()
    wanted = [(external_id, items[0].occurred_at) for external_id, items in chunk]
    seen = lookups.see(connector, chunk[0][1][0].system_id, wanted, beat=beat)
    shown = [(items[0], interaction.content) for external_id, items in chunk if (interaction := seen[external_id])]
    receipts.discover(plan, shown)
    results = []
    for external_id, items in chunk:
        interaction = seen[external_id]
        present = {content.key for content in interaction.content} if interaction else set()
        for item in items:
            results.append((item, Result.REAPPEARED if item.content_key in present else Result.VERIFIED_ABSENT))
    return results


def _note(plan: Plan, results: list[tuple[Item, Verification.Result]], *, round_number: int) -> None:
    counts = Counter(result for _, result in results)
    lines = sorted(f"{item.pk} {result}" for item, result in results)
    with transaction.atomic(durable=True):
        leaf = audit.append(
            "deletion.verified", actor=audit.WORKER, about=plan.request_id, plan=plan.pk, round=round_number,
            absent=counts[Result.VERIFIED_ABSENT], reappeared=counts[Result.REAPPEARED],
            not_verifiable=counts[Result.NOT_VERIFIABLE], digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        )  # fmt: skip
        Verification.objects.bulk_create(
            Verification(item_id=item.pk, round=round_number, result=result, leaf_id=leaf.pk)
            for item, result in results
        )
        for item, result in results:
            if result == Result.REAPPEARED:
                _wait_for_a_new_list(plan, item)


def _wait_for_a_new_list(plan: Plan, item: Item) -> None:
    """What should be gone and is not becomes a candidate again."""
    Candidate.objects.filter(
        request_id=plan.request_id, system_id=item.system_id, external_id=item.external_id, content_key=item.content_key
    ).update(kind=Candidate.Kind.REAPPEARED, included=True, link=item.ground, chosen_at=clock.now())
