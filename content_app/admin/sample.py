"""Samples on screen: draw one, read it, take its evidence out in one file.

In:  a period, a size, a seed, from somebody who may draw.
Out: one call of the sampling room or of the bundle, one message; a download.
Never here: a choice of requests, or a name. A sample is a list of references.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from content_app import bundle
from content_app.admin import doors
from requests_app import proofs, sampling
from requests_app.admin.ledger_list import uuid_of
from requests_app.admin.read_only import ReadOnlyAdmin
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Sample

#: Days that the form offers as the period, and samples that the list shows.
DAYS, SHOWN = 90, 100


class DrawForm(forms.Form):
    """What a draw needs."""

    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    size = forms.IntegerField(
        label="Requests", initial=10, min_value=1, max_value=sampling.LARGEST,
        help_text=f"At most {sampling.LARGEST}. Where fewer ended, all of them are drawn.",
    )  # fmt: skip
    seed = forms.CharField(
        label="Seed", required=False, max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text="Leave it empty for a random one, or type one that the audited cannot have chosen.",
    )  # fmt: skip


@admin.register(Sample)
class SampleAdmin(ReadOnlyAdmin):
    """A list with a form to draw, and a page for each sample."""

    def get_urls(self) -> list[Any]:
        draw = self.admin_site.admin_view(require_POST(self.draw_view))
        pack = self.admin_site.admin_view(require_POST(self.bundle_view))
        return [
            path("draw/", draw, name="content_sample_draw"),
            path("<uuid:sample_id>/bundle/", pack, name="content_sample_bundle"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        today = timezone.localdate()
        return self._show(request, DrawForm(initial={"first": today - timedelta(days=DAYS), "last": today}))

    def _show(self, request: HttpRequest, form: DrawForm) -> HttpResponse:
        context = {
            "title": "Samples", "form": form, "opts": self.opts,
            "samples": Sample.objects.select_related("by")[:SHOWN],
            "may_draw": doors.user_of(request).has_perm("requests_app.draw_sample"),
        }  # fmt: skip
        return doors.page(request, "content/samples.html", context)

    def draw_view(self, request: HttpRequest) -> HttpResponse:
        """Draw, and go to the sample."""
        user, form = doors.user_of(request), DrawForm(request.POST)
        if not user.has_perm("requests_app.draw_sample"):
            raise PermissionDenied("Your role does not draw samples.")
        if form.is_valid():
            try:
                sample = sampling.draw(actor=user, **form.cleaned_data)
            except Refused as refused:
                form.add_error(None, refused.message)
            else:
                messages.success(request, f"Drawn: {len(sample.drawn)} of {sample.population} requests.")
                return redirect("admin:requests_app_sample_change", sample.pk)
        return self._show(request, form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One sample: how it was drawn, whether it still follows from its seed, and its requests."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk = uuid_of(object_id)
        sample = Sample.objects.select_related("by").filter(pk=pk).first() if pk else None
        if sample is None:
            raise Http404("There is no such sample.")
        drawn = [(one, sampling.rank(sample.seed, str(one.pk))[:12]) for one in sampling.requests_of(sample)]
        leaf = LedgerLeaf.objects.filter(object_id=str(sample.pk), type="sample.drawn").select_related("index").first()
        context = {
            "title": f"Sample of {timezone.localtime(sample.at):%-d %B %Y}", "sample": sample, "drawn": drawn,
            "again": sampling.again(sample), "leaf": leaf, "cover": _cover(leaf), "opts": self.opts,
            "may_export": doors.user_of(request).has_perm("requests_app.draw_sample"),
        }  # fmt: skip
        return render(request, "content/sample.html", self.admin_site.each_context(request) | context)

    def bundle_view(self, request: HttpRequest, sample_id: UUID) -> HttpResponseBase:
        """The evidence as one download."""
        get_object_or_404(Sample, pk=sample_id)
        try:
            packed = bundle.pack(sample_id, actor=doors.user_of(request))
        except Refused as refused:
            if refused.code == "not_permitted":
                raise PermissionDenied(refused.message) from None
            messages.error(request, refused.message)
            return redirect("admin:requests_app_sample_change", sample_id)
        response = FileResponse(packed.file, as_attachment=True, filename=packed.name, content_type="application/zip")
        response["Cache-Control"] = "no-store"
        return response


def _cover(leaf: LedgerLeaf | None) -> proofs.Cover | None:
    index = getattr(leaf, "index", None)
    return proofs.covers([index.seq]).get(index.seq) if index else None
