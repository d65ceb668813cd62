"""The operators' page: what runs, what waits, how much of each account's limits is used, what fails.

In:  administrators, supervisors, and whoever reads the ledger.
Out: one page that looks again by itself, and less often as long as it finds nothing new.
Never here: a button. What can be done about a system is on its own page, about a request on its own.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from content_app import heartbeats, operations
from content_app.admin import doors, working
from content_app.models import Errand
from requests_app.states import State

#: Seconds between two looks, at least and at most, and how many requests with one attention are named.
EVERY, SELDOM, NAMED = 10, 60, 5
_MAY = ("content_app.change_system", "content_app.stop_system", "requests_app.view_ledgerleaf")
_TONES = {"closed": "green", "open": "red", "half_open": "amber"}


@require_GET
def operators(request: HttpRequest) -> HttpResponse:
    """The whole page; a look afterwards takes the middle of it only."""
    user = doors.user_of(request)
    if not any(user.has_perm(permission) for permission in _MAY):
        raise PermissionDenied("Your role does not run the portal.")
    context = _context(names=working.may_look(user))
    every = _pause(request.GET.get("seen", ""), doors.number(request.GET.get("after", "")), token=context["token"])
    return doors.page(request, "content/operations.html", context | {"every": every})


def _pause(seen: str, after: int | None, *, token: str) -> int:
    """Seconds until the next look: twice as many as before the last one, where that found what was ``seen`` before."""
    if seen != token or after is None:
        return EVERY
    return max(EVERY, min(2 * after, SELDOM))


def _context(*, names: bool) -> dict[str, Any]:
    """``names``: whether the requests behind a figure may be named."""
    figures = operations.figures()
    looks = list(operations.machinery(figures.signs))
    busy = {node: count for node, count in figures.at_work.items() if node}
    return {
        "title": "Operations", "figures": figures, "token": _token(figures),
        "troubles": [look for look in looks if not look.well],
        "signs": [(sign, busy.get(sign.node, 0), _condition(sign)) for sign in figures.signs],
        "accounts": [(account, _tone(account)) for account in figures.accounts],
        "attentions": _attentions(figures, names=names),
        "states": [(State(state).label, count) for state, count in sorted(figures.states.items())],
        "failed_hour": sum(account.failed_hour for account in figures.accounts),
    }  # fmt: skip


def _token(figures: operations.Figures) -> str:
    """What the page says, but for moments: it changes when something has happened."""
    signs = [(sign.node, sign.part, sign.condition, sign.workers, sign.queued) for sign in figures.signs]
    accounts = [
        (
            one.system.pk, one.system.name, one.system.stopped, one.system.shadow, one.system.delete_parallel,
            one.position, one.words, one.reason, one.in_flight, one.failed_hour, one.failed_day,
            one.calls.ever, one.calls.allowed, one.batches.ever, one.batches.allowed,
        )
        for one in figures.accounts
    ]  # fmt: skip
    counts = [sorted(counted.items()) for counted in (figures.attentions, figures.states, figures.at_work)]
    said = repr((signs, accounts, counts, figures.queue.waiting, figures.unnumbered, figures.ledger_fault))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _condition(sign: heartbeats.Sign) -> tuple[str, str]:
    """(tone, word) of a badge."""
    return ("green" if sign.works else "red"), sign.condition.value.capitalize()


def _tone(account: operations.Account) -> str:
    if account.position == "closed":
        return "amber" if account.until else "green"
    return _TONES[account.position]


def _attentions(figures: operations.Figures, *, names: bool) -> list[tuple[str, int, list[tuple[UUID, str]]]]:
    """(what is the matter, how many requests, the oldest of them), the most first."""
    told = []
    for code, count in sorted(figures.attentions.items(), key=lambda one: -one[1]):
        rows = Errand.objects.filter(attention=code, request__subject__forgotten_at__isnull=True)
        oldest = rows.order_by("request__received_at").values_list("request_id", "request__reference")
        told.append((Errand.Attention(code).label, count, list(oldest[:NAMED]) if names else []))
    return told


admin.site.add_page("operations/", operators, "content_operations")  # type: ignore[attr-defined]  # PortalAdminSite
