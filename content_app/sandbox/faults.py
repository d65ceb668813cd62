"""Planned and random trouble.

In: orders such as "the next two searches answer 503". Out: the fault that befalls one call, if any.
Never here: what an honest answer looks like.
"""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

INSTEAD = {
    "html": (200, "text/html; charset=utf-8", b"<!DOCTYPE html><title>Maintenance</title><h1>Back soon</h1>"),
    "garbage": (200, "application/json", b'{"items": [{"guid": \x00\xff'),
    "empty": (200, "application/json", b""),
    "wrong-shape": (200, "application/json", b'["unexpected", 42, null]'),
}
"""The call is not carried out; this is answered instead."""

AFTERWARDS = ("slow", "lost", "wrong-type", "short", "truncate")
"""The call is carried out, then its answer comes late, is lost (504), mislabelled, cut, or torn off."""

KINDS = (*INSTEAD, *AFTERWARDS, "status")


@dataclass(slots=True)
class Fault:
    kind: str
    path: str = "*"
    method: str = "*"
    times: int = 1
    status: int = 503
    seconds: float = 5
    retryAfter: str = ""

    def befalls(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path.lower(), self.path.lower())


class Faults:
    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._rng = Random(seed)
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        self._planned.append(fault)

    def planned(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._planned]

    def clear(self) -> None:
        self._planned.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """Take the oldest planned fault that fits, or else draw a random one."""
        for fault in self._planned:
            if fault.befalls(method, path):
                fault.times -= 1
                if fault.times <= 0:
                    self._planned.remove(fault)
                return fault
        if self._rate and self._rng.random() < self._rate:
            return self._rng.choice([Fault("status", status=500), Fault("status", status=503), Fault("lost")])
        return None
