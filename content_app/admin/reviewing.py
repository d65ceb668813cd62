"""The list as a supervisor reads it, and the decision about it.

In:  a frozen list; for an approval the list's id and digest as they were on the screen, and a ticked confirmation.
Out: one call of the approval room a POST, one message.
Never here: a digest that anybody must read (the proof has a page of its own), or a way round the bar.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from content_app import brakes, leftovers, trials
from content_app.admin import changes, doors, figures, listing, safeguarding, words
from content_app.models import Coverage, Item, Plan, System
from requests_app import approval, clock
from requests_app.models import ApprovalBar, Request
from requests_app.states import State

Nature = Coverage.Disposition


def review(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The list that counts now, or an earlier one by its version, to be read."""
    case = doors.case_for(request, request_id)
    if case.subject.forgotten_at:
        return doors.forgotten(request, case)
    plan = _plan_to_show(request, case)
    return doors.page(request, "content/review.html", _context(request, case, plan))


def _plan_to_show(request: HttpRequest, case: Request) -> Plan:
    version = request.GET.get("version", "")
    plan = case.plans.filter(version=int(version)).first() if version.isdecimal() else doors.current_plan(case)
    if plan is None:
        raise Http404("No list has been frozen yet.")
    return plan


# --- deciding --------------------------------------------------------------------------------------------------------


