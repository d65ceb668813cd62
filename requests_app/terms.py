"""The terms: how long what is kept, from the settings, and whether a term is over.

In:  the settings, the clock.
Out: moments before which something has served its purpose.
Never here: rows. ``retention`` and ``forgetting`` ask these questions and destroy.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone


def years_after[T: (date, datetime)](day: T, years: int) -> T:
    """The same day ``years`` later, or earlier where they are negative; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def case_ended_before() -> datetime:
    """A person whose last request ended before this moment is forgotten."""
    return years_after(timezone.now(), -settings.PORTAL_CASE_YEARS)


def evidence_added_before() -> datetime:
    """A document that was added before this moment goes, whatever became of its request."""
    return timezone.now() - timedelta(days=settings.PORTAL_EVIDENCE_DAYS)


def access_noted_before() -> datetime:
    """A line of the access log from before this moment goes."""
    return timezone.now() - timedelta(days=settings.PORTAL_ACCESS_LOG_DAYS)
