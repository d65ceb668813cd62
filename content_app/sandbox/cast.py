"""The cast: the subjects to be found, and strangers whose addresses collide with theirs.

In: a random source and a number of subjects. Out: subjects, each with its strangers.
Never here: interactions. The cast says who could contact the centre, not who did.
"""

from dataclasses import dataclass
from itertools import islice
from random import Random

from .people import (
    DE_LANDLINE,
    DE_MOBILE,
    UK_LANDLINE,
    UK_MOBILE,
    US_NUMBER,
    Address,
    NumberPool,
    Person,
    names,
    neighbour,
)

BEGINS_WITH, NEAR_MISS = "begins with the subject's address", "near miss"
ORIGINS = ((UK_MOBILE, UK_LANDLINE), (UK_MOBILE, None), (DE_MOBILE, DE_LANDLINE), (US_NUMBER, None))


@dataclass(frozen=True, slots=True)
class Stranger:
    person: Person
    collision: str


@dataclass(frozen=True, slots=True)
class Subject:
    person: Person
    strangers: tuple[Stranger, ...]


def invent_cast(rng: Random, count: int, pool: NumberPool) -> list[Subject]:
    """Invent the subjects; every stranger's name differs from every subject's."""
    supply = names(rng)
    taken = list(islice(supply, count))
    others = list(supply)
    return [invent_subject(rng, number, name, others, pool) for number, name in enumerate(taken, 1)]


def invent_subject(rng: Random, number: int, name: str, others: list[str], pool: NumberPool) -> Subject:
    mobile, landline = ORIGINS[(number - 1) % len(ORIGINS)]
    addresses, colliding = [], []
    for kind, block in (("mobile", mobile), ("landline", landline)):
        if block is not None:
            digits = pool.take(block)
            addresses.append(block.address(kind, digits))
            colliding.append((addresses[-1].but(str(rng.randrange(10))), BEGINS_WITH))
            colliding.append((block.address(kind, neighbour(digits)), NEAR_MISS))
    first, last = name.lower().split()
    addresses.append(Address("email", (f"{first}.{last}@example.org",)))
    colliding.append((addresses[-1].but(".uk"), BEGINS_WITH))
    colliding.append((Address("email", (f"{first}.{last}@example.com",)), NEAR_MISS))
    if number % 2:
        addresses.append(Address("handle", (f"{first}{last}",)))
        colliding.append((addresses[-1].but("2"), BEGINS_WITH))
    strangers = (
        Stranger(Person(f"stranger-{number}-{position}", rng.choice(others), (address,)), collision)
        for position, (address, collision) in enumerate(colliding, 1)
    )
    return Subject(Person(f"subject-{number}", name, tuple(addresses)), tuple(strangers))