def approve(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Approve exactly the list that was on the screen.

    No door stands before the room here: whoever tries, whatever their role, is written down by it.
    """
    case, user = get_object_or_404(Request, pk=request_id), doors.user_of(request)
    back = reverse("admin:content_review", args=[case.pk])
    plan_id = doors.uuid(request.POST.get("plan_id", ""))
    plan = case.plans.filter(pk=plan_id).first() if plan_id else None
    if plan is None:
        raise Http404("There is no such list.")
    listed, told = figures.extent(plan).files, request.POST.get("confirmed", "")
    items = doors.number(told)
    if items is None or (items != listed and listed <= settings.PORTAL_TYPED_ABOVE):
        asked = "Tick the box that says" if listed <= settings.PORTAL_TYPED_ABOVE else "Type"
        messages.error(request, f"{asked} how many files are deleted, then approve again.")
        return redirect(back)
    seen = request.POST.get("digest", "")
    digest = seen if seen == plan.digest else ""  # the digest of one list never approves another
    return doors.act(
        request,
        lambda: approval.approve(
            case.pk, actor=user, plan_id=plan.pk, digest=digest, expires_at=plan.expires_at, items=items, listed=listed
        ),
        done="Approved. Nothing outside this list is deleted.", back=_page_of(case), otherwise=back,
    )  # fmt: skip


def send_back(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The list does not fit; staff freeze a fresh one."""
    case, user, reason = _told(request, request_id)
    return doors.act(
        request, lambda: approval.send_back(case.pk, actor=user, reason=reason),
        done="Sent back. Staff look again and freeze a fresh list.", back=_page_of(case),
    )  # fmt: skip


def refuse(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Refuse the request for a reason that the law knows."""
    case, user, reason = _told(request, request_id)
    return doors.act(
        request, lambda: approval.refuse(case.pk, actor=user, reason=reason),
        done="The request is refused. Tell the person the reason and where to complain.", back=_page_of(case),
    )  # fmt: skip


def withdraw(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Take an approval back, as long as nothing was done."""
    case, user, reason = _told(request, request_id)

    def begun() -> bool:
        plan = doors.current_plan(case)
        return plan is not None and plan.steps.exists()

    return doors.act(
        request, lambda: approval.withdraw_approval(case.pk, actor=user, reason=reason, acts_begun=begun),
        done="The approval is withdrawn. Nothing was deleted.", back=_page_of(case),
    )  # fmt: skip


def mend(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The system was mended after its trial deletion had failed: try again."""
    case, user, reason = _told(request, request_id)
    return doors.act(
        request, lambda: trials.mend(case.pk, actor=user, reason=reason),
        done="Noted. Within a minute one more interaction is deleted alone and read back.", back=_page_of(case),
    )  # fmt: skip


def _told(request: HttpRequest, request_id: UUID) -> tuple[Request, Any, str]:
    return doors.case_for(request, request_id), doors.user_of(request), request.POST.get("reason", "")


def _page_of(case: Request) -> str:
    return reverse("admin:requests_app_request_change", args=[case.pk])


# --- showing ---------------------------------------------------------------------------------------------------------


def _context(request: HttpRequest, case: Request, plan: Plan) -> dict[str, Any]:
    user, shown = doors.user_of(request), doors.person_for(request, case).by_row
    kept = plan.items.filter(action=Item.Action.KEEP)
    going = plan.items.exclude(action=Item.Action.KEEP)
    part = request.GET.get("show", "")
    rows = kept if part == "kept" else going
    current = case.state == State.PLANNED and plan.digest == case.plan_digest
    return {
        "title": f"{case.reference}: list {plan.version}", "case": case, "plan": plan, "part": part,
        "extent": figures.extent(plan), "leftovers": leftovers.latest(case),
        "expired": plan.expires_at < clock.now(), "current": current,
        "listed": listing.of_items(
            rows, among=plan.items.all(), plan=plan, shown=shown, number=request.GET.get("page")
        ),
        "kept": _kept(plan), "out_of_reach": _covered(plan, Nature.OUT_OF_REACH), "nothing": _nothing_held(plan),
        "changes": changes.since_last(plan), "person": shown.values(),
        "frozen_by": doors.name_of(plan.created_by), "systems": _systems(plan), "barred": _barred(case, user.pk),
        "versions": case.plans.exclude(digest="").count(), "query": f"show={part}&version={plan.version}",
        **_decision(case, user, plan, current=current),
    }  # fmt: skip


def _decision(case: Request, user: Any, plan: Plan, *, current: bool) -> dict[str, Any]:
    """What this person may decide, and why not."""
    grounds = approval.bars_of(case.pk, user)
    approves = user.has_perm("requests_app.approve_request")
    files = brakes.size(plan) if current and approves else 0
    return {
        "beyond": safeguarding.foreseen(user, files) if files else [], "typed": files > settings.PORTAL_TYPED_ABOVE,
        "may_approve": current and approves and not grounds, "your_bars": grounds if approves else [],
        "may_send_back": current and (approves or user.has_perm("requests_app.freeze_request")),
        "may_refuse": current and user.has_perm("requests_app.refuse_request"),
        "send_back_reasons": approval.SEND_BACK_REASONS, "refuse_reasons": approval.REFUSE_REASONS,
    }  # fmt: skip


def _barred(case: Request, viewer: int) -> list[tuple[str, str, bool]]:
    """(name, why, whether it is the viewer) of everybody who may not approve."""
    grounds: dict[int, tuple[str, list[str]]] = {}
    for bar in ApprovalBar.objects.filter(request=case).select_related("user").order_by("at"):
        _, why = grounds.setdefault(bar.user_id, (doors.name_of(bar.user), []))
        why.append(words.BARRED[ApprovalBar.Ground(bar.ground)])
    return [(name, words.joined(why), user_id == viewer) for user_id, (name, why) in grounds.items()]


def _kept(plan: Plan) -> list[tuple[str, str]]:
    """(what, why) of everything that stays, reason by reason."""
    kept = plan.items.filter(action=Item.Action.KEEP)
    grounds = kept.order_by("ground").values_list("ground", flat=True).distinct()
    return [
        (words.in_words(figures.counts_by_class(kept.filter(ground=ground))), listing.ground_word(ground))
        for ground in grounds
    ]


def _covered(plan: Plan, disposition: str) -> list[tuple[str, str, str]]:
    """(system, class, why) of one disposition."""
    rows = plan.coverage.filter(disposition=disposition).select_related("system").order_by("system__name", "pk")
    return [(row.system.name, words.capitalised(words.class_word(row.content_class, 2)), row.ground) for row in rows]


def _nothing_held(plan: Plan) -> list[tuple[str, str]]:
    """(system, its classes of which nothing is held, in one sentence)."""
    found: dict[str, list[str]] = {}
    for system, word, _ in _covered(plan, Nature.NOTHING_HELD):
        found.setdefault(system, []).append(word[:1].lower() + word[1:] if word[1:2].islower() else word)
    return [(system, words.joined(names)) for system, names in found.items()]


def _systems(plan: Plan) -> list[System]:
    """The systems in which something of this list is to go, and that cannot delete right now."""
    going = plan.items.exclude(action=Item.Action.KEEP).values("system_id")
    return [system for system in System.objects.filter(pk__in=going) if system.shadow or system.stopped]
