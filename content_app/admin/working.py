"""How the work on a request gets on, and a person's word that it is to begin again.

In:  whoever may see requests; for a restart a request that the workers have given up, and a coded reason.
Out: a fragment that asks for itself while anything moves and then answers 286; one call of the pipeline, one message.
Never here: a choice of what is done next. The pipeline knows that.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from content_app import pipeline, progress
from content_app.admin import doors

#: htmx ends its polling when it gets this answer.
RESTS = 286
#: Rows that are shown, and the seconds between two looks.
SHOWN, EVERY = 6, 3


def may_look(user: User) -> bool:
    """The same people who may open a request's panel."""
    return user.has_perms(["requests_app.view_request", "content_app.view_plan"])


def now(request: HttpRequest) -> HttpResponse:
    """What the workers do at this moment."""
    if not may_look(doors.user_of(request)):
        raise PermissionDenied("Your role does not see requests.")
    told = context_of_now()
    response = render(request, "content/_now.html", {"now": told}, status=200 if told["rows"] else RESTS)
    response["Cache-Control"] = "no-store"
    return response


def context_of_now() -> dict[str, Any]:
    """The requests that are being worked on, each with its progress."""
    cases = progress.at_work()
    found = progress.of(cases)
    rows = [(case, found[case.pk]) for case in cases if case.pk in found]
    return {"rows": rows[:SHOWN], "more": max(0, len(rows) - SHOWN), "every": EVERY if rows else 0}


def restart(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Work that had died each time, or had failed too near the deadline, begins again."""
    case, user, reason = doors.case_for(request, request_id), doors.user_of(request), request.POST.get("reason", "")
    return doors.act(
        request, lambda: pipeline.restart(case.pk, actor=user, reason=reason),
        done="Started again. What was done already is not done twice.",
        back=reverse("admin:requests_app_request_change", args=[case.pk]),
    )  # fmt: skip
