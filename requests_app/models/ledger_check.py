"""What the daily self-check of the ledger found. Append-only: a red result cannot be made to disappear."""

from django.conf import settings
from django.db import models

from requests_app.models.base import Row


class LedgerCheck(Row):
    """One check: everything that has a number was recomputed."""

    at = models.DateTimeField(db_index=True)
    size = models.BigIntegerField(help_text="Entries with a number.")
    pending = models.BigIntegerField(help_text="Entries that waited for one.")
    root = models.CharField(max_length=64)
    ok = models.BooleanField()
    #: The first faults in words: numbers and ids of entries, never personal data. ``fault_count`` says how many.
    faults = models.JSONField(default=list)
    fault_count = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: by itself."
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"check of {self.size} entries"
