"""Continuation tokens: opaque, good for one use, tied to the query that earned them.

In: a query and the place reached. Out: a token, and once, the place again.
Never here: the interactions themselves.
"""

from collections.abc import Hashable
from secrets import token_urlsafe

from .refusal import Refusal
from .world import Place

MOST_KEPT = 10_000


class Continuations:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, Place]] = {}

    def keep(self, query: Hashable, place: Place) -> str:
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        token = token_urlsafe(24)
        self._kept[token] = (query, place)
        return token

    def redeem(self, token: str, query: Hashable) -> Place:
        """Give the place back; a token of another query is spent all the same."""
        kept = self._kept.pop(token, None)
        if kept is None or kept[0] != query:
            raise Refusal(400, "Invalid continuationToken")
        return kept[1]
