"""The access log: who looked at whose data. Readers browse and filter; nobody changes it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.models import AccessLogEntry, Request

_What = AccessLogEntry.What
_ABOUT_A_REQUEST = (_What.REQUEST, _What.REPORT, _What.LEDGER)


@admin.register(AccessLogEntry)
class AccessLogAdmin(ReadOnlyAdmin):
    """One line for each look."""

    list_display = ("at", "who", "what", "reason_", "object_link")
    list_display_links = None
    list_filter = ("what", "reason", ("at", When))
    search_fields = ("user__username", "object_id")
    search_help_text = "Search by user name, or by the id of a request."
    list_lede = "Who looked at personal data or took some of it out of the portal, and why."
    empty_title = "Nobody has looked yet"
    empty_lede = "Every view of personal data, every search and every export leaves a line here."

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessLogEntry]:
        return super().get_queryset(request).select_related("user")

    @admin.display(description="Who", ordering="user__username")
    def who(self, entry: AccessLogEntry) -> str:
        return entry.user.get_full_name() or entry.user.get_username()

    @admin.display(description="Reason", ordering="reason")
    def reason_(self, entry: AccessLogEntry) -> str:
        return entry.get_reason_display() or "–"

    @admin.display(description="Object")
    def object_link(self, entry: AccessLogEntry) -> str:
        """A request by its page; anything else by the end of its random id."""
        if not entry.object_id:
            return "–"
        if entry.what in _ABOUT_A_REQUEST:
            url = reverse("admin:requests_app_request_change", args=[entry.object_id])
            return format_html('<a class="reference" href="{}">{}</a>', url, _reference(entry.object_id))
        if entry.what == AccessLogEntry.What.BUNDLE:
            url = reverse("admin:requests_app_sample_change", args=[entry.object_id])
            return format_html('<a href="{}">Sample …{}</a>', url, entry.object_id[-6:])
        return format_html('<span class="mono" title="{}">…{}</span>', entry.object_id, entry.object_id[-6:])


def _reference(request_id: str) -> str:
    found = Request.objects.filter(pk=request_id).values_list("reference", flat=True).first()
    return found or f"…{request_id[-6:]}"
