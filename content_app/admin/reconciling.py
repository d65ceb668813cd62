"""The reconciliation on screen: of all requests a portion at a time, and of one.

In:  somebody who reads the ledger.
Out: figures that should be equal, and every difference in words.
Never here: a button that mends something.
"""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from content_app import reconciliation
from content_app.admin import doors
from requests_app.admin.ledger_list import uuid_of

#: Requests that one page compares.
BUDGET = 100


def _require_reader(request: HttpRequest) -> None:
    if not doors.user_of(request).has_perms(["requests_app.view_request", "requests_app.view_ledgerleaf"]):
        raise PermissionDenied("Your role does not read the ledger.")


def everything(request: HttpRequest) -> HttpResponse:
    """The next requests after the one in the address, from the first on."""
    _require_reader(request)
    found = reconciliation.portion(uuid_of(request.GET.get("after", "")), budget=BUDGET)
    strangers = list(reconciliation.strangers()) if found.after is None else []
    context = {
        "title": "Reconciliation", "portion": found, "strangers": strangers, "budget": BUDGET,
        "wrong": [account for account in found.accounts if account.differences],
        "faults": sum(account.faults for account in found.accounts) + len(strangers),
        "intents": sum(account.intents for account in found.accounts),
        "receipts": sum(account.receipts for account in found.accounts),
        "readings": sum(account.readings for account in found.accounts),
        "first": "after" not in request.GET,
    }  # fmt: skip
    return doors.page(request, "content/reconciliation.html", context)


def of_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request."""
    _require_reader(request)
    case = doors.case_for(request, request_id)
    context = {"title": f"{case.reference}: reconciliation", "case": case, "account": reconciliation.of(case.pk)}
    return doors.page(request, "content/reconciliation_of.html", context)
