"""The data subject, and the keys under which everything about them is encrypted."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from requests_app.models.base import Row


class KekEpoch(models.Model):
    """An epoch of the key-encryption key. The key itself is in the environment, never here."""

    id = models.PositiveIntegerField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"epoch {self.id}"


class DataSubject(Row):
    """An identified or identifiable natural person (Art. 4(1) GDPR)."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        STAFF = "staff", "Staff member"
        OTHER = "other", "Other person"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CUSTOMER)
    staff_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    unsafe_contact = models.BooleanField(
        default=False, help_text="Do not contact this person at addresses that others may read."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was decided that the term is over. Nothing is added from then on."
    )
    cleared_at = models.DateTimeField(null=True, blank=True, help_text="When the last trace was gone.")

    class Meta:
        verbose_name = "data subject"
        indexes = [
            models.Index(
                fields=["forgotten_at"],
                condition=Q(forgotten_at__isnull=False, cleared_at__isnull=True),
                name="subject_being_forgotten",
            ),
            models.Index(fields=["id"], condition=Q(forgotten_at__isnull=False), name="subject_forgotten"),
            models.Index(fields=["created_at"], condition=Q(forgotten_at__isnull=True), name="subject_living"),
            models.Index(fields=["kind", "id"], name="subject_by_kind"),
        ]

    def __str__(self) -> str:
        return f"data subject …{self.pk.hex[-6:]}"


class SubjectKey(models.Model):
    """A data key of one subject for one purpose, wrapped by a key-encryption key. Destroying it forgets the data."""

    class Purpose(models.TextChoices):
        IDENTIFIERS = "identifiers", "Identifiers"
        LETTERS = "letters", "Letters"
        LEDGER = "ledger", "Ledger payloads"

    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="keys")
    purpose = models.CharField(max_length=12, choices=Purpose)
    wrapped = models.BinaryField(null=True)
    epoch = models.ForeignKey(KekEpoch, on_delete=models.PROTECT, related_name="+")
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "purpose"], name="subjectkey_one_a_purpose"),
            models.CheckConstraint(
                condition=Q(wrapped__isnull=True, destroyed_at__isnull=False)
                | Q(wrapped__isnull=False, destroyed_at__isnull=True),
                name="subjectkey_gone_exactly_when_destroyed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key of {self.subject_id}"
