"""A stage on which a request stands just before an act: people, a contact centre in memory, the real rooms.

In:  how far the request is to walk.
Out: the request there, and hands for whatever comes next.
Never here: a shortcut. The rooms themselves bring a request to its place.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache, cached_property
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from content_app import pipeline, planning, reporting, systems
from content_app.models import Errand, Lease, Plan, Step, System
from requests_app.models import Request
from requests_app.states import State
from tests import factories, story
from tests.centre import Centre, plug

#: What the contact centre holds of the person, unless an act says otherwise: two interactions, one file each.
HELD = {"a": ("voicemail",), "b": ("voicemail",)}


class Stage:
    """One test's portal. People come when they are asked for; the first system is connected with the first request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.centre = Centre()
        plug(monkeypatch, self.centre)
        self.person = cache(self._person)
        for role in ("staff", "supervisor"):
            self.person(role, 2)

    def _person(self, role: str, number: int = 1) -> User:
        return factories.person(f"{role.replace(' ', '-')}.{number}", role)

    def client(self, role: str) -> Client:
        """Somebody of this role, signed in."""
        client = Client()
        client.force_login(self.person(role))
        return client

    @cached_property
    def system(self) -> System:
        """The connected contact centre, on which two people have enabled deletion."""
        made = self.shadowed(name="Contact centre")
        systems.propose_deletion(made.pk, actor=self.person("administrator"))
        systems.confirm_deletion(made.pk, actor=self.person("supervisor"))
        made.refresh_from_db()
        return made

    def shadowed(self, **more: Any) -> System:
        """A system in shadow mode."""
        return factories.SystemFactory.create(**more)

    def hold(self, held: dict[str, tuple[str, ...]]) -> None:
        """Put content there, of interactions three days old."""
        for external_id, classes in held.items():
            self.centre.hold(external_id, *classes, agents=("1342",))

    # --- along the path ----------------------------------------------------------------------------------------------

    def request(self, state: str, held: dict[str, tuple[str, ...]] | None = None) -> Request:
        """A request that the rooms have brought into ``state``."""
        self.hold(HELD if held is None else held)
        assert self.system
        request = story.received(self.person("staff"))
        for name in (State.VALIDATED, State.PLANNED, State.APPROVED, State.EXECUTED, State.VERIFIED, State.CLOSED):
            if request.state == state:
                return request
            self._walk(request, name)
            request.refresh_from_db()
        assert request.state == state
        return request

    def _walk(self, request: Request, to: State) -> None:
        match to:
            case State.VALIDATED:
                self.check(request)
                self.validate(request)
            case State.PLANNED:
                self.advance(request)
                self.freeze(request)
            case State.APPROVED:
                self.approve(request)
            case State.CLOSED:
                self.reply(request)
            case _:
                self.advance(request)

    # --- hands -------------------------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        story.validation.record_finding(
            request.pk, actor=self.person("staff", 2), method="callback", level="IAL-2", result="passed"
        )

    def validate(self, request: Request) -> None:
        story.validation.validate(request.pk, actor=self.person("staff", 2))

    def freeze(self, request: Request) -> Plan:
        return planning.freeze(request.pk, actor=self.person("staff", 2))

    def plan(self, request: Request) -> Plan:
        return Plan.objects.filter(request=request).latest("version")

    def approve(self, request: Request) -> None:
        story.approve(request, self.plan(request), self.person("supervisor", 2))

    def reply(self, request: Request) -> None:
        reporting.record_reply(request.pk, actor=self.person("staff", 2), channel="email")

    def advance(self, request: Request) -> None:
        """One run of the worker, as if the time of every lease had passed."""
        past = timezone.now() - timedelta(hours=1)
        Step.objects.filter(lease_until__isnull=False).update(lease_until=past)
        Errand.objects.update(lease_until=None, next_at=past)
        Lease.objects.update(until=None)
        pipeline.advance(request.pk)

    def deletes(self) -> list[tuple[Any, ...]]:
        """Every call to delete that reached the contact centre."""
        return [entry for entry in self.centre.log if entry[0].startswith("delete")]
