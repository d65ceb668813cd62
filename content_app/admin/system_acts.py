"""What can be done to a connected system: test it, stop it, take it out of shadow mode by two people.

In:  a POST.
Out: one call of the systems' room and one message; the checks of the last test, for everybody who looks.
Never here: a secret, or an open transaction while the system is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from content_app import leftovers, safeguards, systems
from content_app.admin import doors
from content_app.connectors.base import ConnectorError, ContentConnector
from content_app.models import System
from requests_app import gates
from requests_app.errors import Refused

#: verb in the address → (the room's function, the sentence that confirms it).
ACTS: dict[str, tuple[Callable[..., None], str]] = {
    "stop": (systems.stop, "The emergency stop is set. Nothing more is sent to this system."),
    "resume": (systems.resume, "The emergency stop is lifted. The work goes on."),
    "propose": (systems.propose_deletion, "Proposed. A second person must confirm it before anything can be deleted."),
    "confirm": (systems.confirm_deletion, "Deletion is enabled on this system."),
    "retire": (systems.retire, "Retired. It is not searched any more, and lists do without it."),
    "reconnect": (systems.reconnect, "Connected again, in shadow mode. The search begins by itself."),
    "shadow": (systems.return_to_shadow, "Shadow mode. Nothing can be deleted on this system."),
}
#: Acts for which a coded reason is given, and what counts where none was: an emergency stop does not wait for words.
_UNTOLD = {"stop": "precaution", "resume": ""}
_CHECKS = {"login": "Sign in", "read": "Read one window", "delete_scope": "Permission to delete"}
_STATISTICS = "Read a minute of the statistics"


@dataclass(frozen=True, slots=True)
class Tested:
    """The last test of a connection: its checks in words, or the error that ended it."""

    at: datetime
    checks: tuple[tuple[str, bool, str], ...]
    error: str

    @property
    def passed(self) -> bool:
        return not self.error and all(passed for _, passed, _ in self.checks)


def act(request: HttpRequest, system_id: UUID, *, verb: str) -> HttpResponse:
    """One of ``ACTS``."""
    system, user = get_object_or_404(System, pk=system_id), doors.user_of(request)
    room, done = ACTS[verb]
    told = {"reason": request.POST.get("reason") or _UNTOLD[verb]} if verb in _UNTOLD else {}
    back = reverse("admin:content_safeguards") if request.POST.get("back") == "safeguards" else _page_of(system)
    return doors.act(request, lambda: room(system.pk, actor=user, **told), done=done, back=back)


def test(request: HttpRequest, system_id: UUID) -> HttpResponse:
    """Ask the system whether our credentials serve. Reads one window and deletes nothing."""
    system, user = get_object_or_404(System, pk=system_id), doors.user_of(request)

    def room() -> None:
        gates.require(user, "content_app.change_system", "content_app.enable_deletion")
        result = _run_test(system)
        cache.set(_key(system.pk), result, None)
        if not result.passed:
            raise Refused("test_failed", "The connection does not work yet. Each failed check below says what to do.")

    return doors.act(request, room, done="The connection works.", back=_page_of(system))


def _run_test(system: System) -> Tested:
    try:
        with systems.connected(system) as connector:
            checks = connector.self_test()
            told = [(_CHECKS.get(check.code, check.code), check.passed, check.advice) for check in checks]
            if system.reads_statistics and all(check.passed for check in checks):
                told.append(_read_statistics(connector))
    except ConnectorError as error:
        return Tested(timezone.now(), (), f"{error}.")
    return Tested(timezone.now(), tuple(told), "")


def _read_statistics(connector: ContentConnector) -> tuple[str, bool, str]:
    """No part of the connector's own test, which deletion waits for: what cannot be counted can be deleted."""
    now = timezone.now()
    try:
        connector.statistics(start=now - timedelta(minutes=1), end=now, page=1)
    except ConnectorError as error:
        advice = leftovers.WHAT_TO_DO if error.code in leftovers.NOT_GRANTED else f"{error}."
        return _STATISTICS, False, advice
    return _STATISTICS, True, ""


def last_test(system_id: UUID) -> Tested | None:
    """The result of the last test, as long as the cache remembers it."""
    found = cache.get(_key(system_id))
    return found if isinstance(found, Tested) else None


def credentials(system: System) -> list[tuple[str, bool]]:
    """(name of the variable, whether the environment has it). Never what is in it."""
    names = [f"{system.credential}_CLIENT_ID", f"{system.credential}_CLIENT_SECRET"]
    return [(name, bool(os.environ.get(name))) for name in names]


def _key(system_id: UUID) -> str:
    return f"system-test-{system_id}"


def _page_of(system: System) -> str:
    return reverse("admin:content_app_system_change", args=[system.pk])


def context_of(system: System, user: Any) -> dict[str, Any]:
    """What the page of a system says above its form."""
    return {
        "system": system, "tested": last_test(system.pk), "credentials": credentials(system),
        "proposed_by": doors.name_of(system.enable_proposed_by) if system.enable_proposed_by else "",
        "confirmed_by": doors.name_of(system.enable_confirmed_by) if system.enable_confirmed_by else "",
        "you_proposed": system.enable_proposed_by_id == user.pk,
        "may_enable": user.has_perm("content_app.enable_deletion"),
        "everywhere": safeguards.is_stopped(), "stop_reasons": systems.STOP_REASONS,
        "lift_reasons": systems.LIFT_REASONS, "may_stop": user.has_perm("content_app.stop_system"),
        "may_retire": user.has_perm("content_app.change_system"),
        "may_test": user.has_perm("content_app.change_system") or user.has_perm("content_app.enable_deletion"),
    }  # fmt: skip
