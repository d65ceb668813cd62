"""Who looked at whose data. Its own table with its own retention; it is not part of the ledger's tree."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7


class AccessLogEntry(models.Model):
    """One view of personal data, or one export."""

    class What(models.TextChoices):
        REQUEST = "request", "Opened a request"
        EVIDENCE = "evidence", "Opened evidence"
        REPORT = "report", "Exported a report"
        LIST = "list", "Exported a list"
        SEARCH = "search", "Searched for a person"
        RECEIPT = "receipt", "Handed out a receipt"
        MATCH = "match", "Matched an identifier with the ledger"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=10, choices=What)
    object_id = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = "access log entry"
        verbose_name_plural = "access log"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.what} {self.object_id}"
