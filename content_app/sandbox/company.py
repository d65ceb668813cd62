"""The account's own side: company lines, agents, interaction plans.

In: a random source. Out: one `Company`.
Never here: customers.
"""

from dataclasses import dataclass
from random import Random
from uuid import UUID

from .interaction import Agent, Medium
from .people import names

LINES = ("+448081570110", "+448081570120", "08081570130", "+18005550199", "570140")
ADDRESSES: dict[Medium, tuple[str, ...]] = {
    "call": LINES,
    "voicemail": LINES[:2],
    "chat": ("webchat-en", "webchat-de"),
    "email": ("service@centre.example", "billing@centre.example"),
}
GROUPS = ("service", "sales", "billing")


@dataclass(frozen=True, slots=True)
class Company:
    agents: tuple[Agent, ...]
    plans: tuple[str, ...]

    def address(self, rng: Random, medium: Medium) -> str:
        return rng.choice(ADDRESSES[medium])


def found_company(rng: Random) -> Company:
    """Hire 25 agents; the last two have left, so they are in no group any more."""
    supply = names(rng)
    agents = [
        Agent(str(1301 + 7 * number), next(supply), GROUPS[number % len(GROUPS)] if number < 23 else None)
        for number in range(25)
    ]
    return Company(tuple(agents), tuple(guid(rng) for _ in range(4)))


def guid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
