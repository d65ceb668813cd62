"""How the machinery is, for the doctor, ``manage.py health``, the operators' page and the scraper.

In:  signs of life, the queue, the rows of the engine.
Out: figures in a handful of grouped queries, and sentences that say what to do.
Never here: a person, a request's contents, or a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from content_app import clock, heartbeats, tasks
from content_app.heartbeats import Condition, Sign
from content_app.models import Heartbeat

#: A message that waits so long waits for a cluster that is not there. Every cluster looks twice a second.
LATE = timedelta(minutes=5)
_COMMANDS = {Heartbeat.Part.CLUSTER: "manage.py qcluster", Heartbeat.Part.LOOP: "manage.py pick_up --loop"}


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at: whether it is well, a sentence, and what to do if it is not."""

    what: str
    well: bool
    says: str
    do: str = ""


# --- what runs -------------------------------------------------------------------------------------------------------


def machinery(signs: Iterable[Sign], *, wanted: Iterable[Heartbeat.Part] = tuple(Heartbeat.Part)) -> Iterator[Look]:
    """Every part one by one, then the wanted parts of which none is there, then the queue."""
    signs = list(signs)
    for sign in signs:
        yield _look_at(sign)
    for part in wanted:
        if not any(sign.part == part for sign in signs):
            yield Look(part, False, f"No {_called(part)} has shown a sign of life.", f"Start {_COMMANDS[part]}.")
    yield _look_at_queue()


def _look_at(sign: Sign) -> Look:
    who, command = f"The {_called(sign.part)} {sign.node}", _COMMANDS[sign.part]
    seconds = f"{(clock.now() - sign.at).total_seconds():.0f} seconds"
    match sign.condition:
        case Condition.DEAD:
            does = f"Start {command} again, and read its log."
            return Look(sign.part, False, f"{who} has died: no sign of life for {seconds}.", does)
        case Condition.SILENT:
            does = f"Look at {sign.host}: start {command} again if it has died, restart it if it is there."
            return Look(sign.part, False, f"{who} is silent: no sign of life for {seconds}.", does)
        case Condition.HUNG:
            idle = (clock.now() - sign.busy_at).total_seconds()
            says = f"{who} is hung: its process is there, but it has taken up nothing for {idle:.0f} seconds."
            return Look(sign.part, False, says, f"Restart {command}; nothing is lost or done twice. Read its log.")
    return Look(sign.part, True, f"{who} works.")


def _called(part: Heartbeat.Part) -> str:
    return Heartbeat.Part(part).label.lower()


def _look_at_queue() -> Look:
    queue = tasks.queue()
    waited = clock.now() - queue.oldest if queue.oldest else timedelta(0)
    if waited > LATE:
        says = f"{queue.waiting} messages wait, the oldest for {waited.total_seconds():.0f} seconds."
        return Look("queue", False, says, "Start another manage.py qcluster, or restart one that is hung.")
    return Look("queue", True, f"{queue.waiting} messages wait in the queue.")


def troubles() -> list[Look]:
    """What of the machinery is not well."""
    return [look for look in machinery(heartbeats.signs()) if not look.well]
