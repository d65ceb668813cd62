"""A whole portal that may be killed: PostgreSQL, contact centres, clusters, loop, publisher, each as processes.

In:  a directory, how many clusters and contact centres, which settings are changed.
Out: the parts while they run, and ``kill``: SIGKILL to one process of a kind, whichever the dice choose.
Never here: a check of what came of it (``accounts``), or a vendor that is killed: it keeps the journal that we believe.

A kill here is the death of a process, never that of the machine: what was written to a file stays. So PostgreSQL runs
without ``fsync`` and is durable all the same; ``synchronous_commit`` and ``full_page_writes`` are on, as they must be.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.hosts import Namespace
from tests.postgres import Server
from tests.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

CRASH_SAFE = ("fsync=off", "synchronous_commit=on", "full_page_writes=on", "max_connections=80")
#: Changed for every run here. The rest is as the portal comes.
SETTINGS: dict[str, Any] = {
    "PORTAL_LEASE_SECONDS": 4,
    "PORTAL_CALL_DEADLINE": 2,
    "PORTAL_RUN_SECONDS": 20,
    "PORTAL_APPROVAL_DELAY_HOURS": 0,
}
#: Seconds for anything to start or to end, on a machine that is busy with much else.
_PATIENCE = 240.0


class Nobody(Exception):
    """No process of that kind lives right now."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One signal. ``at`` is in seconds since the epoch."""

    kind: str
    pid: int
    at: float


@dataclass(slots=True)
class Host:
    """Where clusters run: this machine, or a network namespace of it."""

    units: tuple[str, ...]
    namespace: Namespace | None = None
    #: Put before a command, such as one that shows it another clock.
    wrapper: tuple[str, ...] = ()


