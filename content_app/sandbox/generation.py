"""Inventing a world from a seed.

In: settings and the present. Out: a company, a cast, and a world of interactions that ends now.
Never here: the real clock; the same seed and present give the same world to the last key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from .cast import Subject, invent_cast
from .company import Company, found_company, guid
from .contents import Fullness, fill
from .interaction import RECORDING, TRANSCRIPT, Direction, Interaction, Medium
from .people import Address, NumberPool, Person
from .settings import Settings
from .world import World

MEDIA: dict[str, Medium] = {"mobile": "call", "landline": "call", "email": "email", "handle": "chat"}
SECONDS: dict[Medium, tuple[int, int]] = {
    "call": (20, 1500), "voicemail": (8, 90), "chat": (60, 2400), "email": (30, 900),
}  # fmt: skip
SHARES: dict[Medium, int] = {"call": 14, "voicemail": 1, "chat": 3, "email": 2}
DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")
FRESH = timedelta(days=5)
IN_PROGRESS = 3


@dataclass(frozen=True, slots=True)
class Contact:
    """One exchange to invent: with whom, at which address as written, how."""

    address: str
    medium: Medium
    direction: Direction
    start: datetime
    seconds: int | None = None
    person: str = ""
    fullness: Fullness = "usual"


@dataclass(slots=True)
class Generated:
    company: Company
    subjects: list[Subject]
    world: World
    rng: Random


def generate(settings: Settings, now: datetime) -> Generated:
    rng = Random(settings.seed)
    company, pool = found_company(rng), NumberPool(rng)
    subjects = invent_cast(rng, settings.subjects, pool)
    span = timedelta(days=settings.days)
    contacts = list(contacts_of_the_cast(rng, subjects, now, span))
    contacts += contacts_of_the_public(rng, pool, settings.interactions - len(contacts) - IN_PROGRESS, now, span)
    interactions = [interaction_from(rng, contact, company, now) for contact in contacts]
    world = World(interactions, settings.late_content)
    for number in range(IN_PROGRESS):
        begin_in_progress(rng, world, company, now, pool.rest()[number].formats[0])
    for subject in subjects:
        leave_a_transcript_to_come(world.of_person(subject.person.id))
    return Generated(company, subjects, world, rng)


def leave_a_transcript_to_come(interactions: list[Interaction]) -> None:
    """Make sure one of a subject's recorded calls is still being analysed."""
    for interaction in interactions:
        if interaction.find(RECORDING) and not interaction.find(TRANSCRIPT):
            interaction.awaitsTranscript = True
            return


def contacts_of_the_cast(rng: Random, subjects: list[Subject], now: datetime, span: timedelta) -> Iterator[Contact]:
    for subject in subjects:
        yield from contacts_of_a_subject(rng, subject.person, now, span)
        for stranger in subject.strangers:
            yield from contacts_of(rng, stranger.person, now, span)


def contacts_of_a_subject(rng: Random, person: Person, now: datetime, span: timedelta) -> Iterator[Contact]:
    """Every format twice, a rich call of late, an abandoned call, a voicemail old enough for a legacy key."""
    yield from contacts_of(rng, person, now, span)
    yield from contacts_of(rng, person, now, span)
    number = person.addresses[0].formats
    fresh = past(rng, now, min(span, FRESH))
    yield Contact(rng.choice(number), "call", "inbound", fresh, person=person.id, fullness="rich")
    abandoned = past(rng, now, span)
    yield Contact(rng.choice(number), "call", "inbound", abandoned, 7, person=person.id, fullness="bare")
    yield Contact(rng.choice(number), "voicemail", "inbound", past(rng, now, span), person=person.id)
    yield Contact(rng.choice(number), "voicemail", "inbound", now - span * 0.95, person=person.id)


def contacts_of(rng: Random, person: Person, now: datetime, span: timedelta) -> Iterator[Contact]:
    for address in person.addresses:
        for written in address.formats:
            direction: Direction = rng.choice(DIRECTIONS) if address.kind != "handle" else "inbound"
            yield Contact(written, MEDIA[address.kind], direction, past(rng, now, span), person=person.id)


def contacts_of_the_public(
    rng: Random, pool: NumberPool, count: int, now: datetime, span: timedelta
) -> Iterator[Contact]:
    numbers = pool.rest()
    for _ in range(count):
        (medium,) = rng.choices((*SHARES,), (*SHARES.values(),))
        outbound = medium in ("call", "email") and rng.random() < 0.4
        address = written_address(rng, medium, numbers)
        yield Contact(address, medium, "outbound" if outbound else "inbound", past(rng, now, span))


def written_address(rng: Random, medium: Medium, numbers: list[Address]) -> str:
    if medium == "email":
        return f"caller{rng.randrange(5000):04}@example.net"
    if medium == "chat":
        return f"guest{rng.randrange(5000):04}"
    return rng.choice(rng.choice(numbers).formats)


def past(rng: Random, now: datetime, span: timedelta) -> datetime:
    """Some second within the span that leaves time for the interaction to be over."""
    latest = timedelta(hours=1)
    whole = now.replace(microsecond=0)
    return whole - latest - timedelta(seconds=rng.randrange(max(1, int((span - latest).total_seconds()))))


def interaction_from(rng: Random, contact: Contact, company: Company, now: datetime) -> Interaction:
    """Turn a contact into an interaction with its content, which arrives when it is over."""
    ours = company.address(rng, contact.medium)
    inbound = contact.direction == "inbound"
    interaction = Interaction(
        guid=guid(rng),
        start=contact.start,
        seconds=contact.seconds or rng.randint(*SECONDS[contact.medium]),
        medium=contact.medium,
        direction=contact.direction,
        connectFrom=contact.address if inbound else ours,
        connectTo=ours if inbound else contact.address,
        handlingAgents=tuple(rng.sample(company.agents, 2 if rng.random() < 0.15 else 1)),
        person=contact.person,
    )
    if interaction.end <= now:
        fill(rng, interaction, now, company, contact.fullness)
    return interaction


def begin(rng: Random, world: World, contact: Contact, company: Company, now: datetime) -> Interaction:
    """Add one interaction now; one that is still going on gets its content when it ends."""
    interaction = interaction_from(rng, contact, company, now)
    world.add(interaction)
    if interaction.end > now:
        fill(rng, interaction, interaction.end, company, contact.fullness)
        coming, interaction.content = interaction.content, []
        for content in coming:
            world.expect(interaction.guid, content, interaction.end)
    return interaction


def begin_in_progress(rng: Random, world: World, company: Company, now: datetime, address: str) -> None:
    started = now - timedelta(seconds=rng.randint(30, 600))
    begin(rng, world, Contact(address, "call", "inbound", started, seconds=rng.randint(900, 1800)), company, now)
