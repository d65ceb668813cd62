"""What a check of a deployment says: how bad it is, a sentence, and what to do.

In:  nothing.
Out: ``Finding`` and its three makers.
Never here: a value of a person, a secret, or an advice that cannot be followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result. ``do`` is empty exactly when there is nothing to do."""

    check: str
    level: Level
    says: str
    do: str = ""


Findings = Iterator[Finding]


def ok(check: str, says: str) -> Finding:
    """As it should be."""
    return Finding(check, "ok", says)


def warn(check: str, says: str, do: str) -> Finding:
    """It works, and someone should know."""
    return Finding(check, "warn", says, do)


def fail(check: str, says: str, do: str) -> Finding:
    """It does not work, or it breaks a promise of the portal."""
    return Finding(check, "fail", says, do)
