"""Several deletes in flight at one account: HTTP on threads of their own, everything else on the caller's.

In:  calls to one account, and leave for so many at once.
Out: what each call answered, in the order given. A call that had not begun when the account was closed was never sent.
Never here: a row read or written on a thread. The caller's thread looks at stop, breaker and lease twenty times a
second while calls are in flight; a call that begins meanwhile has been looked at within the last twentieth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from queue import SimpleQueue

from django.conf import settings

from content_app import limits
from content_app.connectors.base import ConnectorError, ContentConnector, Outcome, Purpose
from content_app.models import System
from content_app.receipts import Beat

Call = Callable[[ContentConnector], list[Outcome]]
Answer = list[Outcome] | ConnectorError
#: Seconds between two looks, and between two signs that we are alive.
LOOK, KEEP = 0.05, 1.0


class Lanes:
    """So many calls at once. Close it when done; ``closed`` says why nothing more is sent."""

    def __init__(self, system: System, connector: ContentConnector, holding: limits.Holding, beat: Beat):
        self.width = holding.width
        self.closed: ConnectorError | None = None
        self._system, self._holding, self._beat = system, holding, beat
        self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="lane")
        self._free: SimpleQueue[ContentConnector] = SimpleQueue()
        for _ in range(self.width):
            self._free.put(connector.another(lambda purpose: nullcontext(self._kept + limits.lease_seconds())))
        self._shut = threading.Event()
        self._kept = time.monotonic()

    def start(self, calls: Sequence[Call], *, purpose: Purpose) -> list[Future[Answer]]:
        """Send the calls, each in its turn."""
        now = self._look()
        first = time.monotonic() + limits.turn(self._system.pk, purpose, now, count=len(calls))
        apart = limits.interval(purpose, now)
        return [self._pool.submit(self._make, call, first + place * apart) for place, call in enumerate(calls)]

    def finish(self, futures: Sequence[Future[Answer]]) -> list[Answer]:
        """Wait for the answers, and let the account's breaker learn from them."""
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=LOOK)
            self._learn([future.result() for future in done], self._look())
        return [future.result() for future in futures]

    def close(self) -> None:
        """Send nothing more, wait for what is in flight, give the leases back."""
        self._shut.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        while not self._free.empty():
            self._free.get().close()
        self._holding.release()

    def _make(self, call: Call, not_before: float) -> Answer:
        self._shut.wait(max(0.0, not_before - time.monotonic()))
        if self.closed:
            return ConnectorError(self.closed.code, permanent=False)
        if self._shut.is_set() or time.monotonic() > self._kept + settings.PORTAL_LEASE_SECONDS:
            return ConnectorError("busy", permanent=False)  # this process slept too long: others may be at it
        connector = self._free.get()
        try:
            return call(connector)
        except ConnectorError as error:
            return error
        finally:
            self._free.put(connector)

    def _look(self) -> limits.Standing:
        """Whether more may be sent; keeps the leases where it may."""
        now = limits.standing(self._system.pk)
        try:
            if time.monotonic() > self._kept + KEEP:
                self._holding.keep()
                self._kept = time.monotonic()
                self._beat()
            limits.require_open(now, "delete")
            limits.require_closed_breaker(now)
        except ConnectorError as error:
            self.closed = self.closed or error
            self._shut.set()
        return now

    def _learn(self, answers: Sequence[Answer], now: limits.Standing) -> None:
        """What came in together has no order. Failures count last: an account in trouble is noticed sooner."""
        well = sum(isinstance(answer, list) for answer in answers)
        if well and not now.clean:
            limits.note_success(self._system.pk, count=well)
        for answer in answers:
            if isinstance(answer, ConnectorError) and answer.code not in limits.FORBIDDEN:
                limits.note_failure(self._system.pk, answer)


@contextmanager
def opened(system: System, connector: ContentConnector, *, wanted: int, beat: Beat) -> Iterator[Lanes]:
    """Lanes to an account, at most ``wanted`` and at most as many as are free; raises ``busy`` when none is."""
    holding = limits.hold(system.pk, wanted=wanted)
    with ExitStack() as on_failure:
        on_failure.callback(holding.release)
        lanes = Lanes(system, connector, holding, beat)
        on_failure.pop_all()
    try:
        yield lanes
    finally:
        lanes.close()
