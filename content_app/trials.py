"""The first deletion at a system: made alone and read back, before anything else of a list goes.

In:  a plan, the trials that were read back, a person's word that a system was mended.
Out: whether the system keeps its word.
Never here: the deletion itself (``execution`` makes it), or a second try that no person asked for.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from content_app import receipts
from content_app.connectors.base import ContentConnector
from content_app.models import Coverage, Item, Mending, Plan, ReceiptItem, Verification
from requests_app import audit, gates
from requests_app.errors import Refused
from requests_app.models import Request
from requests_app.states import State

#: Why a trial may be tried again.
MENDED_REASONS = (
    ("vendor_mended", "The vendor has mended it"),
    ("account_corrected", "The account was corrected, such as its permission to delete"),
    ("deletes_late", "It deletes with a delay, and the content is gone now"),
)
_FAILED = "The first deletion did not take effect. A person must look at the system."


def is_passed(plan: Plan, system_id: UUID) -> bool:
    """The system has kept its word for this list. ``Refused`` when the last trial failed and nobody mended it."""
    if _trials(plan, system_id).filter(result=Verification.Result.VERIFIED_ABSENT).exists():
        return True
    if system_id in failed_trials(plan):
        raise Refused("trial_failed", _FAILED)
    return False


def untested(plan: Plan, system_id: UUID) -> Item | None:
    """An item that was deleted and not read back as a trial: also what a run deleted that died before it looked."""
    gone = ReceiptItem.objects.filter(item=OuterRef("pk"), outcome=ReceiptItem.Outcome.DELETED)
    deleted = receipts.to_delete(plan).filter(Exists(gone), system_id=system_id)
    return deleted.exclude(external_id__in=_trials(plan, system_id).values("item__external_id")).first()


def read_back(connector: ContentConnector, item: Item) -> None:
    """Look whether it is gone, and write that down. ``Refused`` when it is not."""
    left = connector.get(item.external_id)
    absent = left is None or item.content_key not in {content.key for content in left.content}
    _note(item, absent=absent)
    if not absent:
        raise Refused("trial_failed", _FAILED)


def _note(item: Item, *, absent: bool) -> None:
    with transaction.atomic(durable=True):
        leaf = audit.append(
            "deletion.verified", actor=audit.WORKER, about=item.plan.request_id, plan=item.plan_id, absent=int(absent),
            reappeared=int(not absent), not_verifiable=0, round=0,
        )  # fmt: skip
        result = Verification.Result.VERIFIED_ABSENT if absent else Verification.Result.REAPPEARED
        Verification.objects.create(item=item, round=0, result=result, leaf=leaf)


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


def standings(plan: Plan) -> list[tuple[str, str]]:
    """(system, ``waiting``, ``passed`` or ``failed``) of the first deletion in each system of a list."""
    passed = set(_passed(plan).values_list("item__system_id", flat=True))
    failed = failed_trials(plan)
    covered = plan.coverage.filter(disposition=Coverage.Disposition.DELETE).order_by("system__name")
    return [
        (name, "passed" if pk in passed else "failed" if pk in failed else "waiting")
        for pk, name in covered.values_list("system_id", "system__name").distinct()
    ]


def _passed(plan: Plan) -> QuerySet[Verification]:
    return Verification.objects.filter(item__plan=plan, round=0, result=Verification.Result.VERIFIED_ABSENT)


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
