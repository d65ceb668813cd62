"""Processes that write the ledger, and processes that number and publish it and are killed.

    python -m tests.chaos.nursery write FILE
    python -m tests.chaos.nursery publish KILLS SHORTEST LONGEST SEED

In:  a portal's database in the environment.
Out: ``write``: the ids of committed entries in FILE, until the process is ended. ``publish``: two publishers at any
moment; every so many seconds one of them, or both, die by SIGKILL and are replaced at once.
Never here: a check. A publisher that ends by itself is a fault, and ends everything.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from uuid import uuid4

import django
from django.db import connection, transaction

BATCH = 3


def write(file: Path) -> None:
    """Commit a few entries, then tell their ids. What is told is committed."""
    from requests_app import audit  # noqa: PLC0415  after django.setup()

    with file.open("a", encoding="ascii", buffering=1) as told:
        while True:
            with transaction.atomic():
                rows = [audit.append("search.finished", actor=audit.WORKER, about=uuid4()) for _ in range(BATCH)]
            told.write("".join(f"{row.pk}\n" for row in rows))
            time.sleep(0.002)


def publish(kills: int, shortest: float, longest: float, seed: int) -> None:
    """Two publishers, ``kills`` deaths."""
    chance = random.Random(seed)
    living = [_born(), _born()]
    done = 0
    while done < kills:
        time.sleep(chance.uniform(shortest, longest))
        doomed = [0, 1] if chance.random() < 0.2 else [chance.randrange(2)]
        for place in doomed:
            _kill(living[place])
            done += 1
        for place in doomed:
            living[place] = _born()
    for child in living:
        _kill(child)
    sys.stdout.write(f"{done + len(living)}\n")


def _born() -> int:
    child = os.fork()
    if child:
        return child
    _publish_for_ever()
    return 0


def _publish_for_ever() -> None:
    from requests_app import publisher  # noqa: PLC0415  after django.setup()

    while True:
        publisher.publish()
        time.sleep(0.01)


def _kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"a publisher ended by itself, with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    django.setup()
    assert connection.connection is None, "a connection must not be shared by a fork"
    if verb == "write":
        write(Path(words[0]))
    else:
        publish(int(words[0]), float(words[1]), float(words[2]), int(words[3]))
