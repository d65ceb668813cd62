"""By when a request must be answered at the latest, read as carefully as it can be.

In:  the moment of receipt.
Out: days, in the controller's local time.
Never here: extensions, pauses and holidays, all of which only ever move a deadline back. Whoever stops early because of
this page has more time than it says, never less.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from django.utils import timezone


def careful_due(received_at: datetime) -> date:
    """The last day of one month from receipt (Art. 12(3) GDPR), less the day that a strict reading takes away (U-06).

    The same day of the next month, or its last one (Regulation 1182/71, Art. 3(2)(c)); weekends move nothing here.
    """
    day = timezone.localdate(received_at)
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1])) - timedelta(days=1)


def working_days_before(day: date, count: int) -> date:
    """``count`` days from Monday to Friday before ``day``."""
    while count:
        day -= timedelta(days=1)
        count -= day.weekday() < 5
    return day
