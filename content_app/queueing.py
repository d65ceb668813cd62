"""The queue's table, on the database's clock.

In:  a message to hand on; a cluster that looks for one.
Out: messages, each to one cluster; after ``retry`` seconds once more where nobody has said that it was done.
Never here: this machine's clock. A host that is a day behind would not see what waits, and one that is a day ahead
would take everything for overdue.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from requests_app import clock

logger = logging.getLogger(__name__)


class Queue(ORM):
    """django-q2's broker over its own table."""

    def timeout(self, task: Any) -> datetime:
        """Until when a message that was taken is nobody else's."""
        return clock.now() + timedelta(seconds=Conf.RETRY)

    def enqueue(self, task: str) -> int:
        """Put a message there; returns its number."""
        return self.get_connection().create(key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=clock.now()).pk

    def queue_size(self) -> int:
        """Messages that wait."""
        return self._all().filter(lock__lte=clock.now()).count()

    def lock_size(self) -> int:
        """Messages that a cluster has taken."""
        return self._all().filter(lock__gt=clock.now()).count()

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Take what waits, or rest for a moment. While the database is away there is nothing to do.

        django-q2's own would rest for ten seconds then, and end.
        """
        try:
            if taken := self._take():
                return taken
        except DatabaseError as error:
            logger.warning("the database is away: %s", type(error).__name__)
            connection.close()
        time.sleep(Conf.POLL)
        return None

    def _take(self) -> list[tuple[int, str]]:
        waiting = self._all().filter(lock__lte=clock.now())[: Conf.BULK]
        return [
            (one.pk, one.payload)
            for one in waiting
            if self._all().filter(pk=one.pk, lock=one.lock).update(lock=self.timeout(one))
        ]

    def _all(self) -> Any:
        return self.get_connection().filter(key=self.list_key)
