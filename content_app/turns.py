"""Whose turn it is to read an account for everybody who waits: the lease on a pass.

In:  a pass, the beat of the run that reads it.
Out: the pass for one worker alone, or ``shared``; a write to it that only its holder can make.
Never here: a call to an outside system, or this machine's clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from content_app.connectors.base import ConnectorError
from content_app.models import Errand
from content_app.models.sweep import Pass
from content_app.receipts import Beat
from requests_app import clock
from requests_app.errors import Refused

#: Seconds until a request that another worker's pass serves is looked at again; the pass wakes it earlier.
LOOK_AGAIN = 30


class Turn[P: Pass]:
    """The lease on a pass, as a context: taken or ``shared`` raised, kept by every beat, given back."""

    def __init__(self, under_way: P, beat: Beat):
        self.under_way, self._beat = under_way, beat
        self._rows = type(under_way)._default_manager

    def __enter__(self) -> Turn[P]:
        now = clock.now()
        free = self._rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now), pk=self.under_way.pk)
        with transaction.atomic():
            if not free.filter(ended_at__isnull=True).update(lease_until=_until(now), fence=F("fence") + 1):
                raise ConnectorError("shared", permanent=False, retry_after=LOOK_AGAIN)
            self.under_way.refresh_from_db()
        return self

    def __exit__(self, *told: object) -> None:
        self.mine().update(lease_until=None)

    def mine(self) -> QuerySet[P]:
        """The row, as long as nobody else has taken it over."""
        return self._rows.filter(pk=self.under_way.pk, fence=self.under_way.fence, ended_at__isnull=True)

    def beat(self) -> None:
        """Called between two calls: keeps both leases, the request's and the pass's."""
        self._beat()
        self.write(lease_until=_until(clock.now()))

    def write(self, **told: object) -> None:
        """Change the row, or raise ``lost_lease``."""
        if not self.mine().update(**told):
            raise Refused("lost_lease", "Another worker reads this system now.")


def _until(now: datetime) -> datetime:
    return now + timedelta(seconds=max(settings.PORTAL_LEASE_SECONDS, 2 * settings.PORTAL_CALL_DEADLINE))


def wake(request_ids: Iterable[UUID]) -> None:
    """Whoever waits for this pass need not wait any longer."""
    Errand.objects.filter(request_id__in=list(request_ids), lease_until__isnull=True).update(next_at=clock.now())
