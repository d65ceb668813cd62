"""The engine's hand: an intent, the call or calls that it announces, the receipt. And what became of an unknown.

In:  items of an approved list that were looked at a moment ago, a connector, or lanes where several calls may fly.
Out: rows by the pen (``receipts``). A call whose answer was lost leaves its intent open until the system was asked.
Never here: a choice of what to delete, or a repetition.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import batched
from uuid import UUID

from content_app import lanes, limits, lookups, receipts, witnessing
from content_app.connectors.base import ERROR_CODES, ConnectorError, ContentConnector, Outcome, Purpose
from content_app.lanes import Answer, Call
from content_app.models import Intent, Item, Plan, ReceiptItem, Step, System
from content_app.receipts import Beat
from requests_app.errors import Refused

Result = ReceiptItem.Outcome
#: Items under one intent where several calls fly at once: at least so many, and, where their turns come within so many
#: seconds, as many as keep every lane busy for so many rounds, since each intent is a commit. What a crash leaves
#: unknown is at most two such groups.
GROUP, ROUNDS, SOON = 100, 20, 10.0
#: The verb by which a step deletes; a look has none.
_VERBS = {Step.Kind.BATCH: "delete_interactions", Step.Kind.CONTENT: "delete_content"}
#: One item, what came of it, and the code of what went wrong.
Told = tuple[Item, str, str]


@dataclass(slots=True)
class Flight:
    """An intent whose calls are on their way: the items of each call, and its answer to be."""

    intent: Intent
    items: list[list[Item]]
    answers: list[Future[Answer]]


@dataclass(slots=True)
class Acts:
    """One run's acts at one system."""

    plan: Plan
    system: System
    connector: ContentConnector
    beat: Beat
    lanes: lanes.Lanes | None = None
    #: Why an item must be tried again later.
    failed: ConnectorError | None = None
    _flying: deque[Flight] = field(default_factory=deque)

    def note(self, outcomes: list[Told]) -> None:
        """Nothing is sent: it is not there any more, or may not go alone. The look itself is the receipt."""
        if outcomes:
            intent = receipts.begin(self.plan, kind=Step.Kind.LOOK, items=[item for item, _, _ in outcomes])
            receipts.receive(intent, outcomes, probed=True)

    def batch(self, whole: dict[str, list[Item]]) -> None:
        """Delete these interactions whole, in one call; in smaller ones where the brake leaves room for fewer."""

        def act(groups: list[list[Item]]) -> None:
            self._act(Step.Kind.BATCH, [[item for group in groups for item in group]])

        _as_many_as_may(act, list(whole.values()))

    def files(self, items: list[Item]) -> None:
        """Delete these files, each in a call of its own."""
        for group in batched(items, self._group()):
            _as_many_as_may(lambda some: self._act(Step.Kind.CONTENT, some), [[item] for item in group])

    def _group(self) -> int:
        """How many files an intent announces."""
        if self.lanes is None:
            return 1
        many = ROUNDS * self.lanes.width
        paced = many * limits.interval("delete", limits.standing(self.system.pk)) > SOON
        return GROUP if paced else max(GROUP, many)

    def land(self, *, most: int = 0) -> None:
        """Wait for answers, and write them down, until at most ``most`` flights are in the air."""
        while len(self._flying) > most:
            self._land(self._flying.popleft())
        if self.lanes and self.lanes.closed and not self._flying:
            raise self.lanes.closed

    def land_what_flies(self) -> None:
        """Write down what still answers, where the run itself has failed already."""
        with contextlib.suppress(ConnectorError, Refused):
            self.land()

    # --- one act -----------------------------------------------------------------------------------------------------

    def _act(self, kind: Step.Kind, items: list[list[Item]]) -> None:
        self.beat()
        listed = [item for group in items for item in group]
        intent = receipts.begin(self.plan, kind=kind, items=listed)
        _require_published(intent, listed)
        calls = [_call(kind, group) for group in items]
        if self.lanes is None:
            self._receive(intent, items, [_answer(self.connector, call) for call in calls])
            return
        purpose: Purpose = "batch" if kind == Step.Kind.BATCH else "delete"
        self._flying.append(Flight(intent, items, self.lanes.start(calls, purpose=purpose)))
        self.land(most=1 if len(calls) > 1 else self.lanes.width)

    def _land(self, flight: Flight) -> None:
        assert self.lanes is not None
        self._receive(flight.intent, flight.items, self.lanes.finish(flight.answers))

    def _receive(self, intent: Intent, items: list[list[Item]], answers: list[Answer]) -> None:
        """Write down what is known. Where a call may have been carried out without an answer, all of it is unknown."""
        lost = [one for one in answers if isinstance(one, ConnectorError) and not _is_known(one)]
        if lost:
            receipts.release(intent.step)
            if self.lanes is None:
                raise lost[0]  # it is asked about in the next run: right now the system does not answer
            self._again(settle(intent.step, self.connector, beat=self.beat))
            return
        outcomes = [told for group, answer in zip(items, answers, strict=True) for told in _outcomes(group, answer)]
        receipts.receive(intent, outcomes)
        self._again(outcomes)
        if self.lanes is None and isinstance(answers[0], ConnectorError):
            raise answers[0]

    def _again(self, outcomes: list[Told]) -> None:
        for _, outcome, code in outcomes:
            if outcome == Result.RETRY:
                known = code if code in ERROR_CODES else "server_error"
                self.failed = self.failed or ConnectorError(known, permanent=False)


