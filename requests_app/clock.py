"""The one clock that all workers on all hosts share: the database's.

In:  nothing.
Out: a moment in UTC.
Never here: this machine's calendar. Leases, turns, pauses and due times are compared with this one only, and entries
and receipts are dated by it, so that a worker whose own clock is a day off decides and writes as its neighbours do.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import connection

#: For so many seconds a reading is carried on by this machine's steady clock; those differ by some 50 millionths.
FRESH = 10.0
#: Goes on while a machine sleeps, where there is such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
#: What the database last said, and the steady clock when it had arrived. Replaced whole.
_reading: tuple[datetime, float] | None = None


def now() -> datetime:
    """The present, as the database sees it: the moment of the call, not of the transaction's beginning. One query."""
    global _reading
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
        else:
            cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
            moment = datetime.fromisoformat(cursor.fetchone()[0])
    _reading = (moment, time.clock_gettime(_STEADY))
    return moment


def stamp() -> datetime:
    """The date of what is written down: the same clock, mostly without a query.

    Never before what ``now`` has last said in this process, so an act is never dated before the moment at which it was
    found to be due; and behind the database's clock by no more than the answer took.
    """
    if _reading is None:
        return now()
    moment, arrived = _reading
    passed = time.clock_gettime(_STEADY) - arrived
    return moment + timedelta(seconds=passed) if passed < FRESH else now()
