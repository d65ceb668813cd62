"""Who looked at whose data, and why. Its own table with its own retention; it is not part of the ledger's tree."""

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
        BUNDLE = "bundle", "Exported the evidence of a sample"
        LEDGER = "ledger", "Exported the ledger with the proofs of a request"

    class Reason(models.TextChoices):
        """Why. The first two come with the role; the others are chosen before anything is shown in clear, the last four
        before a document is opened."""

        CASEWORK = "casework", "Work on the request"
        OVERSIGHT = "oversight", "Oversight, nothing shown in clear"
        AUDIT_SAMPLE = "audit_sample", "Checking a sample"
        COMPLAINT = "complaint", "A complaint of the person"
        SUPERVISORY_REQUEST = "supervisory_request", "A question of the supervisory authority"
        INCIDENT = "incident", "A personal data breach or its suspicion"
        SUPPORT = "support", "Helping a colleague with this request"
        IDENTITY_CHECK = "identity_check", "Checking who is asking"
        AUTHORITY_CHECK = "authority_check", "Checking who may act for the person"
        READING_REQUEST = "reading_request", "Reading what the person asks for"
        SECOND_LOOK = "second_look", "Looking again before an approval"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=10, choices=What)
    reason = models.CharField(max_length=20, choices=Reason, blank=True, default="", help_text="Empty: before reasons.")
    object_id = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "access log entry"
        verbose_name_plural = "access log"
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["at", "id"], name="access_by_day"),
            models.Index(fields=["what", "at", "id"], name="access_by_what"),
            models.Index(fields=["reason", "at", "id"], name="access_by_reason"),
            models.Index(fields=["what", "reason", "at", "id"], name="access_by_what_and_reason"),
            models.Index(fields=["user", "at", "id"], name="access_by_user"),
            models.Index(fields=["object_id", "at", "id"], name="access_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.object_id}"
