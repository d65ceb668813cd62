"""The sandbox's present.

In: an optional first instant, and skips. Out: UTC to the millisecond, always moving forward.
Never here: the machine's wall clock after the first reading.
"""

import re
import time
from datetime import UTC, datetime, timedelta

ISO_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.IGNORECASE)


class Clock:
    def __init__(self, first: datetime | None = None) -> None:
        self._first = to_millisecond(first or datetime.now(UTC))
        self._started = time.monotonic()

    def now(self) -> datetime:
        return to_millisecond(self._first + timedelta(seconds=time.monotonic() - self._started))

    def skip(self, seconds: float) -> None:
        self._started -= seconds


def to_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """Write as the vendor does: Zulu time, milliseconds only where there are some."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03}Z" if moment.microsecond else f"{text}Z"


def from_iso(text: str) -> datetime:
    """Read the one documented form; anything else is a ValueError."""
    if not ISO_UTC.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())
