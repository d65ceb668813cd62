"""The completion report, and the record of the reply that closes a request.

In:  a format, or the channel by which the reply went out.
Out: a download, or one call of the reporting room and one message.
Never here: a report that nobody noted. The room writes each export to the ledger.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from content_app import reporting
from content_app.admin import doors
from requests_app.errors import Refused
from requests_app.models import Request

CHANNELS = reporting.REPLY_CHANNELS
#: format → (its name, what it is good for).
FORMATS: dict[reporting.Format, tuple[str, str]] = {
    "pdf": ("PDF", "to read, print and file; signed"),
    "csv": ("CSV", "one line a class and system, for a spreadsheet"),
    "json": ("JSON", "for machines, every fact with its schema"),
}


def offer(case: Request) -> dict[str, Any]:
    """What the panel says of reports: their formats, what a proof still waits for, the certificate that signs them."""
    told = {"formats": FORMATS, "unpublished": reporting.unpublished(case.pk)}
    try:
        return told | {"certificate": reporting.certificate.known()}
    except Refused as refused:
        return told | {"unsigned": refused.message}


def report(request: HttpRequest, request_id: UUID, fmt: reporting.Format) -> HttpResponse:
    """The completion report as a download that no browser runs."""
    case, user = doors.case_for(request, request_id), doors.user_of(request)
    if fmt not in FORMATS:
        raise Http404("There is no such format.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise PermissionDenied("Another site cannot make the portal export a report.")
    try:
        exported = reporting.export(case.pk, actor=user, fmt=fmt)
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
        return redirect("admin:requests_app_request_change", case.pk)
    response = HttpResponse(exported.data, content_type=exported.media_type)
    response["Content-Disposition"] = f'attachment; filename="{exported.name}"'
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def reply(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The reply went out: the request is closed."""
    case, user = doors.case_for(request, request_id), doors.user_of(request)
    channel = request.POST.get("channel", "")
    return doors.act(
        request, lambda: reporting.record_reply(case.pk, actor=user, channel=channel),
        done="The reply is recorded and the request is closed.",
        back=reverse("admin:requests_app_request_change", args=[case.pk]),
    )  # fmt: skip
