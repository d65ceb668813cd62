"""The queue's own table, and beside each look into it the sign of life of whoever looks.

In:  what the guard and the pusher of a django-q2 cluster tell their broker anyway.
Out: messages, and heartbeats.
Never here: a message that is lost or done twice because a heartbeat could not be written.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import DatabaseError
from django_q.conf import Conf
from django_q.signing import SignedPackage

from content_app import heartbeats, queueing


class Broker(queueing.Queue):
    """The database's broker, which says that its cluster lives."""

    def set_stat(self, key: str, value: str, timeout: int) -> Any:
        """Called by the guard of a cluster whenever it goes round."""
        told = super().set_stat(key, value, timeout)
        stat = SignedPackage.loads(value)
        if stat.status == Conf.STOPPED:
            heartbeats.leave(heartbeats.Part.CLUSTER, stat.sentinel)
        else:
            heartbeats.guard_lives(stat.sentinel, workers=len(stat.workers), queued=self.queue_size)
        return told

    def dequeue(self) -> Any:
        """Called by the pusher of a cluster, all the time."""
        with suppress(DatabaseError):  # the look itself says whether the database is there
            heartbeats.pusher_looks()
        return super().dequeue()
