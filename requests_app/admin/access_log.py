"""The access log: who looked at whose data. Readers browse and filter; nobody changes it."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from requests_app.admin.ledger_list import uuid_of
from requests_app.admin.paging import older_than
from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.models import AccessLogEntry, Request

_What = AccessLogEntry.What
_ABOUT_A_REQUEST = (_What.REQUEST, _What.REPORT, _What.LEDGER)


@admin.register(AccessLogEntry)
class AccessLogAdmin(ReadOnlyAdmin):
    """One line for each look."""

    list_display = ("at", "who", "what", "reason_", "object_link")
    list_display_links = None
    list_filter = ("what", "reason", ("at", When), older_than("at"))
    sortable_by = ("at",)
    search_fields = ("user__username", "object_id")
    search_help_text = "Search by a part of the user name, or by the whole id of a request."
    list_lede = "Who looked at personal data or took some of it out of the portal, and why."
    empty_title = "Nobody has looked yet"
    empty_lede = "Every view of personal data, every search and every export leaves a line here."

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The references of all requests on the page at once."""
        listed = super().get_changelist_instance(request)
        ids = [
            pk for entry in listed.result_list if entry.what in _ABOUT_A_REQUEST and (pk := uuid_of(entry.object_id))
        ]
        references = Request.objects.filter(pk__in=ids).values_list("pk", "reference")
        found = {str(pk): reference for pk, reference in references}
        for entry in listed.result_list:
            entry.reference = found.get(entry.object_id, f"…{entry.object_id[-6:]}")
        return listed

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessLogEntry]:
        return super().get_queryset(request).select_related("user")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AccessLogEntry], search_term: str
    ) -> tuple[QuerySet[AccessLogEntry], bool]:
        """Colleagues are few, so their names are searched first; ids are compared as a whole."""
        if not search_term:
            return queryset, False
        people = list(User.objects.filter(username__icontains=search_term).values_list("pk", flat=True))
        return queryset.filter(Q(user__in=people) | Q(object_id=search_term.strip().lower())), False

    @admin.display(description="Who")
    def who(self, entry: AccessLogEntry) -> str:
        return entry.user.get_full_name() or entry.user.get_username()

    @admin.display(description="Reason")
    def reason_(self, entry: AccessLogEntry) -> str:
        return entry.get_reason_display() or "–"

    @admin.display(description="Object")
    def object_link(self, entry: AccessLogEntry) -> str:
        """A request by its page; anything else by the end of its random id."""
        if not entry.object_id:
            return "–"
        if entry.what in _ABOUT_A_REQUEST:
            url = reverse("admin:requests_app_request_change", args=[entry.object_id])
            return format_html('<a class="reference" href="{}">{}</a>', url, entry.reference)  # type: ignore[attr-defined]  # noted on the list
        if entry.what == AccessLogEntry.What.BUNDLE:
            url = reverse("admin:requests_app_sample_change", args=[entry.object_id])
            return format_html('<a href="{}">Sample …{}</a>', url, entry.object_id[-6:])
        return format_html('<span class="mono" title="{}">…{}</span>', entry.object_id, entry.object_id[-6:])
