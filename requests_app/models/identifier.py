"""An identifier: how a system knows the person. Encrypted, and found again by a keyed blind index."""

from django.db import models

from requests_app.identifiers import LABELS, Kind
from requests_app.models.base import Row, present
from requests_app.models.subject import DataSubject


class Identifier(Row):
    """One identifier of a data subject, in its normal form."""

    KINDS = [(kind.value, LABELS[kind]) for kind in Kind]

    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="identifiers")
    kind = models.CharField(max_length=20, choices=KINDS)
    value_enc = models.BinaryField()
    #: HMAC-SHA256 over kind and normal form, under an index key from the environment.
    blind_index = models.BinaryField(max_length=32)
    index_key_id = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=present, editable=False)

    class Meta:
        indexes = [models.Index(fields=["blind_index"], name="identifier_blind_index")]
        constraints = [
            models.UniqueConstraint(fields=["subject", "blind_index"], name="identifier_once_a_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} …{self.pk.hex[-6:]}"
