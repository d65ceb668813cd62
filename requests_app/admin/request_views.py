"""The views behind the request page's buttons. Each asks one room and shows one message.

In:  a POST, or the address of a document and why it is opened.
Out: a redirect with a message, a download, or the form again with everything that was typed.
Never here: Django's own transaction. The rooms open durable ones, so these are views and not admin actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from requests_app import approval, intake, keys, validation
from requests_app.admin.request_forms import CaptureForm, EvidenceForm, FindingForm
from requests_app.errors import Refused
from requests_app.models import Evidence, Request

_TAKEN = "taken_request"


def user_of(request: HttpRequest) -> User:
    """The signed-in person; the admin's door lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


# --- taking down -----------------------------------------------------------------------------------------------------


def capture(page: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The form, or the request that came of it. Whoever may not capture is refused by name."""
    if not user_of(request).has_perm("requests_app.capture_request"):
        raise PermissionDenied("Your role does not take down requests.")
    if request.method != "POST":
        return _capture_page(page, request, CaptureForm())
    form = CaptureForm(request.POST)
    if form.is_valid():
        try:
            opened = intake.open_request(actor=user_of(request), **form.told())
        except intake.Invalid as invalid:
            form.mark(invalid.errors)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return _taken(request, opened)
    return _capture_page(page, request, form)


def _taken(request: HttpRequest, opened: intake.Opened) -> HttpResponse:
    request.session[_TAKEN] = {
        "reference": opened.request.reference,
        "duplicates": [other.reference for other in opened.duplicates],
    }
    return redirect("admin:requests_app_request_taken")


def _capture_page(page: ModelAdmin, request: HttpRequest, form: CaptureForm) -> HttpResponse:
    context = page.admin_site.each_context(request) | {"title": "Take down a request", "form": form, "opts": page.opts}
    return render(request, "requests/capture.html", context)


def taken(page: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The confirmation: a reference to read out, and nothing that the agent may not see."""
    told = request.session.get(_TAKEN)
    if not told or not user_of(request).has_perm("requests_app.capture_request"):
        return redirect("admin:index")
    sees = page.has_view_permission(request)
    taken_request = Request.objects.filter(reference=told["reference"]).first() if sees else None
    context = page.admin_site.each_context(request) | {
        "title": "Request taken", "told": told, "taken": taken_request, "opts": page.opts,
    }  # fmt: skip
    return render(request, "requests/taken.html", context)


# --- acts on one request ---------------------------------------------------------------------------------------------


def _found(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> Request:
    if not page.has_view_permission(request):
        raise PermissionDenied
    return get_object_or_404(Request.objects.select_related("subject"), pk=request_id)


def _act(request: HttpRequest, dsr: Request, act: Callable[[], Any], *, done: str) -> HttpResponse:
    """One room call, one message. Who may not do this at all gets the page that says so; the room has noted it."""
    try:
        act()
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return redirect("admin:requests_app_request_change", dsr.pk)


def _keep(page: Any, request: HttpRequest, dsr: Request, name: str, form: Form, act: Callable[[], Any]) -> HttpResponse:
    """The same with a form: when the room refuses, the page comes back with what was typed and the room's sentence."""
    if not form.is_valid():
        return page.show(request, dsr, **{f"{name}_form": form})
    try:
        act()
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        messages.error(request, refused.message)
        form.add_error(None, refused.message)
        return page.show(request, dsr, **{f"{name}_form": form})
    messages.success(request, _KEPT[name])
    target = redirect("admin:requests_app_request_change", dsr.pk)
    target["Location"] += f"#{'identity' if name == 'finding' else name}"
    return target


_KEPT = {"finding": "The identity check is recorded.", "evidence": "The document is sealed and kept."}


def finding(page: Any, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Record one identity check."""
    dsr, form = _found(page, request, request_id), FindingForm(request.POST)

    def act() -> None:
        validation.record_finding(dsr.pk, actor=user_of(request), **form.cleaned_data)

    return _keep(page, request, dsr, "finding", form, act)


def evidence(page: Any, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Add one document."""
    dsr, form = _found(page, request, request_id), EvidenceForm(request.POST, request.FILES)

    def act() -> None:
        kind, upload = form.cleaned_data["kind"], form.cleaned_data["file"]
        validation.add_evidence(dsr.pk, actor=user_of(request), kind=kind, name=upload.name, data=upload.read())

    return _keep(page, request, dsr, "evidence", form, act)


def open_evidence(page: ModelAdmin, request: HttpRequest, request_id: UUID, evidence_id: UUID) -> HttpResponse:
    """GET asks for the reason. POST is the document, as a download that no browser will run (D-20)."""
    dsr = _found(page, request, request_id)
    if not Evidence.objects.filter(pk=evidence_id, request_id=request_id).exists():
        raise Http404("There is no such document.")
    actor = user_of(request)
    try:
        if request.method == "POST":
            return _download(validation.open_evidence(evidence_id, actor=actor, reason=request.POST.get("reason", "")))
        document = validation.find_evidence(evidence_id, actor=actor)
    except Refused as refused:
        if refused.code == "not_permitted":
            raise PermissionDenied(refused.message) from None
        gone = "This document has been destroyed; only the note of it remains."
        messages.error(request, gone if isinstance(refused, keys.Forgotten) else refused.message)
        back = "open_evidence" if refused.code == "no_reason" else "change"
        return redirect(f"admin:requests_app_request_{back}", dsr.pk, *([evidence_id] if back != "change" else []))
    context = page.admin_site.each_context(request) | {
        "title": "Open a document", "dsr": dsr, "document": document, "reasons": validation.OPEN_REASONS,
        "opts": page.opts,
    }  # fmt: skip
    return render(request, "requests/open_evidence.html", context)


def _download(document: validation.Document) -> HttpResponse:
    response = HttpResponse(document.data, content_type=document.media_type)
    response["Content-Disposition"] = f'attachment; filename="{document.name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def validate(page: ModelAdmin, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Say that the person is who they say."""
    dsr = _found(page, request, request_id)
    return _act(
        request, dsr, lambda: validation.validate(dsr.pk, actor=user_of(request)),
        done="Validated. The search for everything that is theirs starts by itself.",
    )  # fmt: skip


#: URL part → (the room's function, the sentence that confirms it).
ENDINGS: dict[str, tuple[Callable[..., Any], str]] = {
    "withdraw": (validation.withdraw, "The request is withdrawn."),
    "not-identified": (validation.not_identified, "Recorded: the person could not be identified."),
    "refuse": (approval.refuse, "The request is refused."),
    "send-back": (approval.send_back, "Sent back. Staff freeze a fresh list."),
}


def ending(page: ModelAdmin, request: HttpRequest, request_id: UUID, *, name: str) -> HttpResponse:
    """End the request, or send it back, for a reason from the list."""
    dsr = _found(page, request, request_id)
    act, done = ENDINGS[name]
    reason = request.POST.get("reason", "")
    return _act(request, dsr, lambda: act(dsr.pk, actor=user_of(request), reason=reason), done=done)
