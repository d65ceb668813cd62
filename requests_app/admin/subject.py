"""Data subjects: that there is someone, and when they were forgotten. Never a name or an identifier."""

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from requests_app.admin.read_only import ReadOnlyAdmin
from requests_app.models import DataSubject, Request

#: Counted for the rows of a page alone: a join would count everybody's before it cuts the page out.
_REQUESTS = Coalesce(
    Subquery(
        Request.objects.filter(subject=OuterRef("pk")).order_by().values("subject").annotate(n=Count("pk")).values("n")
    ),
    0,
)


@admin.register(DataSubject)
class DataSubjectAdmin(ReadOnlyAdmin):
    """The people behind the requests, as random ids."""

    list_display = ("label", "kind", "request_count", "created_at", "forgotten_at")
    list_filter = ("kind", ("forgotten_at", admin.EmptyFieldListFilter))
    fields = ("kind", "unsafe_contact", "created_at", "forgotten_at")
    list_lede = "One line for each person, without a name. Names and identifiers are on the pages of their requests."
    empty_title = "Nobody yet"
    empty_lede = "A data subject appears with their first request."

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataSubject]:
        return super().get_queryset(request).annotate(request_total=_REQUESTS)

    @admin.display(description="Data subject")
    def label(self, subject: DataSubject) -> str:
        return f"…{subject.pk.hex[-6:]}"

    @admin.display(description="Requests")
    def request_count(self, subject: DataSubject) -> int:
        return subject.request_total  # type: ignore[attr-defined]  # annotated above
