"""The one clock that all workers on all hosts share: the database's.

In:  nothing.
Out: a moment in UTC.
Never here: this machine's clock. Leases, turns, pauses and due times are compared with this one only, so that a worker
whose own clock is a day off decides as its neighbours do.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The present, as the database sees it: the moment of the call, not of the transaction's beginning."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0]
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0])
