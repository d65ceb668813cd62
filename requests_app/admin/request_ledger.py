"""Everything the ledger holds about one request, in order, and how far each entry can be proved.

In:  a request or an entry, and somebody who reads the ledger.
Out: a page, proofs as files that are checked without the portal, and the whole ledger with them as a folder.
Never here: a name or a number of the person. The ledger has none, and neither does this page.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from requests_app import audit_export, proofs
from requests_app.admin import ledger_list, request_views
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Request

_README = """The entries about request {reference}, and what proves that they stand in the ledger.

entries/  the exact bytes of each entry (canonical JSON), named by their number
proofs/   one C2SP tlog-proof each: the index, the inclusion path, the signed checkpoint
logs/     for each year: the checkpoint and the vkey line with which its signature is checked

Check with any implementation of https://c2sp.org/tlog-proof. The leaf hash is SHA-256 over a zero byte and the entry.
"""


def _found(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> Request:
    if not (page.has_view_permission(request) and request.user.has_perm("requests_app.view_ledgerleaf")):
        raise PermissionDenied("Your role does not read the ledger.")
    return get_object_or_404(Request, pk=request_id)


def ledger_of(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The request's own page of the ledger."""
    dsr = _found(page, request, request_id)
    entries = ledger_list.history_of(dsr.pk)
    found = proofs.covers(entry.seq for entry in entries if entry.seq is not None)
    lines = ledger_list.lines_of(entries)
    context: dict[str, Any] = page.admin_site.each_context(request) | {
        "title": f"{dsr.reference}: ledger", "dsr": dsr, "opts": page.opts, "proved": len(found),
        "lines": [(line, found.get(line.entry.seq) if line.entry.seq is not None else None) for line in lines],
        "covers": list({cover.checkpoint.pk: cover for cover in found.values()}.values()),
    }  # fmt: skip
    return render(request, "requests/request_ledger.html", context)


def proofs_of(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Entries, proofs, checkpoints and keys of one request, in one file."""
    dsr = _found(page, request, request_id)
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", _README.format(reference=dsr.reference))
            for name, data in proofs.pack(dsr.pk):
                archive.writestr(name, data)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("admin:requests_app_request_ledger", dsr.pk)
    return _download(packed.getvalue(), f"{dsr.reference}-proofs.zip", "application/zip")


def folder_of(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse | FileResponse:
    """The whole ledger with the proofs of one request and a verifier: what ``manage.py export_audit`` writes."""
    dsr = _found(page, request, request_id)
    try:
        file = audit_export.pack(dsr.pk, actor=request_views.user_of(request))
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("admin:requests_app_request_ledger", dsr.pk)
    response = FileResponse(file, as_attachment=True, filename=f"{dsr.reference}-ledger.zip")
    response["Cache-Control"] = "no-store"
    return response


def proof_of(page: ModelAdmin, request: HttpRequest, leaf_id: UUID) -> HttpResponse:
    """The proof of one entry."""
    if not page.has_view_permission(request):
        raise PermissionDenied("Your role does not read the ledger.")
    leaf = get_object_or_404(LedgerLeaf.objects.select_related("index"), pk=leaf_id)
    try:
        text = proofs.proof_of(leaf.pk)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("admin:requests_app_ledgerleaf_change", leaf.pk)
    return _download(text.encode(), f"entry-{leaf.index.seq}.tlog-proof", "text/plain; charset=utf-8")


def _download(data: bytes, name: str, media_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
