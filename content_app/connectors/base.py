"""What every connector to an outside system speaks: its verbs, its values, its one error.

In:  nothing; this module imports only the standard library.
Out: the ``ContentConnector`` protocol, frozen values, and ``ConnectorError``.
Never here: HTTP, Django, rows, retries. A connector makes one call a verb and says what happened; whether
and when to try again is the engine's business (``content_app.execution``, ``content_app.planning``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

Side = Literal["from", "to"]
Direction = Literal["inbound", "outbound"]
Result = Literal["deleted", "already_gone", "forbidden", "failed"]
Purpose = Literal["read", "delete", "batch"]
#: Whether a verb may be called again when its answer was lost. ``safe``: it changes nothing. ``idempotent``: a second
#: call does no more than the first, whatever has happened between them. ``probe_first``: never before a look.
Idempotency = Literal["safe", "idempotent", "probe_first"]

#: Entered around every single HTTP call. The rooms pass one in that honours the emergency stop, the shared rate
#: limit and the one-delete-in-flight lease; it may raise (``ConnectorError`` or ``Refused``) to forbid the call.
Gate = Callable[[Purpose], AbstractContextManager[None]]


class ConnectorError(Exception):
    """The outside said no, or said nothing intelligible.

    ``code`` is from the closed list ``ERROR_CODES`` and is all that may be written to the ledger. ``permanent``
    says whether trying the same call again can help. ``retry_after`` is in seconds, when the system named it.
    The text never carries a body, an address or a token: outside answers may echo personal data.
    """

    def __init__(self, code: str, *, permanent: bool, status: int | None = None, retry_after: float | None = None):
        assert code in ERROR_CODES, code
        self.code = code
        self.permanent = permanent
        self.status = status
        self.retry_after = retry_after
        #: Which account it was; whoever asks several of them notes it.
        self.at: object = None
        super().__init__(f"{ERROR_CODES[code]}{f' (HTTP {status})' if status else ''}")


#: code → the sentence a person reads, with what to do.
ERROR_CODES = {
    "unreachable": "The system could not be reached. Check its address and the network",
    "timeout": "The system did not answer in time. It will be asked again",
    "cut_off": "The connection broke before the whole answer had come. It will be asked what came of the call",
    "rate_limited": "The system asks us to slow down. It will be asked again later",
    "server_error": "The system reports a fault of its own. It will be asked again",
    "bad_credentials": "The system refuses our credentials. Check client id and secret in the environment",
    "scope_refused": "The credentials lack a scope. Create them as an administrator with read and delete scopes",
    "unauthorised": "The system refused a fresh token. Check the region and the credentials",
    "forbidden": "The credentials' user may not do this. Check its permissions in the contact centre",
    "rejected": "The system rejected the call as wrong. The connector may be too old for it",
    "not_found": "The system does not know this address. Check the gateway address",
    "malformed": "The system's answer could not be understood. Check that the address is the API's",
    "too_large": "The system's answer is larger than any real one. Check that the address is the API's",
    "read_only": "This system is in shadow mode: deleting there is impossible until two people enable it",
    "stopped": "The emergency stop is set for this system",
    "paused": "The system has failed several times in a row and is left alone for a while. It will be asked again",
    "busy": "Another deletion is in flight for this account. It will be tried again",
    "shared": "Another worker is searching this system for several requests at once. It will be looked at again",
    "missing_credentials": "The credentials are not in the environment. Set the named variables and restart",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One account of an outside system, as its connector needs it. Secrets never appear in its ``repr``."""

    name: str
    gateway_url: str
    auth_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    client_auth: Literal["basic", "body"] = "basic"
    #: Shadow mode. The connector itself refuses every delete while this is true.
    read_only: bool = True
    #: Seconds for one whole call, headers and body together.
    deadline: float = 30.0


