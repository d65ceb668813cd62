"""Evidence of who is asking. The copy is encrypted under a key of its own and goes at the check (R-ID-09)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from requests_app.models.base import Row
from requests_app.models.request import Request
from requests_app.models.subject import KekEpoch


class Evidence(Row):
    """One document. After its destruction only the note that there was one remains."""

    class Kind(models.TextChoices):
        IDENTITY = "identity", "Identity document"
        AUTHORITY = "authority", "Authority of a representative"
        MESSAGE = "message", "The request itself"
        OTHER = "other", "Other document"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=10, choices=Kind)
    file = models.FileField(max_length=80, blank=True)
    media_type = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    wrapped_file_key = models.BinaryField(null=True)
    epoch = models.ForeignKey(KekEpoch, on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "evidence"
        # Few documents are left at any time: what is to be destroyed is found among them.
        indexes = [models.Index(fields=["added_at"], condition=Q(destroyed_at__isnull=True), name="evidence_left")]
        permissions = [("open_evidence", "Can open evidence documents")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} …{self.pk.hex[-6:]}"
