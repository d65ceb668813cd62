"""Room 5 · Deletes the approved list, and nothing else.

In:  an approved request whose list still has the approved digest.
Out: an intent before each act and a receipt after it, until every item has a final outcome.
Never here: a delete outside the list, a delete of content that nobody has seen, an HTTP call inside a transaction.

An intent without a receipt is *unknown*: the system is asked before anything is repeated. The first interaction is
deleted and read back alone; only then the rest. Just before each act the interactions are looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from content_app import plan_digest, receipts, systems, witnessing
from content_app.connectors.base import ConnectorError, ContentConnector, Interaction, Outcome
from content_app.models import Intent, Item, Mending, Plan, ReceiptItem, Step, System, Verification
from content_app.receipts import Beat
from requests_app import audit, gates, publisher
from requests_app.errors import Refused
from requests_app.models import ApprovalBar, Request
from requests_app.states import State

Result = ReceiptItem.Outcome
#: Why a trial may be tried again.
MENDED_REASONS = (
    ("vendor_mended", "The vendor has mended it"),
    ("account_corrected", "The account was corrected, such as its permission to delete"),
    ("deletes_late", "It deletes with a delay, and the content is gone now"),
)


@dataclass(slots=True)
class Run:
    """One run of a worker over one plan."""

    plan: Plan
    connector: ContentConnector
    beat: Beat
    budget: int


@dataclass(slots=True)
class Looked:
    """What a look at some interactions, just before the act, makes of their items."""

    whole: dict[str, list[Item]] = field(default_factory=dict)
    single: list[Item] = field(default_factory=list)
    #: Their deletion would take something along that stands on no list.
    held_back: list[Item] = field(default_factory=list)
    gone: list[Item] = field(default_factory=list)


def run(request_id: UUID, *, budget: int, beat: Beat) -> bool:
    """Work through at most ``budget`` interactions of each system; ``True`` once every item has a final outcome.

    Raises ``Refused`` when a gate is closed and ``ConnectorError`` when a system does not answer; both leave rows
    from which the next run goes on.
    """
    plan = approved_plan(request_id)
    touched = receipts.systems_of(receipts.unfinished(plan))
    systems.each(touched, lambda system: _work_through(plan, system, budget=budget, beat=beat))
    return not receipts.unfinished(plan).exists()


def _work_through(plan: Plan, system: System, *, budget: int, beat: Beat) -> None:
    _require_system_open(system)
    with systems.connected(system) as connector:
        _require_self_test(connector)
        current = Run(plan, connector, beat, budget)
        _settle_unknown(current, system.pk)
        publisher.require_sound()
        if _try_one(current, system.pk):
            _delete_rest(current, system.pk)


# --- gates -----------------------------------------------------------------------------------------------------------


def approved_plan(request_id: UUID) -> Plan:
    """The plan that may be carried out now. ``Refused`` names the gate that is closed."""
    request = Request.objects.get(pk=request_id)
    if request.state != State.APPROVED:
        raise Refused("wrong_state", "The request is not approved.")
    approval = request.approvals.filter(withdrawal__isnull=True).latest("at")
    if ApprovalBar.objects.filter(request=request, user_id=approval.by_id).exists():
        raise Refused("barred", "Whoever approved this list was barred from it.")
    if approval.execute_after > timezone.now():
        raise Refused("not_yet", "The time in which the approval can be withdrawn is not over.")
    plan = Plan.objects.get(pk=approval.plan_id, request=request)
    digest = plan_digest.digest(plan)
    if not digest == plan.digest == request.plan_digest == approval.digest:
        raise Refused("digest", "The list is not the one that was approved. Nothing is deleted.")
    return plan


def _require_system_open(system: System) -> None:
    if system.stopped:
        raise ConnectorError("stopped", permanent=False)
    if system.shadow:
        raise ConnectorError("read_only", permanent=False)


def _require_self_test(connector: ContentConnector) -> None:
    failed = [check for check in connector.self_test() if not check.passed]
    if failed and failed[0].outage:
        raise ConnectorError(failed[0].outage, permanent=False)
    if failed:
        raise Refused("credentials", failed[0].advice)


# --- what is left to do ----------------------------------------------------------------------------------------------


def _open_groups(current: Run, system_id: UUID) -> list[tuple[str, list[Item]]]:
    items = receipts.unfinished(current.plan).filter(system_id=system_id)
    return receipts.by_interaction(items, limit=current.budget)


def _try_one(current: Run, system_id: UUID) -> bool:
    """Delete one interaction alone and read it back; ``True`` when the system keeps its word.

    After a trial that failed, and a person's word that the system was mended, another interaction is tried. What the
    failed one left is found when everything is read back, and waits for a supplementary list.
    """
    trials = _trials(current.plan, system_id)
    if trials.filter(result=Verification.Result.VERIFIED_ABSENT).exists():
        return True
    if system_id in failed_trials(current.plan):
        raise Refused("trial_failed", "The first deletion did not take effect. A person must look at the system.")
    # Nothing first: what a run deleted that died before it read back is the trial.
    for group in (None, *_open_groups(current, system_id)):
        if group is not None:
            _carry_out(current, [group])
        of_system = receipts.to_delete(current.plan).filter(system_id=system_id, latest=Result.DELETED)
        deleted = of_system.exclude(external_id__in=trials.values("item__external_id")).first()
        if deleted is not None:
            _read_back_trial(current, deleted)
            return True
    return False


def _trials(plan: Plan, system_id: UUID) -> QuerySet[Verification]:
    return Verification.objects.filter(item__plan=plan, item__system_id=system_id, round=0)


def failed_trials(plan: Plan) -> set[UUID]:
    """The systems in which the last trial of this list failed, and nobody has said since that they were mended."""
    mended = dict(plan.mendings.order_by("at").values_list("system_id", "at"))
    trials = Verification.objects.filter(item__plan=plan, round=0).order_by("at")
    last = {trial.item.system_id: trial for trial in trials.select_related("item")}
    return {
        system_id
        for system_id, trial in last.items()
        if trial.result != Verification.Result.VERIFIED_ABSENT
        and (system_id not in mended or mended[system_id] < trial.at)
    }


def mend(request_id: UUID, *, actor: User, reason: str) -> None:
    """A supervisor says that the system was mended: the trial is tried again. What is approved does not change."""
    gates.require(actor, "requests_app.approve_request")
    gates.require_reason(reason, MENDED_REASONS)
    with transaction.atomic(durable=True):
        request = Request.objects.select_for_update().get(pk=request_id)
        gates.require_state(request, State.APPROVED)
        gates.require_not_the_subject(request, actor)
        plan = Plan.objects.get(request=request, digest=request.plan_digest)
        failed = failed_trials(plan)
        if not failed:
            raise Refused("no_failed_trial", "No trial deletion of this list has failed. Reload the page.")
        for system_id in sorted(failed):
            leaf = audit.append(
                "trial.mended", actor=actor, about=request, plan=plan.pk, system=system_id, reason=reason
            )
            Mending.objects.create(plan=plan, system_id=system_id, by=actor, reason=reason, leaf=leaf)


def _read_back_trial(current: Run, item: Item) -> None:
    left = current.connector.get(item.external_id)
    absent = left is None or item.content_key not in {content.key for content in left.content}
    _note_trial(item, absent=absent)
    if not absent:
        raise Refused("trial_failed", "The first deletion did not take effect. A person must look at the system.")


def _note_trial(item: Item, *, absent: bool) -> None:
    with transaction.atomic(durable=True):
        leaf = audit.append(
            "deletion.verified", actor=audit.WORKER, about=item.plan.request_id, plan=item.plan_id, absent=int(absent),
            reappeared=int(not absent), not_verifiable=0, round=0,
        )  # fmt: skip
        result = Verification.Result.VERIFIED_ABSENT if absent else Verification.Result.REAPPEARED
        Verification.objects.create(item=item, round=0, result=result, leaf=leaf)


def _delete_rest(current: Run, system_id: UUID) -> None:
    size = current.connector.manifest.batch_size
    groups = _open_groups(current, system_id)
    for start in range(0, len(groups), size):
        _carry_out(current, groups[start : start + size])


def _carry_out(current: Run, groups: list[tuple[str, list[Item]]]) -> None:
    """Look at these interactions once more, then delete what the list says of them."""
    current.beat()
    current.budget -= len(groups)
    looked = _look(current, groups)
    if looked.gone:
        _receive_look(current, [(item, Result.ALREADY_GONE, "") for item in looked.gone])
    if looked.held_back:
        _receive_look(current, [(item, Result.NEEDS_PERSON, "goes_with") for item in looked.held_back])
    if looked.whole:
        _delete_whole(current, looked.whole)
    for item in looked.single:
        current.beat()
        _delete_single(current, item)


# --- looking once more -----------------------------------------------------------------------------------------------


def _look(current: Run, groups: list[tuple[str, list[Item]]]) -> Looked:
    looked = Looked()
    for external_id, items in groups:
        current.beat()
        interaction = current.connector.get(external_id)
        present = {content.key for content in interaction.content} if interaction else set()
        here = [item for item in items if item.content_key in present]
        looked.gone += [item for item in items if item.content_key not in present]
        if interaction is None or not here:
            continue
        receipts.discover(current.plan, here[0], interaction.content)
        if _may_go_whole(current.plan, here[0], interaction):
            looked.whole[external_id] = here
            continue
        taking_along = _taking_along(current, here, interaction)
        looked.single += [item for item in here if item not in taking_along]
        looked.held_back += taking_along
    return looked


def _may_go_whole(plan: Plan, item: Item, interaction: Interaction) -> bool:
    """Only when every piece of content that is there now stands on this list as «delete with its interaction».

    A fresh interaction goes file by file: a transcript that arrives between this look and the call would else be
    deleted unseen.
    """
    if item.occurred_at > timezone.now() - timedelta(hours=settings.PORTAL_SETTLED_HOURS):
        return False
    listed = set(
        plan.items.filter(
            system_id=item.system_id, external_id=item.external_id, action=Item.Action.DELETE_INTERACTION
        ).values_list("content_key", flat=True)
    )
    return {content.key for content in interaction.content} <= listed


def _taking_along(current: Run, items: list[Item], interaction: Interaction) -> list[Item]:
    """The items whose deletion takes content along that does not stand on this list, such as a screen recording."""
    to_go = current.plan.items.filter(system_id=items[0].system_id, external_id=interaction.external_id)
    listed = set(to_go.exclude(action=Item.Action.KEEP).values_list("content_key", flat=True))
    unlisted = {content.content_class for content in interaction.content if content.key not in listed}
    leads = {lead for lead, follower in current.connector.manifest.goes_with if follower in unlisted}
    return [item for item in items if item.content_class in leads]


# --- acting ----------------------------------------------------------------------------------------------------------


def _receive_look(current: Run, outcomes: list[tuple[Item, str, str]]) -> None:
    """Nothing is sent: not there any more, or not to be deleted alone. The look itself is the receipt."""
    items = [item for item, _, _ in outcomes]
    step = receipts.open_step(current.plan, kind=Step.Kind.LOOK, items=items)
    intent = receipts.intend(step, items=items, kind="look")
    receipts.receive(intent, outcomes, probed=True)


def _delete_whole(current: Run, whole: dict[str, list[Item]]) -> None:
    current.beat()
    items = [item for group in whole.values() for item in group]
    step = receipts.open_step(current.plan, kind=Step.Kind.BATCH, items=items)
    intent = receipts.intend(step, items=items, kind="batch")
    _require_published(intent, items)
    try:
        outcomes = current.connector.delete_interactions(list(whole))
    except ConnectorError as error:
        _fail(step, intent, items, error)
        raise
    told = {outcome.external_id: outcome for outcome in outcomes}
    receipts.receive(intent, [_outcome_of(item, told[item.external_id]) for item in items])


def _delete_single(current: Run, item: Item) -> None:
    step = receipts.open_step(current.plan, kind=Step.Kind.CONTENT, items=[item])
    intent = receipts.intend(step, items=[item], kind="content")
    _require_published(intent, [item])
    try:
        outcome = current.connector.delete_content(item.external_id, item.content_key)
    except ConnectorError as error:
        _fail(step, intent, [item], error)
        raise
    receipts.receive(intent, [_outcome_of(item, outcome)])


def _require_published(intent: Intent, items: list[Item]) -> None:
    """The intent is where others can see it, or nothing is sent and the receipt says so."""
    try:
        witnessing.require_published(intent.leaf)
    except Refused as refused:
        receipts.receive(intent, [receipts.failure(item, refused.code, permanent=False) for item in items])
        raise


def _outcome_of(item: Item, outcome: Outcome) -> tuple[Item, str, str]:
    match outcome.result:
        case "deleted":
            return item, Result.DELETED, ""
        case "already_gone":
            return item, Result.ALREADY_GONE, ""
        case "forbidden":
            return item, Result.NEEDS_PERSON, "forbidden"
    return receipts.failure(item, outcome.code or "server_error", permanent=outcome.permanent)


def _fail(step: Step, intent: Intent, items: list[Item], error: ConnectorError) -> None:
    """The call as a whole failed. Where it may have been carried out all the same, the intent stays open: unknown."""
    if error.permanent or error.code in receipts.NOT_SENT:
        permanent = error.permanent and error.code not in receipts.NOT_SENT
        receipts.receive(intent, [receipts.failure(item, error.code, permanent=permanent) for item in items])
        return
    receipts.release(step)


def _settle_unknown(current: Run, system_id: UUID) -> None:
    """Ask the system what became of every intent without a receipt, before anything else is sent."""
    open_steps = Step.objects.filter(plan=current.plan, system_id=system_id, intents__receipt__isnull=True)
    for step in open_steps.filter(intents__isnull=False).distinct():
        current.beat()
        intent = receipts.take_over(step)
        if intent is None:
            raise Refused("lease_runs", "Another worker may still be acting. Its lease must run out first.")
        items = step.items.order_by("external_id", "content_key")
        gone = Result.ALREADY_GONE if step.kind == Step.Kind.LOOK else Result.DELETED  # a look has sent nothing
        outcomes = []
        for external_id, group in groupby(items, key=lambda item: item.external_id):
            interaction = current.connector.get(external_id)
            present = {content.key for content in interaction.content} if interaction else set()
            outcomes += [
                receipts.failure(item, "unknown", permanent=False) if item.content_key in present else (item, gone, "")
                for item in group
            ]
        receipts.receive(intent, outcomes, probed=True)
