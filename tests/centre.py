"""A contact centre in memory: what a connector would see, for tests of the rooms without HTTP.

In:  interactions that a test puts there, and what it wants to go wrong.
Out: a double of ``ContentConnector`` that writes down every call, and goes through the rooms' gate as a real one does.
Never here: a rule of the portal. It finds by prefix and deletes whatever it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from content_app.connectors import registry
from content_app.connectors.base import (
    Account,
    Check,
    Content,
    Interaction,
    Manifest,
    Outcome,
    Page,
    Query,
    Statistic,
    StatisticsPage,
)

PHONE, COMPANY_LINE = "+447700900123", "+442079460000"


@dataclass
class Contact:
    """What is known of an interaction beside its content."""

    at: datetime
    connect_from: str = PHONE
    connect_to: str = COMPANY_LINE
    direction: Any = "inbound"
    agents: tuple[str, ...] = ()


@dataclass
class Centre:
    """``held`` is the truth: interaction → key → class. ``log`` is every call in order, as a tuple with its verb."""

    held: dict[str, dict[str, str]] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    log: list[tuple[Any, ...]] = field(default_factory=list)
    #: Interactions, or (interaction, key), that may not be deleted.
    forbidden: set[Any] = field(default_factory=set)
    #: Interactions that say they are deleted and are not.
    stubborn: set[str] = field(default_factory=set)
    #: Interactions whose deletion fails by itself, with this code.
    failing: dict[str, str] = field(default_factory=dict)
    #: Called with each entry of the log before the call is carried out: may raise, or change what is held.
    before: Callable[[tuple[Any, ...]], None] = lambda entry: None
    #: The same, after it was carried out and before it is answered.
    after: Callable[[tuple[Any, ...]], None] = lambda entry: None
    checks: list[Check] = field(default_factory=lambda: [Check("login", True)])
    page_size: int = 1000
    calls: int = 0
    manifest: Manifest = registry.CONNECTORS["vcc"].manifest
    gate: Callable[[Any], AbstractContextManager[None]] = lambda purpose: nullcontext()
    account: Account | None = None

    def hold(self, external_id: str, *classes: str, ago: timedelta = timedelta(days=3), **contact: Any) -> None:
        """Put an interaction there, with one file of each class, whose key is the class's name."""
        self.held[external_id] = {name: name for name in classes}
        known = self.contacts.get(external_id)  # an interaction keeps the moment at which it began
        self.contacts[external_id] = Contact(**({"at": known.at if known else timezone.now() - ago} | contact))

    def asked(self, verb: str) -> list[Any]:
        """What the calls of one verb were about, in order."""
        return [entry[1:] for entry in self.log if entry[0] == verb]

    # --- the connector's verbs ---------------------------------------------------------------------------------------

    def find(self, query: Query | None, *, start: datetime, end: datetime, token: str | None = None) -> Page:
        def asked_for(contact: Contact) -> bool:
            if query is None:
                return True
            side = contact.connect_from if query.side == "from" else contact.connect_to
            return side.startswith(query.address)

        def work() -> Page:
            hits = [
                one for one, contact in self.contacts.items()
                if asked_for(contact) and start <= contact.at < end and self.held.get(one)
            ]  # fmt: skip
            first = int(token or 0)
            following = first + self.page_size
            page = tuple(self._interaction(one) for one in hits[first:following])
            return Page(page, str(following) if following < len(hits) else None)

        asked = (query.side, query.address) if query else (None, None)
        return self._call("read", ("find", *asked, start, end, token), work)

    def statistics(self, *, start: datetime, end: datetime, page: int) -> StatisticsPage:
        def work() -> StatisticsPage:
            known = sorted((contact.at, one) for one, contact in self.contacts.items() if start <= contact.at < end)
            shown = known[(page - 1) * self.page_size : page * self.page_size]
            return StatisticsPage(tuple(self._statistic(one) for _, one in shown), -(-len(known) // self.page_size))

        return self._call("read", ("statistics", start, end, page), work)

    def get(self, external_id: str) -> Interaction | None:
        def work() -> Interaction | None:
            return self._interaction(external_id) if self.held.get(external_id) else None

        return self._call("read", ("get", external_id), work)

    def delete_content(self, external_id: str, content_key: str) -> Outcome:
        def work() -> Outcome:
            if (external_id, content_key) in self.forbidden:
                return Outcome(external_id, content_key, "forbidden", "forbidden")
            if external_id in self.failing:
                return Outcome(external_id, content_key, "failed", self.failing[external_id], permanent=False)
            held = self.held.get(external_id, {})
            gone = held.get(content_key)
            if external_id not in self.stubborn and gone:
                for follower in [follower for lead, follower in self.manifest.goes_with if lead == gone]:
                    for key in [key for key, name in held.items() if name == follower]:
                        del held[key]
                del held[content_key]
            return Outcome(external_id, content_key, "deleted" if gone else "already_gone")

        return self._call("delete", ("delete_content", external_id, content_key), work)

    def delete_interactions(self, external_ids: Sequence[str]) -> list[Outcome]:
        def work() -> list[Outcome]:
            return [self._delete(external_id) for external_id in external_ids]

        return self._call("delete", ("delete_interactions", *external_ids), work)

    def self_test(self) -> list[Check]:
        return self._call("read", ("self_test",), lambda: self.checks)

    def another(self, gate: Callable[[Any], AbstractContextManager[None]]) -> Centre:
        """The same centre behind another gate; its threads share what is held and the log."""
        return replace(self, gate=gate)

    def close(self) -> None:
        self.log.append(("close",))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _call(self, purpose: str, entry: tuple[Any, ...], work: Callable[[], Any]) -> Any:
        with self.gate(purpose):
            self.calls += 1
            self.log.append(entry)
            self.before(entry)
            answer = work()
            self.after(entry)
            return answer

    def _interaction(self, external_id: str) -> Interaction:
        contact = self.contacts.setdefault(external_id, Contact(timezone.now()))
        files = tuple(Content(key, name, "audio/wav", 1, None) for key, name in self.held[external_id].items())
        return Interaction(
            external_id, contact.at, contact.connect_from, contact.connect_to, contact.direction, contact.agents, files
        )

    def _statistic(self, external_id: str) -> Statistic:
        contact = self.contacts[external_id]
        return Statistic(external_id, contact.at, contact.connect_from, contact.connect_to, contact.direction)

    def _delete(self, external_id: str) -> Outcome:
        if external_id in self.forbidden:
            return Outcome(external_id, None, "forbidden", "forbidden")
        if external_id in self.failing:
            return Outcome(external_id, None, "failed", self.failing[external_id], permanent=False)
        if external_id not in self.stubborn:
            self.held.pop(external_id, None)
        return Outcome(external_id, None, "deleted")


def plug(monkeypatch: pytest.MonkeyPatch, *centres: Centre, by_name: dict[str, Centre] | None = None) -> None:
    """Let every system speak to the one centre, or each to the one of its name."""

    def connect(kind: str, account: Account, gate: Any) -> Centre:
        one = by_name[account.name] if by_name else centres[0]
        one.gate, one.account = gate, account
        return one

    monkeypatch.setattr(registry, "connect", connect)
