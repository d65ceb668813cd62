"""Requests on screen: the list, the page of each, and the addresses of what can be done there.

In:  people with a role.
Out: a list one can read, search and export; a page that says where a request stands.
Never here: the stock change form. A request is moved by its rooms and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from requests_app import access_log
from requests_app.admin import (
    exports,
    known_before,
    receipt_views,
    request_ledger,
    request_page,
    request_search,
    request_views,
    revealing,
)
from requests_app.admin.paging import older_than
from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.admin.request_forms import EvidenceForm, FindingForm
from requests_app.models import Request
from requests_app.states import ENDS, NEXT, State

_EXPORT = (
    "reference", "right", "channel", "jurisdiction", "scope", "state", "outcome", "received_at", "captured_at",
    "closed_at", "origin",
)  # fmt: skip


@admin.register(Request)
class RequestAdmin(ReadOnlyAdmin):
    """``add`` takes down a request; ``change`` is the page of one. Neither is Django's own."""

    list_display = ("reference", "right_", "state_", "next_step", "received_", "jurisdiction")
    list_filter = ("state", "right", "jurisdiction", ("received_at", When), older_than("received_at"))
    #: Every order that is offered has an index. To bring the same state or right together, filters are quicker.
    sortable_by = ("received_",)
    search_fields = ("reference",)
    change_list_template = "requests/request_list.html"
    empty_title = "No requests yet"
    empty_lede = "The first one appears here as soon as somebody takes it down or imports it."

    # --- addresses ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        def own(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"requests_app_request_{name}")

        opened = partial(request_views.open_evidence, self)
        views: dict[str, Callable[..., HttpResponse]] = {
            "finding": request_views.finding,
            "evidence": request_views.evidence,
            "validate": request_views.validate,
            "receipt": receipt_views.receipt,
            "suppress": known_before.suppress,
            "lift-suppression": known_before.lift,
            "reveal": revealing.reveal,
            **{name: partial(request_views.ending, name=name) for name in request_views.ENDINGS},
        }
        acts = [
            own(f"<uuid:request_id>/{slug}/", require_POST(partial(view, self)), slug.replace("-", "_"))
            for slug, view in views.items()
        ]
        return [
            own("taken/", partial(request_views.taken, self), "taken"),
            own("export/", self.export_view, "export"),
            own("match/", partial(receipt_views.match, self), "match"),
            own("<uuid:request_id>/ledger/", partial(request_ledger.ledger_of, self), "ledger"),
            own("<uuid:request_id>/proofs/", partial(request_ledger.proofs_of, self), "proofs"),
            own("<uuid:request_id>/audit-folder/", partial(request_ledger.folder_of, self), "audit_folder"),
            own("find/", require_POST(partial(request_search.find, self)), "find"),
            own("<uuid:request_id>/evidence/<uuid:evidence_id>/", opened, "open_evidence"),
            *acts,
            *super().get_urls(),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return request_views.capture(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        dsr = self.get_object(request, object_id)
        if dsr is None:
            raise Http404("There is no such request.")
        return self.show(request, dsr)

    def show(self, request: HttpRequest, dsr: Request, **forms: Any) -> HttpResponse:
        """The page. A view in clear leaves a line in the access log, with the reason."""
        user = request_views.user_of(request)
        page = request_page.context(dsr, user, reason=revealing.reason_now(request, dsr.pk))
        context = (
            self.admin_site.each_context(request)
            | page
            | revealing.offer(request, dsr.pk)
            | {
                "title": dsr.reference,
                "finding_form": FindingForm(),
                "evidence_form": EvidenceForm(),
                "known_before": known_before.known_before(dsr, user),
                "may_issue": user.has_perm("requests_app.validate_request")
                or user.has_perm("requests_app.refuse_request"),
                "opens_evidence": user.has_perm("requests_app.open_evidence"),
                "opts": self.opts,
            }
            | forms
        )
        return render(request, "requests/request.html", context)

    # --- the list ----------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Request]:
        return super().get_queryset(request).select_related("subject")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Request], search_term: str
    ) -> tuple[QuerySet[Request], bool]:
        """By the beginning of a reference or its last four letters, which an index finds."""
        return (queryset.filter(request_search.like(search_term)) if search_term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        user = request_views.user_of(request)
        may = {
            "may_capture": user.has_perm("requests_app.capture_request"),
            "may_export": user.has_perm("requests_app.export_request"),
        }
        return super().changelist_view(request, may | (extra_context or {}))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        listed = super().get_changelist_instance(request)
        request_search.offer(listed, request.user)
        return listed

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered, as CSV. No personal data in it; taking it out is logged all the same."""
        user = request_views.user_of(request)
        if not (self.has_view_permission(request) and user.has_perm("requests_app.export_request")):
            raise PermissionDenied("Your role does not export lists.")
        try:
            listed = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect("admin:requests_app_request_changelist")
        access_log.note(user, access_log.What.LIST)
        name = f"requests-{timezone.localdate():%Y-%m-%d}.csv"
        return exports.stream(name, listed.queryset, {column: column for column in _EXPORT})

    @admin.display(description="Right", ordering="right")
    def right_(self, dsr: Request) -> str:
        return dsr.get_right_display().partition(" (")[0]

    @admin.display(description="State", ordering="state")
    def state_(self, dsr: Request) -> str:
        return format_html('<span class="badge {}">{}</span>', dsr.state, dsr.get_state_display())

    @admin.display(description="What happens next")
    def next_step(self, dsr: Request) -> str:
        if dsr.state in ENDS or dsr.origin == Request.Origin.HISTORY:
            return format_html('<span class="quiet">{}</span>', "–")
        what, who = NEXT[State(dsr.state)]
        return format_html("{} <span class='who-next'>{}</span>", what, who)

    @admin.display(description="Received", ordering="received_at")
    def received_(self, dsr: Request) -> str:
        days = (timezone.localdate() - timezone.localdate(dsr.received_at)).days
        ago = "today" if days == 0 else f"{days} day{'s' if days != 1 else ''} ago"
        return format_html("{} <span class='sub'>{}</span>", f"{timezone.localtime(dsr.received_at):%-d %b %Y}", ago)
