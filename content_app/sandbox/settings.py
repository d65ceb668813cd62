"""The knobs of one sandbox.

In: command-line options. Out: one frozen `Settings`.
Never here: state; a setting does not change while the sandbox runs.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

MOST_SUBJECTS = 200


@dataclass(frozen=True, slots=True)
class Settings:
    port: int = 8900
    seed: int = 1
    interactions: int = 5000
    days: int = 90
    subjects: int = 12
    token_lifetime: float = 7200
    rate_limit: bool = False
    latency_ms: float = 0
    errors: float = 0
    end: str = "inclusive"
    late_content: float | None = None
    now: datetime | None = None
    batch_seconds: float = 0.05

    @classmethod
    def chosen(cls, options: Mapping[str, Any]) -> Self:
        """Pick the sandbox's own options out of everything a command line parsed."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})


def add_options(parser: ArgumentParser) -> None:
    """Describe every knob to any argparse parser, Django's included."""
    add, default = parser.add_argument, Settings()
    add("--port", type=whole(0, 65535), default=default.port, help="0 picks a free one")
    add("--seed", type=int, default=default.seed, help="the same seed invents the same world")
    add("--interactions", type=whole(0, 10_000_000), default=default.interactions, help="at least so many in all")
    add("--days", type=whole(1, 3650), default=default.days, help="how far back the account reaches")
    add("--subjects", type=whole(0, MOST_SUBJECTS), default=default.subjects, help="invented persons to look for")
    add("--token-lifetime", type=amount, default=default.token_lifetime, metavar="SECONDS")
    add("--rate-limit", action="store_true", default=False, help="160 calls and 16 delete-batches a minute")
    add("--no-rate-limit", action="store_false", dest="rate_limit")
    add("--latency-ms", type=amount, default=default.latency_ms, help="wait before every answer")
    add("--errors", type=share, default=default.errors, metavar="RATE", help="share of calls answered 5xx, 0 to 1")
    add("--end", choices=["inclusive", "exclusive"], default=default.end, help="how the search reads `end`")
    add("--late-content", type=amount, default=None, metavar="SECONDS", help="transcripts that outlive a deletion")
    add("--now", type=instant, default=None, metavar="ISO", help="the clock's present, e.g. 2026-03-01T09:00:00Z")
    add("--batch-seconds", type=amount, default=default.batch_seconds, help="how long a delete-batch is in flight")


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def amount(text: str) -> float:
    if (number := float(text)) >= 0:
        return number
    raise ArgumentTypeError("must not be negative")


def share(text: str) -> float:
    if 0 <= (number := float(text)) <= 1:
        return number
    raise ArgumentTypeError("must lie between 0 and 1")


def whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if least <= (value := int(text)) <= most:
            return value
        raise ArgumentTypeError(f"must lie between {least} and {most}")

    return number
