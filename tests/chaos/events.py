"""What is done to a running portal, one thing after the other, at moments that the dice choose.

In:  a cluster, how often each thing is to happen.
Out: the things that happened. A kill is counted when a process has died; a sleeper when it was in the midst of an act.
Never here: a look at what came of it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import DatabaseError, connection
from django_q.models import OrmQ

from content_app.models import Intent, Receipt, Search, Verification
from tests.chaos.cluster import Cluster, Kill, Nobody

#: How often which kind of process is killed, among a hundred.
KINDS = {
    "worker": 60, "queue process": 6, "guard": 6, "first process": 4, "loop": 8, "publisher": 8, "backend": 5,
    "immediate": 2, "postmaster": 1,
}  # fmt: skip


@dataclass
class Events:
    """What is still to be done, and what was."""

    parts: Cluster
    dice: random.Random
    pace: float
    #: Seconds that a sleeper sleeps: longer than any lease.
    rest: float
    #: Seconds that a kill waits at most for the portal to get on; on a busy machine that is slow.
    patience: float = 20.0
    kills: list[Kill] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    _due: list[str] = field(default_factory=list)
    _next: float = 0.0
    _told: int = -1
    _asleep: dict[int, float] = field(default_factory=dict)

    def plan(self, **times: int) -> None:
        """So many of each, in any order."""
        self._due = [what for what, count in times.items() for _ in range(count)]
        self.dice.shuffle(self._due)
        self._wait()

    @property
    def over(self) -> bool:
        return not self._due and not self._asleep

    def round(self) -> None:
        """Whatever is due now."""
        self._wake(time.monotonic())
        if self._due and time.monotonic() >= self._next and self._happens(self._due[-1]):
            self._due.pop()
            self._wait()

    def stop(self) -> None:
        """Nothing more is done."""
        self._due = []

    def end(self) -> None:
        """Nobody sleeps any more."""
        self._wake(float("inf"))

    def _wait(self) -> None:
        self._next = time.monotonic() + self.dice.uniform(0.3, 1.7) * self.pace

    def _happens(self, what: str) -> bool:
        try:
            happened = {"kill": self._kill, "upset": self._upset, "sleeper": self._put_to_sleep}[what]()
        except Nobody:
            return False
        except DatabaseError:
            connection.close()
            return False
        self.done[what] += happened
        return happened

    def _kill(self) -> bool:
        if not self._got_on():
            return False
        kind = self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        self.kills.append(self.parts.kill(kind, self.dice))
        return True

    def _got_on(self) -> bool:
        """Something was written down since the last kill: what dies before it gets on, for ever, proves nothing."""
        answers = Receipt.objects.filter(probed=False).count() + Verification.objects.count()
        told = answers + Search.objects.filter(finished_at__isnull=False).count()
        if told == self._told and time.monotonic() < self._next + self.patience:
            return False
        self._told = told
        return True

    def _upset(self) -> bool:
        """The queue is a hint: all of it is lost, or every message is there twice and free to be taken."""
        if self.dice.random() < 0.5:
            return bool(OrmQ.objects.all().delete()[0])
        there = list(OrmQ.objects.all())
        OrmQ.objects.bulk_create([OrmQ(key=one.key, payload=one.payload, lock=None) for one in there])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_q_ormq SET lock = clock_timestamp()")
        return bool(there)

    def _put_to_sleep(self) -> bool:
        """Somebody who works, while an act is under way that has no receipt yet."""
        working = [pid for name in self.parts.units("cluster") for pid in self.parts.children(name, "processing")]
        awake = [pid for pid in working if pid not in self._asleep]
        if not awake or not Intent.objects.filter(receipt__isnull=True).exists():
            return False
        victim = self.dice.choice(awake)
        os.kill(victim, signal.SIGSTOP)
        self._asleep[victim] = time.monotonic() + self.rest
        return True

    def _wake(self, now: float) -> None:
        for victim in [victim for victim, until in self._asleep.items() if until <= now]:
            del self._asleep[victim]
            try:
                os.kill(victim, signal.SIGCONT)
            except ProcessLookupError:
                continue
