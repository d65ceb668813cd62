"""A contact centre over HTTP, connected and out of shadow mode, and the hands that walk a request through."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from content_app import planning, systems
from content_app.models import Plan, System
from requests_app.models import Request
from tests import story
from tests.factories import SystemFactory
from tests.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox


@pytest.fixture
def centre(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """A small contact centre of this test's own: 28 days, few people."""
    return start_sandbox(seed=11, interactions=400, days=7, subjects=4)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, administrator: User, supervisor: User) -> Callable[..., System]:
    """``connect(sandbox)`` is a connected system; ``deletes=False`` leaves it in shadow mode."""

    def connected(sandbox: Sandbox, *, deletes: bool = True, **more: Any) -> System:
        system = SystemFactory.create(gateway_url=sandbox.url, auth_url=sandbox.url, **more)
        monkeypatch.setenv(f"{system.credential}_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", CLIENT_SECRET)
        if deletes:
            systems.propose_deletion(system.pk, actor=administrator)
            systems.confirm_deletion(system.pk, actor=supervisor)
        system.refresh_from_db()
        return system

    return connected


def identifiers_of(subject: dict[str, Any]) -> list[tuple[str, str]]:
    """A sandbox person's identifiers, as a caller would give them: one spelling each."""
    kinds = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}
    return [(kinds[address["kind"]], address["formats"][0]) for address in subject["identifiers"]]


@pytest.fixture
def take(staff: User, validator: User) -> Callable[..., Request]:
    """``take(subject)`` is that person's validated request for erasure."""

    def taken(subject: dict[str, Any], **told: Any) -> Request:
        return story.validated(staff, validator, name=subject["name"], identifiers=identifiers_of(subject), **told)

    return taken


def run() -> None:
    """What the worker does, in the foreground."""
    call_command("run_pipeline", "--until-idle", verbosity=0)


def freeze(request: Request, by: User) -> Plan:
    """Staff freeze the list as it was found."""
    return planning.freeze(request.pk, actor=by)


def approve(request: Request, plan: Plan, by: User) -> None:
    """The second person approves exactly this list."""
    story.approve(request, plan, by)
