"""Everything the ledger holds about one request, in order, and how far each entry can be proved.

In:  a request, and somebody who reads the ledger.
Out: a page, and the proof of an entry as a file that is checked without the portal.
Never here: a name or a number of the person. The ledger has none, and neither does this page.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from requests_app.admin import audit_event
from requests_app.models import Request


def ledger_of(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The request's own page of the ledger."""
    if not (page.has_view_permission(request) and request.user.has_perm("requests_app.view_ledgerleaf")):
        raise PermissionDenied("Your role does not read the ledger.")
    dsr = get_object_or_404(Request, pk=request_id)
    entries = audit_event.history_of(dsr.pk)
    context: dict[str, Any] = page.admin_site.each_context(request) | {
        "title": f"{dsr.reference}: ledger", "dsr": dsr, "lines": audit_event.lines_of(entries), "opts": page.opts,
        "waiting": sum(entry.seq is None for entry in entries),
    }  # fmt: skip
    return render(request, "requests/request_ledger.html", context)
