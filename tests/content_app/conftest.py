"""The workshop's rooms over a contact centre in memory, and the hands that walk a request through them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User

from content_app import discovery, execution, planning, systems, verification, windows
from content_app.models import Plan, System
from requests_app import audit, transitions
from requests_app.models import Request
from requests_app.states import State
from tests import story
from tests.centre import Centre, plug
from tests.content_app.sweeping_story import number
from tests.factories import SystemFactory


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> Centre:
    """An empty contact centre to which every system is connected."""
    one = Centre()
    plug(monkeypatch, one)
    return one


@pytest.fixture
def connect(administrator: User, supervisor: User) -> Callable[..., System]:
    """``connect(name=…)`` is a system on which two people have enabled deletion."""

    def connected(**more: Any) -> System:
        made = SystemFactory.create(**more)
        systems.propose_deletion(made.pk, actor=administrator)
        systems.confirm_deletion(made.pk, actor=supervisor)
        made.refresh_from_db()
        return made

    return connected


@pytest.fixture
def history_days() -> int:
    """How far back the contact centre knows anything. Tests about searching ask for more."""
    return 7


@pytest.fixture
def system(connect: Callable[..., System], history_days: int) -> System:
    """The one connected contact centre, out of shadow mode."""
    return connect(name="Contact centre", history_days=history_days)


def no_beat() -> None:
    """Nobody else works on it."""


@pytest.fixture
def rooms(staff: User, validator: User, supervisor: User, settings: Any) -> SimpleNamespace:
    """The rooms in order, each as one call: ``take``, ``search``, ``freeze``, ``approve``, ``execute``."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0

    def take(**told: Any) -> Request:
        return story.validated(staff, validator, **told)

    def search(request: Request, *, budget: int = 1000) -> bool:
        return discovery.search(request.pk, budget=budget, beat=no_beat)

    def freeze(request: Request) -> Plan:
        plan = planning.freeze(request.pk, actor=validator)
        request.refresh_from_db()
        return plan

    def approve(request: Request, plan: Plan) -> None:
        story.approve(request, plan, supervisor)
        request.refresh_from_db()

    def listed(**told: Any) -> Request:
        """Taken, searched, frozen and approved."""
        request = take(**told)
        assert search(request)
        approve(request, freeze(request))
        return request

    def execute(request: Request, *, budget: int = 1000) -> bool:
        return execution.run(request.pk, budget=budget, beat=no_beat)

    def executed(request: Request) -> None:
        """Carried out, and moved on as the pipeline does."""
        assert execute(request)
        transitions.move(request.pk, seen=State.APPROVED, to=State.EXECUTED, actor=audit.WORKER)
        request.refresh_from_db()

    def read_back(request: Request, *, round_number: int = 1, budget: int = 1000) -> bool:
        return verification.run(request.pk, round_number=round_number, budget=budget, beat=no_beat)

    return SimpleNamespace(
        take=take, search=search, freeze=freeze, approve=approve, approved=listed, execute=execute, executed=executed,
        read_back=read_back, beat=no_beat,
    )  # fmt: skip


@pytest.fixture
def approved(system: System, centre: Centre, rooms: SimpleNamespace) -> Callable[..., Request]:
    """``approved(a=("voicemail",), …)`` is an approved request for what is held there."""

    def made(**held: tuple[str, ...]) -> Request:
        for external_id, classes in (held or {"a": ("voicemail",), "b": ("voicemail",)}).items():
            centre.hold(external_id, *classes)
        request: Request = rooms.approved()
        centre.log.clear()
        return request

    return made


@pytest.fixture
def a_quiet_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """So quiet that reading all of it takes fewer calls than asking for one person alone."""
    monkeypatch.setattr(windows, "GUESS", 10)


@pytest.fixture
def people(rooms: SimpleNamespace) -> Callable[..., list[Request]]:
    """``people(3)`` are three validated requests, each with a telephone number of their own."""

    def taken(count: int, **told: Any) -> list[Request]:
        return [
            rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))], **told) for n in range(10, 10 + count)
        ]

    return taken
