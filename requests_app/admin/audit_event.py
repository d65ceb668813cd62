"""The ledger on screen: auditors browse, filter and check it; nobody changes it.

In:  the ledger's rows.
Out: a list, a page an entry, the history of one request, a summary for first pages, a check on demand.
Never here: a write but for the result of a check, or a claim that was not recomputed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST

from requests_app import proofs, self_check
from requests_app.admin import ledger_list, request_ledger
from requests_app.admin.ledger_words import Entry, parse
from requests_app.admin.read_only import ReadOnlyAdmin
from requests_app.models import LedgerCheck, LedgerIndex, LedgerLeaf, LedgerQueue

#: Checks that the ledger's page shows.
CHECKS = 7


@dataclass(frozen=True, slots=True)
class Summary:
    """What a first page says about the ledger."""

    size: int
    pending: int
    standing: self_check.Standing
    recent: list[Entry]


def summary(recent: int = 6) -> Summary:
    """A handful of queries, however long the ledger is."""
    last = LedgerIndex.objects.aggregate(last=Max("seq"))["last"]
    entries = [parse(leaf) for leaf in ledger_list.numbered().order_by("-id")[:recent]]
    return Summary(0 if last is None else last + 1, LedgerQueue.objects.count(), self_check.standing(), entries)


@admin.register(LedgerLeaf)
class LedgerAdmin(ReadOnlyAdmin):
    """The ledger as a list, and each entry as its own canonical text."""

    list_title = "Ledger"

    def get_urls(self) -> list[Any]:
        check = self.admin_site.admin_view(require_POST(self.check_view))
        proof = self.admin_site.admin_view(partial(request_ledger.proof_of, self))
        return [
            path("check/", check, name="requests_app_ledger_check"),
            path("<uuid:leaf_id>/proof/", proof, name="requests_app_ledger_proof"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list is our own: Django's counts all that match, and finds a page by counting again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        listed = ledger_list.listed(request.GET)
        context = self.admin_site.each_context(request) | {
            "title": self.list_title, "opts": self.opts, "ledger": summary(recent=0), "listed": listed,
            "lines": ledger_list.lines_of(listed.entries), "checks": LedgerCheck.objects.select_related("by")[:CHECKS],
        }  # fmt: skip
        return render(request, "requests/ledger_list.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One entry: what it says in words, and the exact bytes that are hashed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk = ledger_list.uuid_of(object_id)
        leaf = ledger_list.numbered().filter(pk=pk).first() if pk else None
        if leaf is None:
            raise Http404("There is no such entry in the ledger.")
        entry = parse(leaf)
        context = self.admin_site.each_context(request) | {
            "title": f"Entry {entry.seq}" if entry.seq is not None else "Entry without a number yet",
            "entry": entry,
            "cover": proofs.covers([entry.seq]).get(entry.seq) if entry.seq is not None else None,
            "about": ledger_list.lines_of([entry])[0].about,
            "canonical": bytes(leaf.leaf).decode(),
            "pretty": json.dumps(json.loads(bytes(leaf.leaf)), indent=2, ensure_ascii=False),
            "opts": self.opts,
        }
        return render(request, "requests/ledger_entry.html", context)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Recompute the whole ledger now and keep the result."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self_check.record(by=request.user)  # type: ignore[arg-type]  # the admin's door lets no one else through
        if found.ok:
            messages.success(request, f"The ledger is intact: {found.size} entries recomputed, no fault found.")
        else:
            faults = "; ".join(found.faults[:3])
            messages.error(request, f"The ledger is not intact: {faults}. Stop deletions and tell the operator.")
        return redirect("admin:requests_app_ledgerleaf_changelist")
