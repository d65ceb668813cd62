"""Bearer tokens: opaque, expiring, never refreshed.

In: a credential and the scopes granted. Out: a token, and later whose it was while it lives.
Never here: parsing; a token means nothing by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from .permissions import Credential


@dataclass(frozen=True, slots=True)
class Grant:
    credential: Credential
    scopes: frozenset[str]
    expires: datetime


class TokenDesk:
    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._grants: dict[str, Grant] = {}

    def issue(self, credential: Credential, scopes: frozenset[str], now: datetime) -> str:
        self._grants = {token: grant for token, grant in self._grants.items() if grant.expires > now}
        token = token_hex(24)
        self._grants[token] = Grant(credential, scopes, now + timedelta(seconds=self.lifetime))
        return token

    def find(self, token: str, now: datetime) -> Grant | None:
        grant = self._grants.get(token)
        return grant if grant is not None and grant.expires > now else None

    def expire_all(self) -> int:
        expired = len(self._grants)
        self._grants.clear()
        return expired
