"""The person's receipt, handed out; and matched with the ledger when somebody brings it.

In:  a POST for a receipt; entry, salt and identifier of somebody who comes with one.
Out: a page to print, a file, or the answer of the ledger.
Never here: an identifier in an address or in the session.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from requests_app import access_log, acknowledgement
from requests_app.admin.request_forms import MatchForm
from requests_app.admin.request_views import user_of
from requests_app.errors import Refused


def receipt(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The receipt: to print, or with ``as=json`` as a file."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    try:
        issued = acknowledgement.issue(request_id, actor=user_of(request))
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
        return redirect("admin:requests_app_request_change", request_id)
    response: HttpResponse
    if request.POST.get("as") == "json":
        response = HttpResponse(issued.as_json(), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="{issued.request.reference}-receipt.json"'
    else:
        context = page.admin_site.each_context(request) | {"title": "Receipt", "receipt": issued, "opts": page.opts}
        response = render(request, "requests/receipt.html", context)
    response["Cache-Control"] = "no-store"
    return response


def match(page: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Does this identifier fit this receipt? For whoever reads the ledger or sees personal data."""
    user = user_of(request)
    if not (user.has_perm("requests_app.view_ledgerleaf") or user.has_perm("requests_app.see_personal_data")):
        raise PermissionDenied("Your role does not match receipts.")
    form = MatchForm(request.POST or None)
    context: dict[str, Any] = {"title": "Match a receipt", "form": form, "opts": page.opts}
    if request.method == "POST" and form.is_valid():
        access_log.note(user, access_log.What.MATCH)
        try:
            context["matched"] = acknowledgement.match(**form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.message)
    response = render(request, "requests/match.html", page.admin_site.each_context(request) | context)
    response["Cache-Control"] = "no-store"
    return response
