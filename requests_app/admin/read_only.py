"""A page that shows and never changes: lists and entries that nobody may edit, whatever their permissions.

In:  a model.
Out: a ``ModelAdmin`` that answers every question about adding, changing and deleting with no.
Never here: an exception for superusers.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """Viewing needs the model's view permission; everything else is refused to everybody."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    #: Words above an empty list and beneath the title.
    list_lede = ""
    empty_title = "Nothing here yet"
    empty_lede = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        words = {"list_lede": self.list_lede, "empty_title": self.empty_title, "empty_lede": self.empty_lede}
        return super().changelist_view(request, words | (extra_context or {}))
