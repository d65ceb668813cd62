"""What every view of the workshop asks at its door, and how it answers.

In:  a browser's request, a room's function.
Out: the case, or 403 or 404; after an act exactly one message and a way back.
Never here: a transaction. The rooms open durable ones, so none may be open around them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from content_app.connectors.base import ConnectorError
from content_app.models import Plan
from requests_app import disclosure, gates
from requests_app.admin import revealing
from requests_app.errors import Refused
from requests_app.models import Request


def user_of(request: HttpRequest) -> User:
    """The signed-in person; the admin's door lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


def name_of(user: User | None) -> str:
    """A colleague's name as colleagues say it."""
    return (user.get_full_name() or user.get_username()) if user else "the portal"


def case_for(request: HttpRequest, request_id: UUID) -> Request:
    """The request, for whoever may see cases."""
    if not user_of(request).has_perms(["requests_app.view_request", "content_app.view_plan"]):
        raise PermissionDenied("Your role does not see requests.")
    return get_object_or_404(Request.objects.select_related("subject"), pk=request_id)


def forgotten(request: HttpRequest, case: Request) -> HttpResponse:
    """The answer of every page that would show details of a list that are destroyed."""
    messages.info(request, f"{gates.words_of_forgetting(case)} The details of the list are destroyed.")
    return redirect("admin:requests_app_request_change", case.pk)


def person_for(request: HttpRequest, case: Request) -> disclosure.Person:
    """The person as this viewer may see them now; a view in clear leaves its line in the access log."""
    return disclosure.person(case, user_of(request), reason=revealing.reason_now(request, case.pk))


def number(text: str) -> int | None:
    """A number as people type it: ``1204``, ``1,204`` or ``1 204``; ``None`` for anything else."""
    digits = "".join(text.split()).replace(",", "").replace(".", "").replace("'", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def uuid(text: str) -> UUID | None:
    """An id from a form; ``None`` for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def current_plan(case: Request) -> Plan | None:
    """The list that counts now: the one with the request's digest, else the latest that was frozen."""
    plans = case.plans.select_related("created_by").exclude(digest="").order_by("-version")
    return plans.filter(digest=case.plan_digest).first() or plans.first()


def act(request: HttpRequest, room: Callable[[], Any], *, done: str, back: str, otherwise: str = "") -> HttpResponse:
    """One room call, one message. Whoever may not do this at all gets the page that says so.

    ``back`` is where the person goes next; ``otherwise`` where they stay when a rule said no.
    """
    try:
        room()
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
    except ConnectorError as error:
        messages.error(request, f"{error}.")
    else:
        messages.success(request, done)
        return redirect(back)
    return redirect(otherwise or back)


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page of the workshop inside the frame of the site. Never kept by a cache: it shows a case."""
    response = render(request, template, admin.site.each_context(request) | context)
    response["Cache-Control"] = "no-store"
    return response
