"""Finds the requests of a person without putting the person into an address.

In:  what somebody typed: a reference, or an identifier in full.
Out: a redirect to the list, filtered by reference or by the random ids of data subjects.
Never here: an identifier in a URL, where histories and proxies keep it, or a search by likeness.
"""

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.db.models.functions import Right
from django.db.models.lookups import Exact
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from requests_app import access_log, digests, disclosure, identifiers, intake, keys
from requests_app.errors import Refused
from requests_app.models import DataSubject, Jurisdiction, Request

#: As many data subjects as one identifier may lead to before the address grows too long.
_CAP = 50
#: ``DSR-4F7K-9Q2M``: what all references begin with, the letters after it, and the last four of them.
_PREFIX, _LETTERS = "DSR-", 9
_TAIL, _UNBROKEN = re.compile(r"[0-9A-Z]{4}"), re.compile(r"[0-9A-Z]{8}")


def find(page: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """By reference; for those who see personal data also by an identifier, through the blind index."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    # PostgreSQL takes no NUL in a text, and no reference or identifier has one.
    typed, user = request.POST.get("q", "").replace("\0", " ").strip(), request.user
    assert isinstance(user, User)
    if not typed:
        return _listed()
    if Request.objects.filter(like(typed)).exists():
        return _listed(q=typed.upper())
    if not (user.has_perm("requests_app.see_personal_data") or disclosure.may_reveal(user)):
        messages.warning(request, "No request has this reference. Check it letter by letter.")
        return _listed()
    reason = request.POST.get("reason", "") if disclosure.may_reveal(user) else ""
    if disclosure.may_reveal(user) and reason not in dict(access_log.CHOOSABLE):
        messages.warning(request, "No request has this reference. To search for a person, choose a reason too.")
        return _listed()
    access_log.note(user, access_log.What.SEARCH, reason=reason)
    subjects = _subjects_of(typed)
    if not subjects:
        messages.warning(request, "No request has this reference or identifier. Enter identifiers in full.")
        return _listed()
    return _listed(subject__in=",".join(subjects))


def like(typed: str) -> Q:
    """References that this may be: the whole of one, its beginning, or the four letters after the dash.

    Nothing in between, which only a look at every reference would find.
    """
    text = typed.upper().removeprefix(_PREFIX)
    if _UNBROKEN.fullmatch(text):
        text = f"{text[:4]}-{text[4:]}"
    if len(text) == _LETTERS:
        return Q(reference=f"{_PREFIX}{text}")
    found = Q(reference__startswith=f"{_PREFIX}{text}")
    return found | Q(Exact(Right("reference", 4), text)) if _TAIL.fullmatch(text) else found


def _listed(**query: str) -> HttpResponse:
    url = reverse("admin:requests_app_request_changelist")
    return redirect(f"{url}?{urlencode(query)}" if query else url)


def _subjects_of(text: str) -> list[str]:
    """Whoever has this identifier, and whoever had it and was forgotten, for as long as their digests last."""
    readings = _readings_of(text)
    indices = [index for kind, value in readings for index in keys.blind_indices(kind, value)]
    forgotten = [request.subject_id for request in digests.earlier(readings)]
    theirs = Q(identifiers__blind_index__in=indices) | Q(pk__in=forgotten)
    found = DataSubject.objects.filter(theirs, requests__isnull=False)
    return [str(pk) for pk in found.order_by("pk").values_list("pk", flat=True).distinct()[:_CAP]]


def _readings_of(text: str) -> list[tuple[identifiers.Kind, str]]:
    """Everything this text may be: each kind, in each country that requests come from."""
    regions = {intake.region_of(one) for one in Jurisdiction.values}
    found: dict[tuple[identifiers.Kind, str], None] = {}
    for kind in identifiers.Kind:
        for region in regions if kind == identifiers.Kind.PHONE else [min(regions)]:
            try:
                normal = identifiers.normalise(kind, text, region=region)
            except Refused:
                continue
            found[kind, normal] = None
    return list(found)


def offer(listed: Any, user: Any) -> None:
    """Tell the list's search form where to send what is typed, and what it takes."""
    listed.search_action = reverse("admin:requests_app_request_find")
    listed.search_reasons = access_log.CHOOSABLE if disclosure.may_reveal(user) else ()
    listed.search_help_text = (
        "A reference, or a telephone number, e-mail address or customer number in full. Searches are logged."
        if user.has_perm("requests_app.see_personal_data") or listed.search_reasons
        else "A reference, such as DSR-4F7K-9Q2M."
    )
