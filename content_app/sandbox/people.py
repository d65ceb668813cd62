"""Invented persons and the ways their addresses are written.

In: a random source. Out: persons with a number, perhaps a landline, an e-mail address, a chat handle.
Never here: anybody real. Numbers come from the ranges that regulators keep free for fiction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

FIRST_NAMES = (
    "Anna", "Bruno", "Clara", "Dario", "Edda", "Fabian", "Greta", "Hanno", "Ilse", "Jonas", "Kirsten", "Lorenz",
    "Mira", "Nils", "Oda", "Paul", "Quinn", "Rosa", "Sven", "Thea", "Ulrich", "Vera", "Wanda", "Xaver", "Yara",
    "Zeno", "Alba", "Boris", "Cleo", "Doris", "Emil", "Flora", "Gustav", "Hedda", "Ivo", "Judith", "Konrad", "Lena",
    "Moritz", "Nora",
)  # fmt: skip
LAST_NAMES = (
    "Ashgrove", "Birkenfall", "Copperlane", "Dunkelbach", "Elmsworthy", "Finkenried", "Gladewater", "Hasenhorn",
    "Ivorfield", "Jadehurst", "Kranichtal", "Larkspring", "Moosbrunnen", "Nettlecombe", "Ottertal", "Pinewhistle",
    "Quellental", "Rabenstieg", "Silverfen", "Tannenruh", "Umberley", "Vogelweid", "Willowmere", "Yarrowdale",
    "Zirbelwald", "Amberlock", "Brambleton", "Cloverhay", "Dachsbau", "Espenlaub", "Fernacre", "Goldregen",
    "Heronsgate", "Igelmoor", "Juniperley", "Kieselstrand", "Lindenquell", "Marigolding", "Nachtigallen", "Owlsbury",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    kind: str
    formats: tuple[str, ...]
    """Every way this one address occurs in the account; the first is the international one."""

    def but(self, change: str) -> "Address":
        """Another address of the same kind: `change` appended, in every format."""
        return Address(self.kind, tuple(text + change for text in self.formats))


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A range of telephone numbers reserved for fiction."""

    country: str
    trunk: str
    stems: tuple[str, ...]
    width: int

    def numbers(self) -> list[str]:
        return [f"{stem}{tail:0{self.width}}" for stem in self.stems for tail in range(10**self.width)]

    def address(self, kind: str, number: str) -> Address:
        national = self.country + number
        return Address(kind, (f"+{national}", national, f"00{national}", self.trunk + number))


UK_MOBILE = Block("44", "0", ("7700900",), 3)
UK_LANDLINE = Block("44", "0", ("2079460",), 3)
DE_MOBILE = Block("49", "0", ("17139200",), 2)
DE_LANDLINE = Block("49", "0", ("3023125",), 3)
US_NUMBER = Block("1", "", tuple(f"{area}55501" for area in (202, 212, 303, 312, 415, 512, 617, 702)), 2)
BLOCKS = (UK_MOBILE, UK_LANDLINE, DE_MOBILE, DE_LANDLINE, US_NUMBER)


class NumberPool:
    """Hands out even numbers, so that the odd neighbour of each is free to be its near miss."""

    def __init__(self, rng: Random) -> None:
        self._free = {block: block.numbers()[::2] for block in BLOCKS}
        for numbers in self._free.values():
            rng.shuffle(numbers)

    def take(self, block: Block) -> str:
        return self._free[block].pop()

    def rest(self) -> list[Address]:
        """Every number nobody took and that is nobody's near miss: the public's."""
        return [
            block.address("mobile", number)
            for block, numbers in self._free.items()
            for even in numbers
            for number in (even, neighbour(even))
        ]


def neighbour(even_number: str) -> str:
    return even_number[:-1] + str(int(even_number[-1]) + 1)


def names(rng: Random) -> Iterator[str]:
    """Yield each invented name once."""
    pairs = [f"{first} {last}" for first, last in product(FIRST_NAMES, LAST_NAMES)]
    rng.shuffle(pairs)
    return iter(pairs)