@contextmanager
def opened(acts: Acts, *, wanted: int) -> Iterator[Acts]:
    """Acts with up to ``wanted`` calls at once where the system takes several. All that flew has landed afterwards."""
    if acts.system.delete_parallel == 1:
        yield acts
        return
    with lanes.opened(acts.system, acts.connector, wanted=wanted, beat=acts.beat) as several:
        acts.lanes = several
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(acts.land_what_flies)
            yield acts
            on_failure.pop_all()
        acts.land()


def _as_many_as_may(act: Callable[[list[list[Item]]], None], parts: list[list[Item]]) -> None:
    """Act on all parts at once; where the brake has no room for them, on the first half, and then on the rest."""
    try:
        act(parts)
    except Refused as refused:
        if refused.code != "braked" or len(parts) == 1:
            raise
        half = len(parts) // 2
        _as_many_as_may(act, parts[:half])
        _as_many_as_may(act, parts[half:])


def _call(kind: Step.Kind, items: list[Item]) -> Call:
    if kind == Step.Kind.BATCH:
        ids = list(dict.fromkeys(item.external_id for item in items))
        return lambda connector: connector.delete_interactions(ids)
    one = items[0]
    return lambda connector: [connector.delete_content(one.external_id, one.content_key)]


def _answer(connector: ContentConnector, call: Call) -> Answer:
    try:
        return call(connector)
    except ConnectorError as error:
        return error


def _require_published(intent: Intent, items: list[Item]) -> None:
    """The intent is where others can see it, or nothing is sent and the receipt says so."""
    try:
        witnessing.require_published(intent.leaf)
    except Refused as refused:
        receipts.receive(intent, [receipts.failure(item, refused.code, permanent=False) for item in items])
        raise


# --- what came of it -------------------------------------------------------------------------------------------------


def _is_known(error: ConnectorError) -> bool:
    """The call was refused, or never sent; any other may have been carried out all the same.

    An answer that is too large said "done" in its first line, and nobody read the rest.
    """
    return error.code in receipts.NOT_SENT or (error.permanent and error.code != "too_large")


def _outcomes(items: list[Item], answer: Answer) -> list[Told]:
    if isinstance(answer, ConnectorError):
        permanent = answer.permanent and answer.code not in receipts.NOT_SENT
        return [receipts.failure(item, answer.code, permanent=permanent) for item in items]
    told = {outcome.external_id: outcome for outcome in answer}
    return [_outcome_of(item, told[item.external_id]) for item in items]


def _outcome_of(item: Item, outcome: Outcome) -> Told:
    match outcome.result:
        case "deleted":
            return item, Result.DELETED, ""
        case "already_gone":
            return item, Result.ALREADY_GONE, ""
        case "forbidden":
            return item, Result.NEEDS_PERSON, "forbidden"
    return receipts.failure(item, outcome.code or "server_error", permanent=outcome.permanent)


# --- what became of an unknown ---------------------------------------------------------------------------------------


def settle_unknown(plan: Plan, system_id: UUID, connector: ContentConnector, *, beat: Beat) -> None:
    """Ask the system what became of every intent without a receipt, before anything else is sent."""
    open_steps = Step.objects.filter(plan=plan, system_id=system_id, intents__receipt__isnull=True)
    for step in open_steps.filter(intents__isnull=False).distinct():
        beat()
        settle(step, connector, beat=beat)


def settle(step: Step, connector: ContentConnector, *, beat: Beat) -> list[Told]:
    """Look at every item of the step, and write down what is gone and what must be tried again.

    Only a verb that its connector declares to be ``idempotent`` may go again without a look of its own.
    """
    intent = receipts.take_over(step)
    if intent is None:
        raise Refused("lease_runs", "Another worker may still be acting. Its lease must run out first.")
    items = list(step.items.order_by("external_id", "content_key"))
    if connector.manifest.repeats(_VERBS.get(Step.Kind(step.kind), "")) == "idempotent":
        outcomes = [receipts.failure(item, "unknown", permanent=False) for item in items]
        receipts.receive(intent, outcomes)
        return outcomes
    wanted = {item.external_id: item.occurred_at for item in items}
    try:
        seen = lookups.see(connector, step.system_id, list(wanted.items()), beat=beat)
    except (ConnectorError, Refused):
        receipts.release(intent.step)
        raise
    gone = Result.ALREADY_GONE if step.kind == Step.Kind.LOOK else Result.DELETED  # a look has sent nothing
    outcomes = []
    for item in items:
        interaction = seen[item.external_id]
        present = interaction is not None and item.content_key in {content.key for content in interaction.content}
        outcomes.append(receipts.failure(item, "unknown", permanent=False) if present else (item, gone, ""))
    receipts.receive(intent, outcomes, probed=True)
    return outcomes
