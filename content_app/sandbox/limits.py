"""How often, and how many at once.

In: calls, and the present. Out: room for one more, or not.
Never here: which calls count; the gate decides that.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from .refusal import Refusal

MINUTE = timedelta(minutes=1)
GENERAL, DELETE_BATCH = "general", "delete-batch"
A_MINUTE = {GENERAL: 160, DELETE_BATCH: 16}


class RateLimit:
    """A sliding minute per bucket, shared by every credential of the account."""

    def __init__(self, enforced: bool) -> None:
        self._enforced = enforced
        self._spent: dict[str, deque[datetime]] = {bucket: deque() for bucket in A_MINUTE}

    def spend(self, bucket: str, now: datetime) -> None:
        if not self._enforced:
            return
        spent = self._spent[bucket]
        while spent and now - spent[0] >= MINUTE:
            spent.popleft()
        if len(spent) >= A_MINUTE[bucket]:
            raise Refusal(429, "Too Many Requests")
        spent.append(now)


class OneAtATime:
    """The account's single seat for a delete-batch."""

    def __init__(self) -> None:
        self.taken = False

    @contextmanager
    def seat(self) -> Iterator[None]:
        if self.taken:
            raise Refusal(429, "Too Many Requests")
        self.taken = True
        try:
            yield
        finally:
            self.taken = False
