"""The safeguards on one screen: the stops, what the brake has left today, what it holds, who released what.

In:  supervisors and administrators; auditors and data protection officers, who only look.
Out: one page, and one call of a room a POST.
Never here: personal data, or a switch that needs no reason to be turned back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from content_app import brakes, safeguards, systems
from content_app.admin import doors, words
from content_app.models import Allowance, BrakeRelease, Cap, Errand, Plan, Safeguard, System
from requests_app import clock
from requests_app.models import Approval, Request
from requests_app.states import State

#: Rows of a list that the page shows.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a cap is used today, by all or by one approver."""

    label: str
    used: int
    most: int


@dataclass(frozen=True, slots=True)
class Held:
    """A request whose list the brake holds, and what it exceeds."""

    case: Request
    why: str


@admin.register(Safeguard)
class SafeguardAdmin(admin.ModelAdmin):
    """Carries the screen; it has none of Django's pages."""

    def get_urls(self) -> list[Any]:
        def own(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"content_{name}")

        return [
            own("", require_GET(show), "safeguards"),
            own("stop/", require_POST(stop_all), "stop_all"),
            own("lift/", require_POST(lift_all), "lift_all"),
            own("of/<uuid:request_id>/release/", require_POST(release), "release"),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


def show(request: HttpRequest) -> HttpResponse:
    """Where things stand, for whoever may see the safeguards."""
    user = doors.user_of(request)
    if not user.has_perm("content_app.view_safeguard"):
        raise PermissionDenied("Your role does not see the safeguards.")
    stop = safeguards.stop()
    context = {
        "title": "Safeguards", "stop": stop, "stopped_by": doors.name_of(stop.by) if stop and stop.by else "",
        "why": dict(systems.STOP_REASONS + systems.LIFT_REASONS).get(stop.reason, "") if stop else "",
        "may_stop": user.has_perm("content_app.stop_system"), "may_cases": user.has_perm("requests_app.view_request"),
        "systems": System.active.order_by("name"),
        "stop_reasons": systems.STOP_REASONS, "lift_reasons": systems.LIFT_REASONS,
        "uses": _uses(), "plan_cap": settings.PORTAL_PLAN_CAP, "typed_above": settings.PORTAL_TYPED_ABOVE,
        "delay": settings.PORTAL_APPROVAL_DELAY_HOURS, "delayed": _delayed(), "held": _held(),
        "releases": _releases(),
    }  # fmt: skip
    return doors.page(request, "content/safeguards.html", context)


def _uses() -> list[Use]:
    today = Allowance.objects.filter(day=brakes.today())
    everybody = today.filter(approver__isnull=True).first()
    uses = [Use("Everybody", everybody.items if everybody else 0, brakes.most(Cap.DAY))]
    theirs = today.filter(approver__isnull=False).select_related("approver").order_by("-items", "approver__username")
    return [*uses, *(Use(doors.name_of(row.approver), row.items, brakes.most(Cap.APPROVER)) for row in theirs)]


def _delayed() -> list[Approval]:
    """Approvals that can still be withdrawn by one click."""
    waiting = Approval.objects.filter(withdrawal__isnull=True, execute_after__gt=clock.now())
    approved = waiting.filter(request__state=State.APPROVED).select_related("request", "by")
    return list(approved.order_by("execute_after")[:SHOWN])


def _held() -> list[Held]:
    errands = Errand.objects.filter(attention=Errand.Attention.BRAKED, request__state=State.APPROVED)
    cases = [errand.request for errand in errands.select_related("request").order_by("request__received_at")[:SHOWN]]
    return [Held(case, holds(plan)) for case in cases if (plan := doors.current_plan(case)) is not None]


def _releases() -> list[tuple[BrakeRelease, str, str]]:
    """(release, by whom, why), the latest first."""
    rows = BrakeRelease.objects.select_related("plan__request", "by").order_by("-pk")[:SHOWN]
    return [(row, doors.name_of(row.by), dict(safeguards.RELEASE_REASONS).get(row.reason, "")) for row in rows]


def holds(plan: Plan) -> str:
    """What of the brake a list exceeds, in one phrase; empty for nothing."""
    return words.joined([words.beyond(room.cap, room.most, room.used) for room in brakes.exceeded(plan)])


def foreseen(approver: User, files: int) -> list[str]:
    """What a list of so many files would exceed if this person approved it now."""
    tight = [room for room in brakes.rooms(approver.pk) if files > room.left]
    return [words.beyond(room.cap, room.most, room.used) for room in tight]


# --- acts ------------------------------------------------------------------------------------------------------------


def stop_all(request: HttpRequest) -> HttpResponse:
    """Stop every call to every system. It does not wait for words: without a reason it is a precaution."""
    user, reason = doors.user_of(request), request.POST.get("reason") or "precaution"
    return doors.act(
        request, lambda: safeguards.set_stop(actor=user, reason=reason),
        done="The emergency stop is set. Nothing more is sent to any system.", back=reverse("admin:content_safeguards"),
    )  # fmt: skip


def lift_all(request: HttpRequest) -> HttpResponse:
    """Let the work go on."""
    user, reason = doors.user_of(request), request.POST.get("reason", "")
    return doors.act(
        request, lambda: safeguards.lift_stop(actor=user, reason=reason),
        done="The emergency stop is lifted. The work goes on.", back=reverse("admin:content_safeguards"),
    )  # fmt: skip


def release(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """A second supervisor releases a list that the brake holds. Whoever tries is written down by the room."""
    user, told = doors.user_of(request), request.POST
    typed, plan_id = doors.number(told.get("items", "")), doors.uuid(told.get("plan_id", ""))
    case = doors.case_for(request, request_id)
    return doors.act(
        request,
        lambda: safeguards.release(
            case.pk, actor=user, plan_id=plan_id or UUID(int=0), items=-1 if typed is None else typed,
            reason=told.get("reason", ""),
        ),
        done="Released. The deletion goes on within a minute.",
        back=reverse("admin:requests_app_request_change", args=[case.pk]),
    )  # fmt: skip
