"""The engine's pen: intent before the act, receipt after it, and the state of an item read from the latest receipt.

In:  a plan's items, a step, what a connector answered.
Out: ``Step``, ``Intent``, ``Receipt`` and ``ReceiptItem`` rows with their ledger entries.
Never here: a call to an outside system, or a transaction that is open while one is made.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

import rfc8785
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from content_app import brakes
from content_app.connectors.base import Content
from content_app.models import Candidate, Intent, Item, Plan, Receipt, ReceiptItem, Step, StepItem, Verification
from requests_app import audit, clock
from requests_app.errors import Refused
from requests_app.models import Approval, Request
from requests_app.states import State

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

Outcome = ReceiptItem.Outcome
#: Answers that say the call was never carried out; they do not use up an item's tries.
NOT_SENT = frozenset({
    "stopped", "busy", "read_only", "missing_credentials", "bad_credentials", "scope_refused", "unauthorised",
    "rate_limited", "unreachable", "not_published", "ledger_mismatch", "paused",
})  # fmt: skip
#: Codes of our own beside the connectors' → the sentence a person reads.
CODES = {
    "goes_with": "Deleting it would delete something along that is on no list. A supplementary list takes both",
    "not_published": "The ledger could not be published before the act, so nothing was sent",
    "ledger_mismatch": "The published ledger and the stored one do not fit, so nothing was sent",
    "unknown": "Several answers were lost, and it is still there. Look at the system",
}
#: Called between calls: extends the worker's lease on the request, and raises when it was lost.
Beat = Callable[[], None]


class Latest(TypedDict):
    """What ``with_latest`` adds to an item."""

    latest: str | None


def to_delete(plan: Plan) -> QuerySet[Item]:
    """The items of a plan that are to go."""
    return plan.items.exclude(action=Item.Action.KEEP)


def with_latest(items: QuerySet[Item]) -> QuerySet[WithAnnotations[Item, Latest]]:
    """Items, each with ``latest``: the outcome of its latest receipt or ``None``."""
    latest = ReceiptItem.objects.filter(item=OuterRef("pk")).order_by("-id").values("outcome")[:1]
    return items.annotate(latest=Subquery(latest))


def unfinished(plan: Plan) -> QuerySet[Item]:
    """Items without a final outcome yet. What has one is never acted upon again, so it is the latest too."""
    final = ReceiptItem.objects.filter(item=OuterRef("pk"), outcome__in=ReceiptItem.FINAL)
    return to_delete(plan).filter(~Exists(final))


def systems_of(items: QuerySet[Any]) -> list[UUID]:
    """The systems that these items are in, each once. (``distinct`` alone would count the default order's columns.)"""
    return list(items.order_by("system_id").values_list("system_id", flat=True).distinct())


def by_interaction[T: Item](
    items: QuerySet[T], *, limit: int, after: tuple[datetime, str] | None = None, within: timedelta | None = None
) -> list[tuple[str, list[T]]]:
    """The first ``limit`` interactions of one system's items by the time they began, as (external id, its items).

    ``after`` is the last one of the part before; ``within`` is the longest time from the first of them to the last.
    Never a cursor that is left half read: the garbage collector would close it in the midst of another statement.
    """
    if after is not None:
        at, external_id = after
        items = items.filter(Q(occurred_at__gt=at) | Q(occurred_at=at, external_id__gt=external_id))
    places = items.order_by("occurred_at", "external_id").values_list("occurred_at", "external_id").distinct()
    if within is not None and (first := places.first()):
        places = places.filter(occurred_at__lte=first[0] + within)
    wanted = [external_id for _, external_id in places[: max(limit, 0)]]
    rows = items.filter(external_id__in=wanted).order_by("occurred_at", "external_id", "content_key")
    return [(external_id, list(group)) for external_id, group in groupby(rows, key=lambda item: item.external_id)]


def begin(plan: Plan, *, kind: Step.Kind, items: list[Item]) -> Intent:
    """A step over these items, which all belong to one system, and its intent: one commit for all of them."""
    with transaction.atomic(durable=True):
        return _intend(_open_step(plan, kind=kind, items=items), items=items, kind=kind)


def open_step(plan: Plan, *, kind: Step.Kind, items: list[Item]) -> Step:
    """A step over these items, which all belong to one system."""
    with transaction.atomic(durable=True):
        return _open_step(plan, kind=kind, items=items)


def intend(step: Step, *, items: list[Item], kind: str) -> Intent:
    """Commit the intent: after this, whatever happens, the act is accounted for."""
    with transaction.atomic(durable=True):
        return _intend(step, items=items, kind=kind)


def _open_step(plan: Plan, *, kind: Step.Kind, items: list[Item]) -> Step:
    step = Step.objects.create(plan=plan, system_id=items[0].system_id, kind=kind)
    StepItem.objects.bulk_create((StepItem(step_id=step.pk, item_id=item.pk) for item in items), batch_size=1000)
    return step


def _intend(step: Step, *, items: list[Item], kind: str) -> Intent:
    _require_still_approved(step.plan)
    mine = Step.objects.filter(pk=step.pk, fence=step.fence).update(fence=step.fence + 1, lease_until=_lease())
    if not mine:
        raise Refused("lost_lease", "Another worker has taken this step over.")
    step.fence += 1
    leaf = audit.append(
        "deletion.intended", actor=audit.WORKER, about=step.plan.request_id, plan=step.plan_id, step=step.pk,
        fence=step.fence, items=len(items), kind=kind, digest=_digest([str(item.pk) for item in items]),
    )  # fmt: skip
    intent = Intent.objects.create(step=step, fence=step.fence, leaf=leaf)
    brakes.take(step, items)  # last of all: all workers share the row that it changes
    return intent


def _lease() -> datetime:
    return clock.now() + timedelta(seconds=settings.PORTAL_LEASE_SECONDS)


def _require_still_approved(plan: Plan) -> None:
    """The last look before the act: an approval can be withdrawn while a run is under way."""
    request = Request.objects.select_for_update().filter(pk=plan.request_id, plan_digest=plan.digest)
    if not request.filter(state=State.APPROVED).exists():
        raise Refused("wrong_state", "The request is not approved any more.")


def receive(intent: Intent, outcomes: Iterable[tuple[Item, str, str]], *, probed: bool = False) -> Receipt:
    """Commit what came of an intent: (item, outcome, code) each. Only while the step's fence is still the intent's."""
    listed = list(outcomes)
    counts = Counter(outcome for _, outcome, _ in listed)
    gone = counts[Outcome.DELETED] + counts[Outcome.ALREADY_GONE]
    status = Receipt.Status.DONE if gone == len(listed) else Receipt.Status.PARTIAL if gone else Receipt.Status.FAILED
    digest = _digest([[str(item.pk), outcome, code] for item, outcome, code in listed])
    codes = {code for _, outcome, code in listed if code and outcome not in ReceiptItem.GONE}
    with transaction.atomic(durable=True):
        mine = Step.objects.filter(pk=intent.step_id, fence=intent.step.fence).update(lease_until=None)
        if not mine:
            raise Refused("lost_lease", "Another worker has taken this step over.")
        leaf = audit.append(
            "deletion.receipt", actor=audit.WORKER, about=intent.step.plan.request_id, plan=intent.step.plan_id,
            step=intent.step_id, fence=intent.step.fence, status=status, deleted=counts[Outcome.DELETED],
            already_gone=counts[Outcome.ALREADY_GONE], failed=len(listed) - gone, probed=int(probed), digest=digest,
            reason=min(codes, default=None),
        )  # fmt: skip
        receipt = Receipt.objects.create(intent=intent, status=status, probed=probed, hash=digest, leaf=leaf)
        rows = (  # by their keys: thousands of references to models take longer than their rows
            ReceiptItem(receipt_id=receipt.pk, item_id=item.pk, outcome=outcome, code=code)
            for item, outcome, code in listed
        )
        ReceiptItem.objects.bulk_create(rows, batch_size=1000)
    return receipt


def take_over(step: Step) -> Intent | None:
    """The step's intent that has no receipt, fenced off from whoever wrote it; ``None`` while its lease still runs."""
    with transaction.atomic(durable=True):
        step = Step.objects.select_for_update().get(pk=step.pk)
        intent = step.intents.filter(receipt__isnull=True).order_by("-fence").first()
        if intent is None or (step.lease_until and step.lease_until > clock.now()):
            return None
        step.fence += 1
        step.lease_until = _lease()
        step.save(update_fields=["fence", "lease_until"])
        intent.step = step
    return intent


def release(step: Step) -> None:
    """The call gave no answer that can be trusted: let the next run probe at once."""
    Step.objects.filter(pk=step.pk, fence=step.fence).update(lease_until=None)


def failure(item: Item, code: str, *, permanent: bool) -> tuple[Item, str, str]:
    """What a failed try makes of an item: another try, or a person when the tries are used up."""
    if permanent:
        return item, Outcome.NEEDS_PERSON, code
    used = item.receipts.filter(outcome=Outcome.RETRY).exclude(code__in=NOT_SENT).count()
    if code not in NOT_SENT and used + 1 >= settings.PORTAL_MAX_ATTEMPTS:
        return item, Outcome.NEEDS_PERSON, code
    return item, Outcome.RETRY, code


def _digest(value: list) -> str:
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def has_begun(request: Request) -> bool:
    """Whether anything of this request was ever acted upon: a later list then holds only what turned up since."""
    return Receipt.objects.filter(intent__step__plan__request=request).exists()


def in_force(request_id: UUID) -> QuerySet[Plan]:
    """The lists that count: approved and not withdrawn, or such as keep everything and need no approval."""
    approved = Approval.objects.filter(request_id=request_id, withdrawal__isnull=True).values("plan_id")
    deletes = Item.objects.filter(plan=OuterRef("pk")).exclude(action=Item.Action.KEEP)
    return Plan.objects.filter(Q(pk__in=approved) | ~Exists(deletes), request_id=request_id).exclude(digest="")


def carried_out(request: Request) -> QuerySet[Plan]:
    """The lists of a request that were carried out, or are being."""
    return request.plans.filter(steps__intents__isnull=False).distinct()


def unread(plan: Plan, *, round_number: int) -> QuerySet[Item]:
    """Items that were to go and have not been read back in this round."""
    read = Verification.objects.filter(item=OuterRef("pk"), round=round_number)
    return to_delete(plan).filter(~Exists(read))


# --- content that turns up later -------------------------------------------------------------------------------------


def discover(plan: Plan, seen: Iterable[tuple[Item, Iterable[Content]]]) -> int:
    """Note content of approved interactions that no list has seen: it waits for a supplementary list.

    ``seen`` is of one system: one item of each interaction, with all content that it has now. Returns how much is new.
    """
    shown = {item.external_id: (item, contents) for item, contents in seen}
    known: dict[str, set[str]] = {}
    candidates = Candidate.objects.filter(request_id=plan.request_id, external_id__in=list(shown))
    for system_id, external_id, key in candidates.values_list("system_id", "external_id", "content_key"):
        if system_id == shown[external_id][0].system_id:
            known.setdefault(external_id, set()).add(key)
    fresh = [
        (item, content)
        for item, contents in shown.values()
        for content in contents
        if content.key not in known.get(item.external_id, ())
    ]
    if not fresh:
        return 0
    with transaction.atomic(durable=True):
        rows = [_turned_up(plan, item, content) for item, content in fresh]
        Candidate.objects.bulk_create(rows, ignore_conflicts=True)
        audit.append(
            "content.discovered", actor=audit.WORKER, about=plan.request_id, plan=plan.pk,
            system=fresh[0][0].system_id, items=len(fresh),
        )  # fmt: skip
    return len(fresh)


def _turned_up(plan: Plan, item: Item, content: Content) -> Candidate:
    return Candidate(
        request_id=plan.request_id, system_id=item.system_id, external_id=item.external_id, content_key=content.key,
        content_class=content.content_class, media_type=content.media_type[:80], length=content.length,
        occurred_at=item.occurred_at, direction=item.direction, line=item.line, agents=item.agents, shared=item.shared,
        kind=Candidate.Kind.DISCOVERED, included=True, link=Candidate.Link.OWN_IDENTIFIER, chosen_at=clock.now(),
    )  # fmt: skip


def waiting(request: Request) -> QuerySet[Candidate]:
    """What turned up after the list, or came back, and stands on no list in force since."""
    listed = Item.objects.filter(
        plan__in=in_force(request.pk), system_id=OuterRef("system_id"), external_id=OuterRef("external_id"),
        content_key=OuterRef("content_key"),
    )  # fmt: skip
    turned_up = request.candidates.filter(kind__in=[Candidate.Kind.DISCOVERED, Candidate.Kind.REAPPEARED])
    return turned_up.exclude(
        Exists(listed.filter(plan__created_at__gte=OuterRef("chosen_at")))
        | (Q(chosen_at__isnull=True) & Exists(listed))
    )
