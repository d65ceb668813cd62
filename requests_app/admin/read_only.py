"""A page that shows and never changes: lists and entries that nobody may edit, whatever their permissions.

In:  a model.
Out: a ``ModelAdmin`` that answers every question about adding, changing and deleting with no.
Never here: an exception for superusers.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from requests_app.admin.absent import NotFoundAdmin
from requests_app.admin.paging import CappedPaginator, PagedList


class When(admin.DateFieldListFilter):
    """A date filter that is called what people call it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "received" if self.field_path == "received_at" else "when"


class ReadOnlyAdmin(NotFoundAdmin):
    """Viewing needs the model's view permission; everything else is refused to everybody."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    #: Figures beside every choice of every filter would count the whole table several times.
    show_facets = admin.ShowFacets.NEVER
    #: The list's title (empty: the model's own name), the line beneath it, and the words of an empty list.
    list_title = ""
    list_lede = ""
    empty_title = "Nothing here yet"
    empty_lede = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        words = {"list_title": self.list_title, "title": self.list_title or str(self.opts.verbose_name).capitalize()}
        return super().changeform_view(request, object_id, form_url, words | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        names = ("list_title", "list_lede", "empty_title", "empty_lede")
        words = {name: getattr(self, name) for name in names}
        return super().changelist_view(request, words | (extra_context or {}))
