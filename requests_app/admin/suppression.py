"""The suppression list on screen: how many entries, why, since when, and when somebody must look again."""

from django.contrib import admin

from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.models import Suppression


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Digests alone: whom an entry is about is known when that person is taken down again."""

    list_display = ("label", "reason", "channel", "since", "review_on")
    list_filter = ("reason", "channel", ("review_on", When))
    fields = ("reason", "channel", "since", "review_on")
    list_title = "Suppression list"
    list_lede = (
        "People who must not be contacted, as keyed digests. Whom one is about shows on the page of their request."
    )
    empty_title = "Nobody is on the list"
    empty_lede = "An objection puts a person here; with an erasure, staff can."

    @admin.display(description="Entry")
    def label(self, entry: Suppression) -> str:
        return f"…{entry.pk.hex[-6:]}"
