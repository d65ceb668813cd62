"""The screen on which staff say what is theirs, and freeze the list.

In:  what the search found, and decisions about contacts or single files.
Out: one call of the planning room a POST, one message.
Never here: a reason that is not in the list, or a decision about a contact after the scope.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from content_app import discovery, leftovers, planning
from content_app.admin import doors, figures, listing, words
from content_app.models import Candidate, System
from requests_app import approval
from requests_app.models import Request
from requests_app.states import State

Link = Candidate.Link

#: value of ``show`` → (its tab, the filter behind it).
SHOWS: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("Everything", {}),
    "open": ("To decide", {"included__isnull": True}),
    "go": ("Included", {"included": True}),
    "keep": ("Left out", {"included": False}),
    "shared": ("Shared with others", {"shared": True}),
    "late": ("After the scope", {}),
}
#: The reasons that staff may give, in the order of the list. «Their own number» is the exact comparison's alone.
INCLUDING = [(link.value, link.label) for link in Link if link in Candidate.INCLUDES and link != Link.OWN_IDENTIFIER]
EXCLUDING = [(link.value, link.label) for link in Link if link in Candidate.EXCLUDES]
CHOOSABLE = (State.VALIDATED, *sorted(planning.SUPPLEMENTABLE))


def choose(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The list of what was found; a POST decides about what was ticked."""
    case = doors.case_for(request, request_id)
    if case.subject.forgotten_at:
        return doors.forgotten(request, case)
    if request.method == "POST":
        return _decide(request, case)
    return doors.page(request, "content/choose.html", _context(request, case))


def freeze(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Freeze what was chosen."""
    case, user = doors.case_for(request, request_id), doors.user_of(request)
    return doors.act(
        request, lambda: planning.freeze(case.pk, actor=user),
        done="The list is frozen. It now waits for a supervisor.",
        back=reverse("admin:requests_app_request_change", args=[case.pk]),
        otherwise=reverse("admin:content_choose", args=[case.pk]),
    )  # fmt: skip


# --- deciding --------------------------------------------------------------------------------------------------------


def _decide(request: HttpRequest, case: Request) -> HttpResponse:
    user, link = doors.user_of(request), request.POST.get("link", "")
    link = link if link in dict([*INCLUDING, *EXCLUDING]) else ""
    chosen = _ticked(request, case)
    verb = "Included" if link in Candidate.INCLUDES else "Left out"
    back = f"{request.path}?{request.GET.urlencode()}" if request.GET else request.path
    return doors.act(
        request, lambda: planning.choose(case.pk, actor=user, candidate_ids=chosen, link=link),
        done=f"{verb}: {words.counted(len(chosen), 'file')}.", back=back,
    )  # fmt: skip


def _ticked(request: HttpRequest, case: Request) -> list[UUID]:
    """The files that were ticked, one by one, by contact, or all that match the filter."""
    rows = figures.choosable(case)
    if "all_matching" in request.POST:
        return list(_matching(rows, request.GET).values_list("pk", flat=True))
    files = {one for text in request.POST.getlist("file") if (one := _uuid(text))}
    chosen = set(rows.filter(pk__in=files).values_list("pk", flat=True))
    # PostgreSQL takes no NUL in a text; a contact's key has none.
    keys = [text for text in request.POST.getlist("contact") if ":" in text and "\0" not in text]
    contacts = {tuple(text.split(":", 1)) for text in keys}
    if contacts:
        of_contacts = rows.filter(external_id__in={external_id for _, external_id in contacts})
        for pk, system_id, external_id in of_contacts.values_list("pk", "system_id", "external_id"):
            if (str(system_id), external_id) in contacts:
                chosen.add(pk)
    return sorted(chosen)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# --- showing ---------------------------------------------------------------------------------------------------------


def _matching(rows: QuerySet[Candidate], wanted: QueryDict) -> QuerySet[Candidate]:
    """The rows that the filters in the address let through."""
    _, condition = SHOWS.get(wanted.get("show", ""), SHOWS[""])
    rows = rows.filter(**condition)
    content_class = wanted.get("class")
    if content_class in set(rows.order_by().values_list("content_class", flat=True).distinct()):
        rows = rows.filter(content_class=content_class)
    if system_id := _uuid(wanted.get("system", "")):
        rows = rows.filter(system_id=system_id)
    return rows


def _context(request: HttpRequest, case: Request) -> dict[str, Any]:
    user = doors.user_of(request)
    rows, late = figures.choosable(case), figures.after_scope(case)
    identifiers = doors.person_for(request, case).by_row
    show = request.GET.get("show", "")
    shown = late if show == "late" else rows
    matching = _matching(shown, request.GET)
    own = user.pk in (case.subject_user_id, case.subject.staff_user_id)
    open_now = case.state in CHOOSABLE
    return {
        "title": f"{case.reference}: choose what is theirs", "case": case, "show": show,
        "tabs": _tabs(rows, late, request.GET), "classes": _classes(shown, request.GET.get("class", "")),
        "systems": _systems(request.GET.get("system", "")), "query": _without(request.GET, "page"),
        "listed": listing.of_candidates(matching, among=shown, shown=identifiers, number=request.GET.get("page")),
        "files": rows.count(), "contacts": figures.contacts(rows), "matching": matching.count(),
        "open": rows.filter(included__isnull=True).count(), "going": rows.filter(included=True).count(),
        "keeping": rows.filter(included=False).count(), "late": figures.contacts(late),
        "leftovers": leftovers.latest(case), "strangers": figures.strangers(case), "left_out": figures.left_out(case),
        "finished": System.active.exists() and discovery.is_finished(case),
        "supplementary": case.state in planning.SUPPLEMENTABLE, "open_now": open_now, "own": own,
        "filtered": any(request.GET.get(name) for name in ("show", "class", "system")),
        "may_choose": open_now and not own and show != "late" and user.has_perm("requests_app.validate_request"),
        "may_freeze": open_now and not own and user.has_perm("requests_app.freeze_request"),
        "including": INCLUDING, "excluding": EXCLUDING, "sent_back": _sent_back(case),
    }  # fmt: skip


def _sent_back(case: Request) -> str:
    """Why the last list came back, in words; empty when none did."""
    last = case.decisions.filter(kind__in=["sent_back", "approval_withdrawn"]).last()
    reasons = dict((*approval.SEND_BACK_REASONS, *approval.WITHDRAW_APPROVAL_REASONS))
    return reasons.get(last.reason, last.reason) if last and case.state == State.VALIDATED else ""


def _tabs(rows: QuerySet[Candidate], late: QuerySet[Candidate], wanted: QueryDict) -> list[tuple[str, str, int, str]]:
    """(value, label, contacts, address); a tab without anything behind it is left out, but for the first two."""
    tabs = []
    for value, (label, condition) in SHOWS.items():
        count = figures.contacts(late if value == "late" else rows.filter(**condition))
        if count or value in ("", "open"):
            tabs.append((value, label, count, f"?show={value}" if value else "?"))
    return tabs


def _classes(rows: QuerySet[Candidate], chosen: str) -> list[tuple[str, str, bool]]:
    found = rows.order_by("content_class").values_list("content_class", flat=True).distinct()
    return [(name, words.capitalised(words.class_word(name, 2)), name == chosen) for name in found]


def _systems(chosen: str) -> list[tuple[str, str, bool]]:
    found = System.objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name, str(pk) == chosen) for pk, name in found]


def _without(wanted: QueryDict, name: str) -> str:
    """The address's query without one of its parts."""
    rest = wanted.copy()
    rest.pop(name, None)
    return rest.urlencode()
