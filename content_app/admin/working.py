"""How the work on a request gets on, and a person's word that it is to begin again.

In:  a request that the workers have given up for the time being; a coded reason.
Out: one call of the pipeline, one message.
Never here: a choice of what is done next. The pipeline knows that.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from content_app import pipeline
from content_app.admin import doors


def restart(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Work that had died each time, or had failed too near the deadline, begins again."""
    case, user, reason = doors.case_for(request, request_id), doors.user_of(request), request.POST.get("reason", "")
    return doors.act(
        request, lambda: pipeline.restart(case.pk, actor=user, reason=reason),
        done="Started again. What was done already is not done twice.",
        back=reverse("admin:requests_app_request_change", args=[case.pk]),
    )  # fmt: skip
