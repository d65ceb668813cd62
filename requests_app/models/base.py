"""What every row of the case file and the workshop begins with."""

from django.db import models
from uuid_utils.compat import uuid7


class Row(models.Model):
    """A row whose key may leave the database: a UUIDv7, made here so that it can be bound into ciphertexts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True
