"""A reason for looking at one person, given once and good for a quarter of an hour on that request's pages.

In:  a POST with a coded reason, from somebody whose role sees persons masked.
Out: a note in the session. The line in the access log is written at every view, not here.
Never here: a reason for a second request, or a value.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from requests_app import access_log, disclosure
from requests_app.errors import Refused
from requests_app.models import Request

#: Seconds for which a reason holds.
HOLDS = 15 * 60
_KEY = "revealed"


def reason_now(request: HttpRequest, request_id: UUID) -> str:
    """The reason that this person gave for this request and that still holds; empty when there is none."""
    reason, until = request.session.get(_KEY, {}).get(str(request_id), ("", 0.0))
    return reason if until > timezone.now().timestamp() else ""


def reveal(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Note the reason, and go back to the request, which then shows the person in clear."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    dsr = get_object_or_404(Request, pk=request_id)
    reason = request.POST.get("reason", "")
    try:
        disclosure.require_reason(request.user, reason)
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
    else:
        now = timezone.now().timestamp()
        held = {one: kept for one, kept in request.session.get(_KEY, {}).items() if kept[1] > now}
        request.session[_KEY] = held | {str(dsr.pk): (reason, now + HOLDS)}
    return redirect("admin:requests_app_request_change", dsr.pk)


def offer(request: HttpRequest, request_id: UUID) -> dict[str, Any]:
    """What the page needs to ask for a reason, and to say which one holds."""
    reason = reason_now(request, request_id)
    words: dict[str, str] = dict(access_log.CHOOSABLE)
    return {
        "may_reveal": disclosure.may_reveal(request.user), "reveal_reasons": access_log.CHOOSABLE,
        "revealed_for": words.get(reason, ""),
    }  # fmt: skip
