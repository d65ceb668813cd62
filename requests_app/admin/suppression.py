"""The suppression list on screen: how many entries, why, since when; those that are due are kept or ended.

In:  somebody who sees the list; a decision and its reason.
Out: a list, a page of each entry, one room call and one message.
Never here: whom an entry is about. Only the page of their request can tell.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from requests_app import suppression
from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.admin.request_views import user_of
from requests_app.errors import Refused
from requests_app.models import Suppression

_LIST = "admin:requests_app_suppression_changelist"


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Digests alone: whom an entry is about is known when that person is taken down again."""

    list_display = ("label", "reason", "channel", "since", "review_on")
    list_filter = ("reason", "channel", ("review_on", When))
    fields = ("reason", "channel", "since", "review_on", "reviewed_at", "kept_because")
    change_form_template = "requests/suppression.html"
    list_title = "Suppression list"
    list_lede = (
        "People who must not be contacted, as keyed digests. Whom one is about shows on the page of their request."
    )
    empty_title = "Nobody is on the list"
    empty_lede = "An objection puts a person here; with an erasure, staff can."

    @admin.display(description="Entry")
    def label(self, entry: Suppression) -> str:
        return f"…{entry.pk.hex[-6:]}"

    def get_urls(self) -> list[Any]:
        acts = {"keep": self.keep_view, "end": self.end_view}
        own = [
            path(
                f"<uuid:entry_id>/{name}/", self.admin_site.admin_view(require_POST(view)),
                name=f"requests_app_suppression_{name}",
            )
            for name, view in acts.items()
        ]  # fmt: skip
        return [*own, *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        may = user_of(request).has_perm("requests_app.review_suppression")
        due = suppression.is_due(object_id)
        review = {
            "may_review": may and due, "reasons_to_keep": Suppression.Kept.choices,
            "reasons_to_end": suppression.ENDED_BECAUSE,
        }  # fmt: skip
        return super().changeform_view(request, object_id, form_url, review | (extra_context or {}))

    def keep_view(self, request: HttpRequest, entry_id: UUID) -> HttpResponse:
        """The entry stays, until the next review."""
        room = partial(suppression.keep, entry_id, actor=user_of(request), reason=request.POST.get("reason", ""))
        return self._act(request, entry_id, room, done="The entry stays. The next review is on {:%-d %B %Y}.")

    def end_view(self, request: HttpRequest, entry_id: UUID) -> HttpResponse:
        """The entry goes."""
        room = partial(suppression.end, entry_id, actor=user_of(request), reason=request.POST.get("reason", ""))
        return self._act(request, entry_id, room, done="The entry is gone. The ledger says why.")

    def _act(self, request: HttpRequest, entry_id: UUID, room: Callable[[], Any], *, done: str) -> HttpResponse:
        try:
            told = room()
        except Refused as refused:
            if refused.code == "not_permitted":
                raise PermissionDenied(refused.message) from None
            messages.error(request, refused.message)
            if refused.code != "no_entry":
                return redirect("admin:requests_app_suppression_change", entry_id)
        else:
            messages.success(request, done.format(told))
        return redirect(_LIST)
