"""Keyed digests that outlive the person's data: "did they ask before?", and "do not contact them"."""

from django.db import models

from requests_app.models.base import Row
from requests_app.models.request import Request


class SubjectDigest(models.Model):
    """One keyed digest of a forgotten person's identifier, or of their line of an import file (R-AC-02)."""

    class Kind(models.TextChoices):
        IDENTIFIER = "identifier", "Identifier"
        IMPORTED_LINE = "imported_line", "Line of an import file"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="digests")
    kind = models.CharField(max_length=13, choices=Kind, default=Kind.IDENTIFIER)
    #: HMAC-SHA256 under a digest key from the environment, which is no index key.
    hmac = models.BinaryField(max_length=32)
    key_id = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["hmac"], name="subjectdigest_hmac")]
        constraints = [models.UniqueConstraint(fields=["request", "hmac"], name="subjectdigest_once_a_request")]

    def __str__(self) -> str:
        return f"digest of {self.request_id}"


class Suppression(Row):
    """An entry of the suppression list: a keyed digest, why, since when, and for which channel. Nothing else."""

    class Reason(models.TextChoices):
        OBJECTION = "objection", "The person objects (Art. 21)"
        WITH_ERASURE = "with_erasure", "The person asked for erasure, and not to be contacted again"

    class Kept(models.TextChoices):
        """Why an entry stays when it is reviewed."""

        STILL_HOLDS = "still_holds", "The objection still holds, and we could still contact them"
        DISPUTE = "dispute", "A complaint or a dispute is open"
        LAW = "law", "A law or an authority asks for it"

    class Channel(models.TextChoices):
        ALL = "all", "Every channel"
        PHONE = "phone", "Telephone"
        EMAIL = "email", "E-mail"
        MESSAGE = "message", "Messages"

    hmac = models.BinaryField(max_length=32)
    key_id = models.PositiveIntegerField()
    reason = models.CharField(max_length=12, choices=Reason)
    channel = models.CharField(max_length=7, choices=Channel, default=Channel.ALL)
    since = models.DateTimeField()
    review_on = models.DateField(help_text="When somebody must look whether the entry is still needed.")
    #: The last time that somebody looked, and why it was kept. What is ended is deleted; the ledger alone knows it.
    reviewed_at = models.DateTimeField(null=True, blank=True)
    kept_because = models.CharField(max_length=20, blank=True, choices=Kept)

    class Meta:
        permissions = [
            ("suppress_subject", "Can put a person on the suppression list, and take them off"),
            ("review_suppression", "Can keep or end an entry of the suppression list when it is to be reviewed"),
        ]
        verbose_name = "suppression entry"
        verbose_name_plural = "suppression list"
        ordering = ["review_on", "id"]
        indexes = [models.Index(fields=["hmac"], name="suppression_hmac")]
        constraints = [
            models.UniqueConstraint(fields=["hmac", "channel"], name="suppression_once_a_channel"),
        ]

    def __str__(self) -> str:
        return f"suppression …{self.pk.hex[-6:]}"
