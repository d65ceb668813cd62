"""The proof behind a list: its digest, its versions, every step with intent and receipt, every read-back.

In:  a frozen list.
Out: one page for whoever may see cases; nothing on it can be changed.
Never here: an identifier, in clear or masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from content_app import plan_digest, receipts
from content_app.admin import doors, figures, words
from content_app.connectors.base import ERROR_CODES
from content_app.models import Intent, Plan, ReceiptItem, Step, Verification
from requests_app.models import Approval

STEPS_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the work: what was intended, and what came of it."""

    step: Step
    count: int
    intents: list[Intent]


def proof(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The proof tab of one list. The digest is recomputed from the rows while one waits."""
    plan = get_object_or_404(Plan.objects.select_related("request__subject", "created_by"), pk=plan_id)
    case = doors.case_for(request, plan.request_id)
    steps = plan.steps.select_related("system").annotate(count=Count("step_items")).order_by("-id")
    page = Paginator(steps, STEPS_A_PAGE).get_page(request.GET.get("page"))
    recomputed = "" if case.subject.forgotten_at else plan_digest.digest(plan)
    context = {
        "title": f"{case.reference}: proof of list {plan.version}", "case": case, "plan": plan, "page": page,
        "format": plan_digest.FORMAT, "recomputed": recomputed, "matches": recomputed == plan.digest,
        "versions": case.plans.exclude(digest="").select_related("created_by").order_by("-version"),
        "approvals": _approvals(plan), "stages": _stages(page.object_list), "rounds": _rounds(plan),
        "items": plan.items.count(), "sees_ledger": doors.user_of(request).has_perm("requests_app.view_ledgerleaf"),
        "searches": figures.searches(case), "frozen_by": doors.name_of(plan.created_by), "stuck": _stuck(plan),
    }  # fmt: skip
    return doors.page(request, "content/proof.html", context)


def _approvals(plan: Plan) -> list[tuple[Approval, str, bool]]:
    """(approval, by whom, whether it was taken back)."""
    given = Approval.objects.filter(plan_id=plan.pk).select_related("by", "withdrawal")
    return [(one, doors.name_of(one.by), hasattr(one, "withdrawal")) for one in given]


def _stages(steps: Any) -> list[Stage]:
    listed = list(steps)
    intents: dict[UUID, list[Intent]] = {}
    rows = Intent.objects.filter(step__in=listed).select_related("receipt").order_by("fence")
    for intent in rows:
        intents.setdefault(intent.step_id, []).append(intent)
    return [Stage(step, step.count, intents.get(step.pk, [])) for step in listed]


def _stuck(plan: Plan) -> list[tuple[str, str, str, str]]:
    """(what, system, interaction, why) of the first items that failed for good."""
    given_up = ReceiptItem.objects.filter(item=OuterRef("pk"), outcome=ReceiptItem.Outcome.NEEDS_PERSON)
    failed = receipts.to_delete(plan).filter(Exists(given_up)).annotate(code=Subquery(given_up.values("code")[:1]))
    return [
        (words.capitalised(words.class_word(item.content_class)), item.system.name, item.external_id,
         (ERROR_CODES | receipts.CODES).get(item.code or "", item.code or ""))
        for item in failed.select_related("system")[:STEPS_A_PAGE]
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Round:
    """One read-back as the ledger has it: the same leaf, the same moment."""

    name: str
    result: str
    count: int
    at: datetime
    leaf: UUID


_ROUNDS = {0: "Trial: the first one alone", 1: "At once", 2: "Again later"}


def _rounds(plan: Plan) -> list[Round]:
    rows = Verification.objects.filter(item__plan=plan).order_by("round", "leaf", "result")
    counted = rows.values("round", "leaf", "leaf__at", "result").annotate(count=Count("pk"))
    return [
        Round(_ROUNDS.get(one["round"], str(one["round"])), Verification.Result(one["result"]).label, one["count"],
              one["leaf__at"], one["leaf"])
        for one in counted
    ]  # fmt: skip
