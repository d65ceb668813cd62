"""The workshop's panel on the page of a request: what was found, what is listed, what is gone.

In:  a request in any state, and who looks.
Out: one fragment of HTML. While work is going on it asks for itself again, and once it rests it answers 286.
Never here: personal data. Whoever may see a request may see its panel; which buttons it shows is a courtesy.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from content_app import discovery, leftovers, pipeline, planning, progress, receipts, safeguards, trials
from content_app.admin import doors, figures, replying, safeguarding, words
from content_app.models import Candidate, Errand, Plan
from requests_app import approval, clock
from requests_app.models import Approval, Request, Right
from requests_app.states import State

#: htmx ends its polling when it gets this answer.
RESTS = 286
#: Seconds between two looks: while something moves, while it waits for somebody elsewhere, while a delay runs.
MOVING, WAITING, COUNTING_DOWN = 2, 10, 30
#: What keeps the workers from going on until somebody has acted.
_BLOCKS = frozenset({
    Errand.Attention.SHADOW, Errand.Attention.STOPPED, Errand.Attention.CREDENTIALS, Errand.Attention.DIGEST,
    Errand.Attention.NEEDS_PERSON, Errand.Attention.LEDGER, Errand.Attention.BRAKED, Errand.Attention.STATISTICS,
    *pipeline.PARKED,
})  # fmt: skip
#: Phases of an approved list in which the brake may hold it.
_BRAKEABLE = frozenset({"delayed", "starting", "deleting"})


def panel(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The fragment. A page that shows an older state is told to load itself afresh."""
    case, user = doors.case_for(request, request_id), doors.user_of(request)
    context = context_of(case, user)
    seen = request.GET.get("seen")
    if seen and seen != context["token"]:
        return HttpResponse(headers={"HX-Refresh": "true"})
    status = 200 if context["every"] else RESTS
    response = render(request, "content/panel.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def context_of(case: Request, user: User) -> dict[str, Any]:
    """Everything the fragment says. ``token`` changes when the page around it must change too."""
    errand = Errand.objects.filter(request=case).first()
    attention = errand.attention if errand else ""
    told: dict[str, Any] = {
        "case": case,
        "may": _may(user),
        "erases": case.right == Right.ERASURE,
        "own": _is_own(case, user),
    }
    told |= {"attention": words.ATTENTION.get(attention), "every": 0, "phase": str(case.state)}
    if case.subject.forgotten_at:
        told |= {"phase": "forgotten", "attention": None, "plan": doors.current_plan(case)}
    elif case.origin == Request.Origin.HISTORY:
        told |= {"phase": "history"}
    else:
        told |= _FILL.get(State(case.state), _nothing)(case)
        told |= {"parked": attention in pipeline.PARKED, "restart_reasons": pipeline.RESTART_REASONS}
        told |= {"progress": progress.of_one(case) if told["every"] else None}
    if told["phase"] in _BRAKEABLE and (attention == Errand.Attention.BRAKED or told["phase"] != "deleting"):
        told |= _brake(case, user, told["plan"])
    if told["every"] and attention in _BLOCKS:
        told["every"] = WAITING
    return told | {"token": f"{case.state}.{told['phase']}"}


def _may(user: User) -> dict[str, bool]:
    return {
        "choose": user.has_perm("requests_app.validate_request"),
        "freeze": user.has_perm("requests_app.freeze_request"),
        "approve": user.has_perm("requests_app.approve_request"),
        "close": user.has_perm("requests_app.close_request"),
        "export": user.has_perm("requests_app.export_request"),
        "systems": user.has_perm("content_app.view_system"),
        "safeguards": user.has_perm("content_app.view_safeguard"),
    }


def _is_own(case: Request, user: User) -> bool:
    return user.pk in (case.subject_user_id, case.subject.staff_user_id)


# --- state by state --------------------------------------------------------------------------------------------------


def _nothing(case: Request) -> dict[str, Any]:
    return {}


def _validated(case: Request) -> dict[str, Any]:
    searches = figures.searches(case)
    rows = figures.choosable(case)
    table = figures.by_class(rows)
    finished = bool(searches) and discovery.is_finished(case)
    return {
        "phase": "found" if finished else "searching" if searches else "no_system",
        "every": 0 if finished or not searches else MOVING,
        "searches": searches, "counts": figures.counts(case), "leftovers": leftovers.latest(case),
        "table": table, "contacts": figures.contacts(rows),
        "files": sum(row.count for row in table), "open": sum(row.open for row in table),
        "going": sum(row.go for row in table), "keeping": sum(row.keep for row in table),
        "strangers": figures.strangers(case), "left_out": figures.left_out(case),
        "late": figures.contacts(figures.after_scope(case)),
    }  # fmt: skip


def _planned(case: Request) -> dict[str, Any]:
    plan = doors.current_plan(case)
    told: dict[str, Any] = {"plan": plan, "leftovers": leftovers.latest(case)}
    if plan is not None:
        told |= {"extent": figures.extent(plan), "expired": plan.expires_at < clock.now()}
    return told


def _approved(case: Request) -> dict[str, Any]:
    plan = doors.current_plan(case)
    given = Approval.objects.filter(request=case, withdrawal__isnull=True).select_related("by").order_by("at").last()
    if plan is None or given is None:
        return {}
    done = figures.deletion(plan)
    delayed = given.execute_after > clock.now() and not done.begun
    return {
        "phase": "delayed" if delayed else "deleting" if done.begun else "starting",
        "every": COUNTING_DOWN if delayed else MOVING, "trials": trials.standings(plan),
        "plan": plan, "approval": given, "approver": doors.name_of(given.by), "deletion": done,
        "trial_failed": trials.failed_trials(plan), "mended_reasons": trials.MENDED_REASONS,
        "extent": figures.extent(plan), "withdraw_reasons": approval.WITHDRAW_APPROVAL_REASONS,
    }  # fmt: skip


def _brake(case: Request, user: User, plan: Plan) -> dict[str, Any]:
    """What of the brake the list exceeds, and who may release it."""
    return {
        "beyond": safeguarding.holds(plan), "release_bars": safeguards.release_bars(case, user),
        "release_reasons": safeguards.RELEASE_REASONS,
    }  # fmt: skip


def _executed(case: Request) -> dict[str, Any]:
    return _results(case) | {"every": MOVING}


def _results(case: Request) -> dict[str, Any]:
    plan = doors.current_plan(case)
    later = figures.choosable(case)
    turned_up = planning.open_supplement(case)
    return {
        "leftovers": leftovers.latest(case), "plan": plan, "extent": figures.extent(plan) if plan else None,
        "deletion": figures.deletion(plan) if plan else None,
        "at_once": figures.read_back(case.pk, round_number=1), "again": figures.read_back(case.pk, round_number=2),
        "again_due": Errand.objects.filter(request=case).values_list("again_at", flat=True).first(),
        "turned_up": turned_up,
        "came_back": receipts.waiting(case).filter(kind=Candidate.Kind.REAPPEARED).count(),
        "supplement": figures.by_class(later) if turned_up else [],
    }  # fmt: skip


def _verified(case: Request) -> dict[str, Any]:
    return _results(case) | {"channels": replying.CHANNELS} | replying.offer(case)


def _ended(case: Request) -> dict[str, Any]:
    return replying.offer(case)


_FILL = {
    State.VALIDATED: _validated,
    State.PLANNED: _planned,
    State.APPROVED: _approved,
    State.EXECUTED: _executed,
    State.VERIFIED: _verified,
    State.CLOSED: _verified,
    State.REFUSED: _ended,
    State.WITHDRAWN: _ended,
    State.NOT_IDENTIFIED: _ended,
}
