"""The addresses of the workshop's screens.

In:  people who may see cases.
Out: the panel, the choosing, the review with its decisions, the proof, the reconciliation, the report.
Never here: a stock page. A list is frozen by its room and changed by nobody, so Django's forms for it do not exist.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from content_app.admin import choosing, panel, proof, reconciling, replying, reviewing, working
from content_app.models import Plan

#: (route, view, URL name); what only shows is safe, and what acts takes a POST.
_SHOWS: tuple[tuple[str, Any, str], ...] = (
    ("of/<uuid:request_id>/panel/", panel.panel, "request_panel"),
    ("of/<uuid:request_id>/review/", reviewing.review, "review"),
    ("of/<uuid:request_id>/report/<slug:fmt>/", replying.report, "report"),
    ("of/<uuid:request_id>/reconciliation/", reconciling.of_request, "request_reconciliation"),
    ("reconciliation/", reconciling.everything, "reconciliation"),
    ("now/", working.now, "now"),
    ("<uuid:plan_id>/proof/", proof.proof, "proof"),
)
_ACTS: tuple[tuple[str, Any, str], ...] = (
    ("of/<uuid:request_id>/freeze/", choosing.freeze, "freeze"),
    ("of/<uuid:request_id>/approve/", reviewing.approve, "approve"),
    ("of/<uuid:request_id>/send-back/", reviewing.send_back, "send_back"),
    ("of/<uuid:request_id>/refuse/", reviewing.refuse, "refuse"),
    ("of/<uuid:request_id>/withdraw-approval/", reviewing.withdraw, "withdraw_approval"),
    ("of/<uuid:request_id>/try-again/", reviewing.mend, "mend"),
    ("of/<uuid:request_id>/start-again/", working.restart, "restart"),
    ("of/<uuid:request_id>/reply/", replying.reply, "reply"),
)


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    """Carries the workshop's own views; it has none of Django's."""

    def get_urls(self) -> list[Any]:
        def own(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"content_{name}")

        both = require_http_methods(["GET", "POST"])
        return [
            own("of/<uuid:request_id>/choose/", both(choosing.choose), "choose"),
            *(own(route, require_GET(view), name) for route, view, name in _SHOWS),
            *(own(route, require_POST(view), name) for route, view, name in _ACTS),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False
