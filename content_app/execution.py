"""Room 5 · Deletes the approved list, and nothing else.

In:  an approved request whose list still has the approved digest.
Out: an intent before each act and a receipt after it, until every item has a final outcome.
Never here: a delete outside the list, a delete of content that nobody has seen, an HTTP call inside a transaction.

An intent without a receipt is *unknown*: the system is asked before anything is repeated. The first interaction is
deleted and read back alone; only then the rest. Just before each act the interactions are looked at once more, by page
where that costs fewer calls than one by one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from content_app import acting, brakes, limits, lookups, plan_digest, receipts, systems, trials, witnessing
from content_app.acting import Acts, Told
from content_app.connectors.base import ConnectorError, ContentConnector, Interaction
from content_app.models import Item, Plan, ReceiptItem, System
from content_app.receipts import Beat
from requests_app import clock, publisher
from requests_app.errors import Refused
from requests_app.models import ApprovalBar, Request
from requests_app.states import State

Result = ReceiptItem.Outcome
Group = tuple[str, list[Item]]
#: Most interactions that are looked at together.
PART = 500
#: Seconds for which a look counts. Whatever waits longer for its turn is looked at again.
FRESH = 60.0


@dataclass(slots=True)
class Run:
    """One run of a worker over one plan at one system."""

    acts: Acts
    budget: int

    @property
    def plan(self) -> Plan:
        return self.acts.plan

    @property
    def system(self) -> System:
        return self.acts.system


@dataclass(slots=True)
class Looked:
    """What a look at some interactions, just before the act, makes of their items."""

    at: float
    #: What began later may still get content.
    settled_before: datetime
    whole: dict[str, list[Item]] = field(default_factory=dict)
    single: list[Item] = field(default_factory=list)
    #: Nothing is sent for these: gone, or their deletion would take something along that stands on no list.
    settled: list[Told] = field(default_factory=list)


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
    witnessing.require_caught_up(plan)
    with systems.connected(system) as connector:
        _require_self_test(system, connector)
        acting.settle_unknown(plan, system.pk, connector, beat=beat)
        publisher.require_sound()
        brakes.require(plan)
        current = Run(Acts(plan, system, connector, beat), budget)
        if _try_one(current):
            _delete_rest(current)
        if current.acts.failed:
            raise current.acts.failed


# --- gates -----------------------------------------------------------------------------------------------------------


def approved_plan(request_id: UUID) -> Plan:
    """The plan that may be carried out now. ``Refused`` names the gate that is closed."""
    request = Request.objects.get(pk=request_id)
    if request.state != State.APPROVED:
        raise Refused("wrong_state", "The request is not approved.")
    approval = request.approvals.filter(withdrawal__isnull=True).latest("at")
    if ApprovalBar.objects.filter(request=request, user_id=approval.by_id).exists():
        raise Refused("barred", "Whoever approved this list was barred from it.")
    if approval.execute_after > clock.now():
        raise Refused("not_yet", "The time in which the approval can be withdrawn is not over.")
    plan = Plan.objects.get(pk=approval.plan_id, request=request)
    digest = plan_digest.digest(plan)
    if not digest == plan.digest == request.plan_digest == approval.digest:
        raise Refused("digest", "The list is not the one that was approved. Nothing is deleted.")
    return plan


def _require_system_open(system: System) -> None:
    if limits.standing(system.pk).stopped:
        raise ConnectorError("stopped", permanent=False)
    if system.shadow:
        raise ConnectorError("read_only", permanent=False)


def _require_self_test(system: System, connector: ContentConnector) -> None:
    """The credentials have all that deleting needs. What they showed a few minutes ago counts."""
    now = clock.now()
    if system.tested_at and system.tested_at > now - timedelta(minutes=settings.PORTAL_SELF_TEST_MINUTES):
        return
    failed = [check for check in connector.self_test() if not check.passed]
    if failed and failed[0].outage:
        raise ConnectorError(failed[0].outage, permanent=False)
    if failed:
        raise Refused("credentials", failed[0].advice)
    System.objects.filter(pk=system.pk).update(tested_at=now)


# --- the trial -------------------------------------------------------------------------------------------------------


def _try_one(current: Run) -> bool:
    """Delete one interaction alone and read it back; ``True`` when the system keeps its word.

    After a trial that failed, and a person's word that the system was mended, another interaction is tried. What the
    failed one left is found when everything is read back, and waits for a supplementary list.
    """
    acts = current.acts
    if trials.is_passed(current.plan, current.system.pk):
        return True
    # Nothing first: what a run deleted that died before it read back is the trial.
    for group in (None, *receipts.by_interaction(_open_items(current), limit=current.budget)):
        if group is not None:
            _carry_out(current, [group])
        if (deleted := trials.untested(current.plan, current.system.pk)) is not None:
            trials.read_back(acts.connector, deleted)
            return True
    return False


def _carry_out(current: Run, groups: list[Group]) -> None:
    """Look at these interactions once more, then delete what the list says of them."""
    current.acts.beat()
    current.budget -= len(groups)
    looked = _look(current, groups)
    current.acts.note(looked.settled)
    if looked.whole:
        current.acts.batch(looked.whole)
    current.acts.files(looked.single)


# --- the rest --------------------------------------------------------------------------------------------------------


def _delete_rest(current: Run) -> None:
    size = current.acts.connector.manifest.batch_size
    with acting.opened(current.acts, wanted=_calls_wanted(current, size)) as acts:
        waiting: list[Looked] = []
        for groups in _parts(current):
            looked = _look(current, groups)
            acts.note(looked.settled)
            acts.files(looked.single)
            waiting.append(looked)
            while sum(len(part.whole) for part in waiting) >= size:
                _send(current, waiting, size)
        if any(part.whole for part in waiting):
            _send(current, waiting, size)


def _send(current: Run, waiting: list[Looked], size: int) -> None:
    """Delete the next ``size`` interactions that wait, after another look where the last one is too old."""
    whole: dict[str, list[Item]] = {}
    stale: list[Group] = []
    while waiting and len(whole) + len(stale) < size:
        part = waiting[0]
        taken = dict(islice(part.whole.items(), size - len(whole) - len(stale)))
        part.whole = {external_id: items for external_id, items in part.whole.items() if external_id not in taken}
        if time.monotonic() - part.at > FRESH:
            stale += taken.items()
        else:
            whole |= taken
        if not part.whole:
            waiting.pop(0)
    if stale:
        looked = _look(current, stale)
        current.acts.note(looked.settled)
        current.acts.files(looked.single)
        whole |= looked.whole
    if whole:
        current.acts.batch(whole)


def _parts(current: Run) -> Iterator[list[Group]]:
    """What is still to go, in the order in which it began, a stretch of time that one search spans at a time."""
    longest = lookups.longest(current.acts.connector)
    after: tuple[datetime, str] | None = None
    while current.budget > 0:
        most = min(PART, current.budget)
        groups = receipts.by_interaction(_open_items(current), limit=most, after=after, within=longest)
        if not groups:
            return
        current.acts.beat()
        current.budget -= len(groups)
        yield groups
        last = groups[-1][1][-1]
        after = (last.occurred_at, last.external_id)


def _open_items(current: Run) -> QuerySet[Item]:
    return receipts.unfinished(current.plan).filter(system_id=current.system.pk)


def _calls_wanted(current: Run, size: int) -> int:
    """How many calls there are to make at once, at most as many as the system takes."""
    most = current.system.delete_parallel
    if most == 1:
        return 1
    alone = Q(action=Item.Action.DELETE_CONTENT) | Q(occurred_at__gt=_settled_before())
    single = len(_open_items(current).filter(alone).order_by().values_list("pk")[:most])
    whole = _open_items(current).exclude(alone).order_by().values_list("external_id", flat=True).distinct()
    return max(1, min(most, single + ceil(len(whole[: most * size]) / size)))


# --- looking once more -----------------------------------------------------------------------------------------------


def _look(current: Run, groups: list[Group]) -> Looked:
    """See what is there now, and sort: gone, whole, file by file, not to be touched."""
    wanted = [(external_id, items[0].occurred_at) for external_id, items in groups]
    seen = lookups.see(current.acts.connector, current.system.pk, wanted, beat=current.acts.beat)
    looked = Looked(time.monotonic(), _settled_before())
    found: list[tuple[Interaction, list[Item]]] = []
    for external_id, items in groups:
        interaction = seen[external_id]
        present = {content.key for content in interaction.content} if interaction else set()
        here = [item for item in items if item.content_key in present]
        looked.settled += [(item, Result.ALREADY_GONE, "") for item in items if item.content_key not in present]
        if interaction is not None and here:
            found.append((interaction, here))
    receipts.discover(current.plan, [(here[0], interaction.content) for interaction, here in found])
    listed = _listed(current, [interaction.external_id for interaction, _ in found])
    for interaction, here in found:
        _sort(current, looked, interaction, here, listed.get(interaction.external_id, {}))
    return looked


def _listed(current: Run, external_ids: list[str]) -> dict[str, dict[str, str]]:
    """What this list says of each piece of content of these interactions: id → key → action."""
    said: dict[str, dict[str, str]] = {}
    rows = current.plan.items.filter(system_id=current.system.pk, external_id__in=external_ids)
    for external_id, key, action in rows.order_by().values_list("external_id", "content_key", "action"):
        said.setdefault(external_id, {})[key] = action
    return said


def _sort(current: Run, looked: Looked, interaction: Interaction, here: list[Item], said: dict[str, str]) -> None:
    if _may_go_whole(here[0], interaction, said, looked.settled_before):
        looked.whole[interaction.external_id] = here
        return
    unlisted = {
        content.content_class
        for content in interaction.content
        if said.get(content.key, Item.Action.KEEP) == Item.Action.KEEP
    }
    leads = {lead for lead, follower in current.acts.connector.manifest.goes_with if follower in unlisted}
    for item in here:
        if item.content_class in leads:
            looked.settled.append((item, Result.NEEDS_PERSON, "goes_with"))
        else:
            looked.single.append(item)


def _may_go_whole(item: Item, interaction: Interaction, said: dict[str, str], settled_before: datetime) -> bool:
    """Only when every piece of content that is there now stands on this list as «delete with its interaction».

    A fresh interaction goes file by file: a transcript that arrives between this look and the call would else be
    deleted unseen.
    """
    if item.occurred_at > settled_before:
        return False
    return all(said.get(content.key) == Item.Action.DELETE_INTERACTION for content in interaction.content)


def _settled_before() -> datetime:
    """No further content is expected of what began before."""
    return clock.now() - timedelta(hours=settings.PORTAL_SETTLED_HOURS)
