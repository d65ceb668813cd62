"""Whose an interaction is: what is known of a person, opened, and the exact comparison with what a system holds.

In:  a request; an interaction as a system answered it.
Out: the tie between the two, by which identifier and with which doubt, or none.
Never here: a row that is written, a call to an outside system, a decision that staff must take. Both ways of searching
ask this module and no other, so that they find the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from content_app.connectors.base import Interaction, Manifest, Query, Statistic
from content_app.models import Candidate
from requests_app import clock, keys
from requests_app.identifiers import ADDRESS_KINDS, MIN_PREFIX, Kind, coarse, formats, left_out, matches
from requests_app.models import Identifier, Request

Doubt = Candidate.Doubt
Contact = Interaction | Statistic
#: The person's own address is not on the person's side of the contact.
ELSEWHERE = (Doubt.COMPANY_SIDE, Doubt.NAMED)


@dataclass(frozen=True, slots=True)
class Known:
    """One identifier of the person, opened, with every spelling to search for.

    ``doubtful`` are spellings that read as another person's number too, such as a German ``0171…`` in a British
    account: they are searched for as well, and whatever they find waits for a person.
    """

    row: Identifier
    kind: Kind
    value: str
    shared: bool
    spellings: tuple[str, ...]
    doubtful: tuple[str, ...]
    left_out: int

    def fits(self, address: str, *, region: str) -> bool:
        """The address is this identifier and can be nobody else's."""
        return self.kind in ADDRESS_KINDS and matches(self.kind, self.value, address, region=region)

    def may_fit(self, address: str) -> bool:
        """The address is spelled like this identifier, and could be another person's as well."""
        return _bare(address) in self.doubtful


@dataclass(frozen=True, slots=True)
class Tie:
    """How an interaction is tied to the person: by which identifier, and what a person must still look at."""

    entry: Known
    doubt: Candidate.Doubt


# --- what is known ---------------------------------------------------------------------------------------------------


def known(request: Request, *, region: str) -> list[Known]:
    """The identifiers that this request was checked with, as the country of an account reads and spells them."""
    told = []
    for row, kind, value in opened(request):
        others = left_out(kind, value, region=region)
        doubtful = tuple(text for text in others if len(text) >= MIN_PREFIX[kind])
        spellings = tuple(formats(kind, value, region=region))
        shared = is_shared(kind, value, subject_id=request.subject_id)
        told.append(Known(row, kind, value, shared, spellings, doubtful, len(others) - len(doubtful)))
    return told


def opened(request: Request) -> Iterator[tuple[Identifier, Kind, str]]:
    """What was known when the scope was frozen. What a later request of theirs names was not checked with this one."""
    rows: QuerySet[Identifier] = request.subject.identifiers.filter(created_at__lte=request.scope_as_of or clock.now())
    for row in rows.order_by("pk"):
        yield row, Kind(row.kind), keys.unseal(row, "value_enc", subject_id=request.subject_id)


def is_shared(kind: Kind, value: str, *, subject_id: UUID) -> bool:
    """Another data subject has it too, under whichever index key that was written."""
    same = Identifier.objects.filter(
        blind_index__in=keys.blind_indices(kind, value), subject__forgotten_at__isnull=True
    )
    return same.exclude(subject_id=subject_id).exists()


def named(entries: Iterable[Known]) -> list[Known]:
    """The interactions that the person named by their id."""
    return [entry for entry in entries if entry.kind == Kind.INTERACTION_GUID]


def questions(entries: Iterable[Known], manifest: Manifest) -> list[Query]:
    """Every spelling on each side, each once, in an order that is the same on every run."""
    addresses = [
        spelling for entry in entries if entry.kind in manifest.searches_by
        for spelling in (*entry.spellings, *entry.doubtful)
    ]  # fmt: skip
    return [Query(side, address) for address in dict.fromkeys(addresses) for side in ("from", "to")]


# --- whose it is -----------------------------------------------------------------------------------------------------


def tie(interaction: Contact, entries: Iterable[Known], *, region: str) -> Tie | None:
    """The tie of an interaction to one person, by exact comparison; ``None`` for a stranger's."""
    entries = list(entries)
    inbound = interaction.direction == "inbound"
    person, company = (
        (interaction.connect_from, interaction.connect_to)
        if inbound
        else (interaction.connect_to, interaction.connect_from)
    )
    for entry in entries:
        if entry.fits(person, region=region):
            return Tie(entry, Doubt.SHARED if entry.shared else Doubt.NONE)
    for entry in entries:
        if entry.may_fit(person):
            return Tie(entry, Doubt.AMBIGUOUS)
    for entry in entries:
        if entry.fits(company, region=region) or entry.may_fit(company):
            return Tie(entry, Doubt.COMPANY_SIDE)
    return None


class Crowd:
    """Many people at once: for an interaction, the few of them with whom it is worth comparing."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[Kind, str], set[UUID]] = defaultdict(set)
        self._by_spelling: dict[str, set[UUID]] = defaultdict(set)

    def add(self, who: UUID, entries: Iterable[Known]) -> None:
        """Let ``who`` be found by what is known of them."""
        for entry in entries:
            if entry.kind in ADDRESS_KINDS:
                self._by_key[entry.kind, coarse(entry.kind, entry.value)].add(who)
            for spelling in entry.doubtful:
                self._by_spelling[spelling].add(who)

    def near(self, interaction: Contact) -> set[UUID]:
        """Everybody whom the interaction may concern, and some whom it does not. ``tie`` decides."""
        near: set[UUID] = set()
        for address in (interaction.connect_from, interaction.connect_to):
            for kind in ADDRESS_KINDS:
                near |= self._by_key.get((kind, coarse(kind, address)), set())
            near |= self._by_spelling.get(_bare(address), set())
        return near


def _bare(address: str) -> str:
    return "".join(character for character in address if character not in " -()./")