@dataclass(frozen=True, slots=True)
class Query:
    """One address on one side. The system matches by prefix; callers compare exactly afterwards."""

    side: Side
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """One piece of content of an interaction. ``length`` is the vendor's number, its unit unspecified."""

    key: str
    content_class: str
    media_type: str
    length: int | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Interaction:
    """One contact (call, chat, message) that has content. Addresses are as the system holds them."""

    external_id: str
    started_at: datetime
    connect_from: str = field(repr=False)
    connect_to: str = field(repr=False)
    direction: Direction
    agents: tuple[str, ...]
    content: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. ``next_token`` is ``None`` on the last."""

    interactions: tuple[Interaction, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Statistic:
    """What the system's statistics keep of one contact, whether it has content or not."""

    external_id: str
    started_at: datetime
    connect_from: str = field(repr=False)
    connect_to: str = field(repr=False)
    direction: Literal["inbound", "outbound", "internal"]


@dataclass(frozen=True, slots=True)
class StatisticsPage:
    """One page of the statistics, and how many there are."""

    rows: tuple[Statistic, ...]
    pages: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a delete did to one interaction (``content_key`` is ``None``) or to one file of it.

    ``already_gone`` is a success: the system no longer has it. ``code`` is set for ``forbidden`` and ``failed``.
    ``permanent`` tells whether a failed one is worth another try.
    """

    external_id: str
    content_key: str | None
    result: Result
    code: str | None = None
    permanent: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a self-test: ``code`` names what was tried, ``advice`` what to do when it failed.

    ``outage`` is the error's code where the same try may succeed later: nobody answered, so nothing was refused.
    """

    code: Literal["login", "read", "delete_scope"]
    passed: bool
    advice: str = ""
    outage: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a connector can do, for planning and for ``docs/connectors.md``."""

    kind: str
    label: str
    version: str
    #: classes of content it can see and delete
    content_classes: tuple[str, ...]
    #: classes the vendor holds that this API cannot reach, each with the reason a report prints
    out_of_reach: tuple[tuple[str, str], ...]
    #: longest span of one search
    window: timedelta
    #: interactions in one bulk delete
    batch_size: int
    #: deleting the key deletes the value too: (content class, content class that goes with it)
    goes_with: tuple[tuple[str, str], ...]
    #: identifier kinds that can be searched for by address
    searches_by: tuple[str, ...]
    #: interactions on one page of a search
    page_size: int
    #: whether a search may go without an address, and so read everything
    sweeps: bool
    #: longest span of one look into the statistics, and rows on one page of it; ``None`` where there are none
    statistics: tuple[timedelta, int] | None
    #: (verb, whether it may be called again when its answer was lost); ``probe_first`` for a verb that is not named
    idempotency: tuple[tuple[str, Idempotency], ...] = ()

    def repeats(self, verb: str) -> Idempotency:
        """Whether this verb may be called again when its answer was lost."""
        return dict(self.idempotency).get(verb, "probe_first")


class ContentConnector(Protocol):
    """A place where interaction content is kept. Every verb may raise ``ConnectorError``.

    ``calls`` counts the HTTP calls made so far, token calls included.
    """

    manifest: Manifest

    @property
    def calls(self) -> int:
        """Only the connector counts; a plain attribute is as good."""

    def find(self, query: Query | None, *, start: datetime, end: datetime, token: str | None = None) -> Page:
        """One page of the interactions that start in ``[start, end)`` and whose address starts with the query's; of all
        of them without a query, where ``manifest.sweeps``."""

    def get(self, external_id: str) -> Interaction | None:
        """The interaction with all content we may see; ``None`` when it is unknown, empty or invisible."""

    def statistics(self, *, start: datetime, end: datetime, page: int) -> StatisticsPage:
        """One page, from 1, of what the statistics keep of the contacts that start in ``[start, end)``."""

    def delete_content(self, external_id: str, content_key: str) -> Outcome:
        """Delete one file. A file that is not there any more is ``already_gone``."""

    def delete_interactions(self, external_ids: Sequence[str]) -> list[Outcome]:
        """Delete whole interactions, at most ``manifest.batch_size``; one outcome for each id, in their order."""

    def self_test(self) -> list[Check]:
        """Log in, read one window, and make sure that the delete scope is granted. Deletes nothing."""

    def another(self, gate: Gate) -> ContentConnector:
        """One more connection to the same account, with the same token, for a thread of its own."""

    def close(self) -> None:
        """Give the connection back."""
