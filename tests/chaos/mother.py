"""Keeps the portal's processes running, as systemd does with the units of ``docs/operations.md``.

    python -m tests.chaos.mother DIRECTORY cluster-1 cluster-2 loop publisher

In:  a portal's database in the environment, the names of units.
Out: each unit as a session of its own. When its first process ends, what is left of it is killed
(``control-group``) and it is started again at once. ``DIRECTORY/NAME`` holds the number of the first process.
Never here: an open connection, or work. Units are forked from a process that has loaded everything, which saves the
seconds that a start takes and nothing else.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)
_REST = 0.05
#: Names how many days this host's clock is ahead.
DAYS_OFF = "CHAOS_DAYS_OFF"


def _sequence() -> None:
    """The publisher: ``manage.py sequence_ledger``, again and again."""
    while True:
        call_command("sequence_ledger", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
        time.sleep(0.5)


UNITS = {
    "cluster": lambda: call_command("qcluster"),
    "loop": lambda: call_command("pick_up", "--loop"),
    "publisher": _sequence,
}


class Mother:
    """The units, each by the number of its first process."""

    def __init__(self, directory: Path, names: list[str]) -> None:
        self.directory = directory
        self.parent = os.getppid()
        self.born: dict[int, str] = {}
        for name in names:
            self.bear(name)

    def bear(self, name: str) -> None:
        child = os.fork()
        if not child:
            self._say_the_time(name)
            _live(name)
        self.born[child] = name
        draft = self.directory / f".{name}"
        draft.write_text(str(child), encoding="ascii")
        draft.replace(self.directory / name)

    def _say_the_time(self, name: str) -> None:
        """``DIRECTORY/NAME.clock``: what the unit takes for the present, in seconds."""
        (self.directory / f"{name}.clock").write_text(str(datetime.now(UTC).timestamp()), encoding="ascii")

    def watch(self) -> None:
        while True:
            if os.getppid() != self.parent:
                self.end()  # whoever started this is dead
            child, _ = os.waitpid(-1, os.WNOHANG)
            if child in self.born:
                _kill_group(child)
                self.bear(self.born.pop(child))
            elif not child:
                time.sleep(_REST)

    def end(self, *_: object) -> None:
        for child in self.born:
            _kill_group(child)
        os._exit(0)


def _live(name: str) -> None:
    """Become a unit. Never returns."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        UNITS[name.partition("-")[0]]()
        for child in multiprocessing.active_children():
            child.join()
        code = 0
    except DatabaseError as error:
        logger.warning("%s ended: %s", name, type(error).__name__)
    except Exception:
        logger.exception("%s ended", name)
    finally:
        os._exit(code)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _move_the_clock() -> None:
    """What Python says of the time; waits and deadlines, which are on the monotonic clock, stay as they are."""
    if days := float(os.environ.get(DAYS_OFF, 0)):
        time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True).start()


def main(directory: Path, names: list[str]) -> None:
    _move_the_clock()
    django.setup()
    assert connection.connection is None, "a connection must not be shared by a fork"
    mother = Mother(directory, names)
    signal.signal(signal.SIGTERM, mother.end)
    mother.watch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
