"""Draws a random sample of requests that somebody outside can draw again.

In:  a period, a size, a seed; who draws.
Out: a ``Sample`` and its ledger entry: seed, size and digest of the population, the ids that were drawn.
Never here: a choice. What is drawn follows from the seed and the ids alone (``docs/audit.md`` has the rule).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from requests_app import audit, gates
from requests_app.errors import Refused
from requests_app.models import Request, Sample
from requests_app.states import ENDS

#: What is read at one sitting; also what one bundle may hold.
LARGEST = 100
_SEED = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,39}")


def new_seed() -> str:
    """128 random bits that nobody has chosen."""
    return f"r{secrets.token_hex(16)}"


# --- the rule: nothing below needs the portal ------------------------------------------------------------------------


def rank(seed: str, request_id: str) -> str:
    """SHA-256(seed ‖ 0x00 ‖ request id), in hexadecimal."""
    return hashlib.sha256(seed.encode() + b"\0" + request_id.encode()).hexdigest()


def choose(seed: str, population: Iterable[str], *, size: int) -> list[str]:
    """The first ``size`` of the population, sorted by rank."""
    return sorted(population, key=lambda request_id: rank(seed, request_id))[:size]


def digest(ids: Iterable[str]) -> str:
    """SHA-256 over the ids in the order in which they come, a line feed after each."""
    state = hashlib.sha256()
    for one in ids:
        state.update(f"{one}\n".encode())
    return state.hexdigest()


# --- drawing ---------------------------------------------------------------------------------------------------------


def population(since: datetime, until: datetime) -> list[str]:
    """Ids, sorted, of the live requests that ended in the period: closed, refused, withdrawn, not identified."""
    ended: QuerySet[Request] = Request.objects.filter(
        origin=Request.Origin.LIVE, state__in=ENDS, closed_at__gte=since, closed_at__lt=until
    )
    return sorted(str(pk) for pk in ended.order_by().values_list("pk", flat=True).iterator(chunk_size=5000))


def draw(*, actor: User, first: date, last: date, size: int, seed: str = "") -> Sample:
    """Draw ``size`` of the requests that ended from the first day to the last. No seed: a random one."""
    gates.require(actor, "requests_app.draw_sample")
    seed = seed.strip() or new_seed()
    if not _SEED.fullmatch(seed):
        message = "A seed begins with a letter and has at most 40 letters, digits, dots, dashes, colons or underscores."
        raise Refused("bad_seed", message)
    if not 1 <= size <= LARGEST:
        raise Refused("bad_size", f"A sample has from 1 to {LARGEST} requests. Draw several for more.")
    if last < first:
        raise Refused("bad_period", "The first day must not be after the last.")
    now = timezone.now()
    since, until = _midnight(first), min(_midnight(last + timedelta(days=1)), now)
    if until <= since:
        raise Refused("bad_period", "The period lies in the future. Choose days on which requests have ended.")
    return _store(actor, seed=seed, since=since, until=until, size=size, at=now)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@transaction.atomic(durable=True)
def _store(actor: User, *, seed: str, since: datetime, until: datetime, size: int, at: datetime) -> Sample:
    everybody = population(since, until)
    if not everybody:
        raise Refused("nobody", "No request ended in this period. Choose another one.")
    drawn = choose(seed, everybody, size=size)
    sample = Sample.objects.create(
        seed=seed, since=since, until=until, wanted=size, population=len(everybody),
        population_digest=digest(everybody), drawn=drawn, drawn_digest=digest(drawn), by=actor, at=at,
    )  # fmt: skip
    audit.append(
        "sample.drawn", actor=actor, about=sample, seed=seed, since=since, until=until, population=len(everybody),
        population_digest=sample.population_digest, size=len(drawn), drawn_digest=sample.drawn_digest,
    )  # fmt: skip
    return sample


# --- drawing again ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Again:
    """The same draw, made now from today's rows. ``same`` when nothing has changed."""

    population: list[str]
    drawn: list[str]
    same: bool


def again(sample: Sample) -> Again:
    """Draw it again, and compare with what was written down."""
    everybody = population(sample.since, sample.until)
    drawn = choose(sample.seed, everybody, size=sample.wanted)
    same = digest(everybody) == sample.population_digest and drawn == list(sample.drawn)
    return Again(everybody, drawn, same)


def requests_of(sample: Sample) -> list[Request]:
    """The requests, in the order of the draw."""
    found = Request.objects.in_bulk([UUID(one) for one in sample.drawn])
    return [found[UUID(one)] for one in sample.drawn if UUID(one) in found]
