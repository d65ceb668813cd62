"""Signs of life: each cluster and each loop says where it runs, that it lives, and that it works.

In:  the processes of a cluster (guard, pusher, workers) and the loop, each on its own.
Out: one row a cluster and a loop, on the database's clock; what is to be thought of each; a word to systemd.
Never here: a way to start or end anything. Whoever supervises the processes does that (``docs/operations.md``).

A guard that goes round proves little: its workers may wait for ever for a lock that a killed process holds. So the
pusher, which takes messages from the queue, and the workers have clocks of their own. A cluster that neither looks into
the queue nor begins anything for longer than a task may last is *hung*.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from content_app.models import Heartbeat
from requests_app import clock

Part = Heartbeat.Part

#: Seconds between two notes of one process.
EVERY = 5.0
#: Whoever has not gone round for so long is dead or hung. The loop's daily check of the ledger takes its time.
SILENCE = {Part.CLUSTER: timedelta(minutes=1), Part.LOOP: timedelta(minutes=5)}
#: Whoever left without a word is spoken of for so long.
REMEMBERED = timedelta(days=1)
_noted: dict[str, float] = {}


class Condition(StrEnum):
    """What is to be thought of a part."""

    WORKS = "works"
    HUNG = "hung"
    DEAD = "dead"
    #: It runs on another host, so that nobody here can see whether its process is still there.
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Sign:
    """A part of the machinery, and how it is. ``busy_at`` is when it last looked for work or began some."""

    part: Heartbeat.Part
    node: str
    host: str
    started_at: datetime
    at: datetime
    busy_at: datetime
    workers: int
    queued: int
    condition: Condition

    @property
    def works(self) -> bool:
        return self.condition == Condition.WORKS


# --- who am I --------------------------------------------------------------------------------------------------------


def node(pid: int) -> str:
    """The name of the node whose guard, or whose loop, is the process ``pid``."""
    return settings.PORTAL_NODE or f"{socket.gethostname()}:{pid}"


def node_of_worker() -> str:
    """The name of the cluster that this process works for: the guard is its parent."""
    return node(os.getppid())


def _name(part: Heartbeat.Part, pid: int) -> str:
    return f"{part} {node(pid)}"


def _often_enough(what: str) -> bool:
    """Whether this process has noted it a moment ago."""
    now = time.monotonic()
    if now - _noted.get(what, -EVERY) < EVERY:
        return True
    _noted[what] = now
    return False


# --- beating ---------------------------------------------------------------------------------------------------------


def guard_lives(pid: int, *, workers: int, queued: Callable[[], int]) -> None:
    """The guard of a cluster goes round. Feeds systemd's watchdog as long as the cluster works."""
    if not _often_enough("guard"):
        _beat(Part.CLUSTER, pid, workers=workers, queued=queued())
        notify("READY=1")
        row = Heartbeat.objects.get(name=_name(Part.CLUSTER, pid))
        if _condition(row, clock.now()) == Condition.WORKS:
            notify("WATCHDOG=1")


def pusher_looks() -> None:
    """The pusher of a cluster looks into the queue."""
    if not _often_enough("pusher"):
        Heartbeat.objects.filter(name=_name(Part.CLUSTER, os.getppid())).update(pulled_at=clock.now())


def worker_begins() -> None:
    """A worker of a cluster begins something."""
    if not _often_enough("worker"):
        Heartbeat.objects.filter(name=_name(Part.CLUSTER, os.getppid())).update(worked_at=clock.now())


def loop_lives() -> None:
    """The loop goes round."""
    notify("READY=1\nWATCHDOG=1")
    if not _often_enough("loop"):
        _beat(Part.LOOP, os.getpid(), workers=0, queued=0)


def leave(part: Heartbeat.Part, pid: int) -> None:
    """It ends because it was told to, so nobody must look for it."""
    Heartbeat.objects.filter(name=_name(part, pid)).delete()


def _beat(part: Heartbeat.Part, pid: int, *, workers: int, queued: int) -> None:
    now, host = clock.now(), socket.gethostname()[:64]
    told = {"part": part, "node": node(pid), "host": host, "pid": pid, "at": now, "workers": workers, "queued": queued}
    row, fresh = Heartbeat.objects.get_or_create(name=_name(part, pid), defaults=told | {"started_at": now})
    if not fresh:
        begun = {} if row.pid == pid else {"started_at": now, "pulled_at": None, "worked_at": None}
        Heartbeat.objects.filter(name=row.name).update(**told, **begun)
        return
    for old in Heartbeat.objects.filter(part=part, host=host).exclude(name=row.name):
        if not _is_there(old.pid):
            old.delete()  # this one has come in its place


def notify(words: str) -> None:
    """Tell systemd, where it has started this process (``sd_notify(3)``). Nobody else hears it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(words.encode(), "\0" + address[1:] if address.startswith("@") else address)


# --- looking ---------------------------------------------------------------------------------------------------------


def signs(*, host: str = "") -> list[Sign]:
    """Every cluster and loop that is known, those of one host or all."""
    rows = Heartbeat.objects.filter(host=host) if host else Heartbeat.objects.all()
    now = clock.now()
    return [_sign(row, now) for row in rows.order_by("part", "node")]


def _sign(row: Heartbeat, now: datetime) -> Sign:
    return Sign(
        Part(row.part), row.node, row.host, row.started_at, row.at, _busy_at(row), row.workers, row.queued,
        _condition(row, now),
    )  # fmt: skip


def _busy_at(row: Heartbeat) -> datetime:
    return max(filter(None, (row.started_at, row.pulled_at, row.worked_at)))


def _condition(row: Heartbeat, now: datetime) -> Condition:
    silence = SILENCE[Part(row.part)]
    if now - row.at > silence:
        if row.host != socket.gethostname()[:64]:
            return Condition.SILENT
        return Condition.HUNG if _is_there(row.pid) else Condition.DEAD
    longest = timedelta(seconds=settings.TASK_TIMEOUT) + silence
    hung = row.part == Part.CLUSTER and now - _busy_at(row) > longest
    return Condition.HUNG if hung else Condition.WORKS


def _is_there(pid: int) -> bool:
    """Whether this host has such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sweep() -> None:
    """Forget whoever fell silent long ago."""
    Heartbeat.objects.filter(at__lt=clock.now() - REMEMBERED).delete()