class Cluster:
    """Everything, from ``start`` to ``stop``."""

    def __init__(
        self, *, hosts: list[Host], vendors: list[dict[str, Any]], settings: dict[str, Any] | None = None,
        workers: int = 2,
    ) -> None:  # fmt: skip
        # Short, because a Unix socket's path must fit into 107 characters.
        self.directory = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        self.directory.chmod(0o711)  # as root, the server runs as another account
        (self.directory / "pg").mkdir()
        self.server = Server(self.directory / "pg", options=CRASH_SAFE, segment_mb=16)
        self.settings = SETTINGS | (settings or {})
        self.workers = workers
        self.hosts = hosts
        self._wanted = vendors
        self.vendors: list[Sandbox] = []
        self._mothers: list[subprocess.Popen[bytes]] = []

    def environment(self) -> dict[str, str]:
        """What a process needs to be part of it; the caller takes it over before Django is loaded."""
        secrets = {f"CHAOS{n}_{what}": word for n in range(len(self._wanted)) for what, word in _CREDENTIALS.items()}
        # What django-q2 has not seen ended after ``retry`` seconds it hands out once more: here often enough to matter.
        queue = {"workers": self.workers, "queue_limit": self.workers, "timeout": 30, "retry": 45}
        return secrets | {
            "DATABASE_URL": self.server.url, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "TESTS_LEDGER_DIR": str(self.directory / "ledger"), "CHAOS_SETTINGS": json.dumps(self.settings),
            "CHAOS_QUEUE": json.dumps(queue), "PYTHONPATH": os.getcwd(),
        }  # fmt: skip

    def start_database(self) -> None:
        self.server.start()

    def start_vendors(self) -> None:
        self.vendors = [Sandbox(**options) for options in self._wanted]

    def start_units(self) -> None:
        """The portal's own processes. The database must have its tables."""
        (self.directory / "units").mkdir()
        for host in self.hosts:
            place = self._connect(host)
            inside = host.namespace.inside if host.namespace else ()
            command = [
                *inside,
                *host.wrapper,
                sys.executable,
                "-m",
                "tests.chaos.mother",
                str(self.directory / "units"),
            ]
            with (self.directory / "log").open("ab") as log:
                mother = subprocess.Popen(
                    [*command, *host.units],
                    env=os.environ | self.environment() | place,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            self._mothers.append(mother)
        for name in self.units("cluster"):
            _wait(lambda name=name: self.children(name), f"{name} did not start: {self.log()}")

    @property
    def namespaces(self) -> list[Namespace]:
        return [host.namespace for host in self.hosts if host.namespace]

    def _connect(self, host: Host) -> dict[str, str]:
        """A host of its own reaches database and contact centres at its own 127.0.0.1; returns what it must know."""
        if host.namespace is None:
            return {}
        for vendor in self.vendors:
            port = vendor.url.rpartition(":")[2]
            host.namespace.offer(int(port), f"127.0.0.1:{port}", counted=True)
        host.namespace.offer(_POSTGRES, f"{self.directory}/pg/.s.PGSQL.5432")
        return {"DATABASE_URL": f"postgresql://postgres:@127.0.0.1:{_POSTGRES}/postgres"}

    def log(self) -> str:
        """The last that the portal's processes have said."""
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop_units(self) -> None:
        for mother in self._mothers:
            mother.terminate()
            mother.wait(_PATIENCE)
        self._mothers = []

    def stop(self) -> None:
        self.stop_units()
        for vendor in self.vendors:
            vendor.stop()
        for namespace in self.namespaces:
            namespace.close()
        self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- who lives ---------------------------------------------------------------------------------------------------

    def units(self, kind: str) -> list[str]:
        return [name for host in self.hosts for name in host.units if name.partition("-")[0] == kind]

    def days_between_clocks(self) -> float:
        """How far apart the moments are that units took for the present when they began; file systems know better."""
        said = (self.directory / "units").glob("*.clock")
        off = [float(one.read_text(encoding="ascii")) - one.stat().st_mtime for one in said]
        return (max(off) - min(off)) / 86400

    def leader(self, name: str) -> int:
        """The first process of a unit."""
        try:
            return int((self.directory / "units" / name).read_text(encoding="ascii"))
        except FileNotFoundError:
            raise Nobody(name) from None

    def guard(self, name: str) -> int:
        """The process that starts a cluster's others anew."""
        return next(_children(self.leader(name)), 0) or _nobody(name)

    def children(self, name: str, role: str = "") -> list[int]:
        """The processes of a cluster that have this word in their title: ``idle``, ``processing``, ``pusher``."""
        try:
            return [pid for pid in _children(self.guard(name)) if _ROLES and (not role or role in _title(pid))]
        except Nobody:
            return []

    # --- who dies ----------------------------------------------------------------------------------------------------

    def kill(self, kind: str, dice: random.Random) -> Kill:
        """SIGKILL to one process of this kind. Raises ``Nobody`` when there is none."""
        if kind in ("postmaster", "immediate"):
            pid, at = self.server.pid, time.time()
            self.server.crash(signal.SIGKILL if kind == "postmaster" else signal.SIGQUIT)
            self._start_again()
            return Kill(kind, pid, at)
        found = self._victims(kind)
        if not found:
            raise Nobody(kind)
        victim = dice.choice(found)
        at = time.time()
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            raise Nobody(kind) from None
        return Kill(kind, victim, at)

    def _victims(self, kind: str) -> list[int]:
        clusters = self.units("cluster")
        match kind:
            case "worker":
                return [pid for name in clusters for role in WORKER for pid in self.children(name, role)]
            case "queue process":
                return [pid for name in clusters for role in QUEUE for pid in self.children(name, role)]
            case "guard":
                return [self.guard(name) for name in clusters]
            case "first process":
                return [self.leader(name) for name in clusters]
            case "loop" | "publisher":
                return [self.leader(name) for name in self.units(kind)]
            case "backend":
                return [pid for pid in _children(self.server.pid) if "postgres: postgres postgres" in _title(pid)]
        raise ValueError(kind)

    def _start_again(self) -> None:
        """After a crash the old server's processes may still be on their way out, and keep its memory busy."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self.server.launch()
                return
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)


#: Where a host of its own reaches the database.
_POSTGRES = 5432
_CREDENTIALS = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
#: Words in the titles of a cluster's processes.
WORKER, QUEUE = ("idle", "processing"), ("pusher", "monitor")
_ROLES = WORKER + QUEUE


def _wait(ready: Any, complaint: str) -> None:
    until = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError(complaint)
        time.sleep(0.05)


def _children(parent: int) -> Iterator[int]:
    try:
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return
    yield from map(int, listed.split())


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _nobody(name: str) -> int:
    raise Nobody(name)
