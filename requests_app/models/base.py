"""What every row of the case file and the workshop begins with."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7

from requests_app import clock

#: By how much a row's key and its own moment may differ, should a clock have been set meanwhile.
MARGIN = timedelta(hours=1)


def first_key(at: datetime) -> UUID:
    """The lowest UUIDv7 of that millisecond. A row gets its key when it comes into being, so days are found by keys."""
    milliseconds = max(0, int(at.timestamp() * 1000))
    return UUID(int=milliseconds << 80)


def present() -> datetime:
    """The default of a moment that is compared with what other hosts have set: the database's clock."""
    return clock.now()


def stamp() -> datetime:
    """The default of a moment at which something was written down: the same clock, mostly without a query."""
    return clock.stamp()


class Row(models.Model):
    """A row whose key may leave the database: a UUIDv7, made here so that it can be bound into ciphertexts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True
