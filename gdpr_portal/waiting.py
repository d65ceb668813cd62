"""What waits for the person who signs in: figures that are links, and the oldest work first.

In:  a user and what their permissions open.
Out: figures and sections for the first page, in a handful of queries.
Never here: work of somebody else's, or a figure about a colleague.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from content_app import brakes, operations
from content_app.admin import working
from content_app.models import Errand, System
from requests_app import publisher, suppression
from requests_app.admin import audit_event
from requests_app.admin.paging import CAP, count_up_to
from requests_app.models import ApprovalBar, Request
from requests_app.states import OPEN, State

#: Rows a section shows; the rest is behind its link.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A count with a link."""

    count: int
    label: str
    url: str = ""

    @property
    def words(self) -> str:
        """The count; nobody counts further than ``CAP``."""
        return f"{CAP:,}+" if self.count > CAP else f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class Row:
    """One request or system that waits. ``barred`` is why this person may not, and greys it."""

    title: str
    url: str
    sub: str = ""
    end: Any = ""
    state: str = ""
    barred: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading, and what it says when there are none."""

    title: str
    rows: tuple[Row, ...]
    empty: str
    more: str = ""
    total: int = 0

    @property
    def all_of_them(self) -> str:
        """What the link to the rest says."""
        return f"More than {CAP:,}" if self.total > CAP else f"All {self.total:,}"


@dataclass(slots=True)
class Waiting:
    """The first page."""

    figures: list[Figure] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    #: What keeps everything from being deleted, said to those who can have it mended.
    alarm: str = ""
    #: What of the machinery stands still, said to those who can see to it.
    troubles: list[operations.Look] = field(default_factory=list)
    ledger: audit_event.Summary | None = None
    #: What the workers do at this moment, for whoever may see requests.
    now: dict[str, Any] = field(default_factory=dict)


def gather(user: User) -> Waiting:
    """Everything that waits for this person, by what they may do and not by what they are called."""
    page = Waiting()
    if user.has_perm("requests_app.view_request"):
        _requests(page, user)
    if user.has_perm("requests_app.review_suppression"):
        _suppressed(page)
    if user.has_perm("content_app.change_system"):
        _systems(page)
    if user.has_perm("content_app.view_safeguard"):
        day = brakes.rooms(None)[1]
        label = f"of {day.most:,} items deleted today"
        page.figures.append(Figure(day.used, label, reverse("admin:content_safeguards")))
    if user.has_perm("auth.view_user"):
        _people(page)
    if user.has_perm("requests_app.view_ledgerleaf"):
        page.ledger = audit_event.summary()
    if any(user.has_perm(permission) for permission in _HEAR_ALARMS):
        page.alarm = publisher.fault()
    if any(user.has_perm(permission) for permission in _HEAR_TROUBLES):
        page.troubles = operations.troubles()
    if working.may_look(user):
        page.now = working.context_of_now()
    return page


#: Who is told that the ledger does not fit: auditors, administrators, supervisors, and who watches over all of them.
_HEAR_ALARMS = ("requests_app.view_ledgerleaf", "content_app.change_system", "content_app.stop_system")
#: Who is told that a part of the machinery stands still: administrators and supervisors.
_HEAR_TROUBLES = ("content_app.change_system", "content_app.stop_system")

#: (permission, state, figure, heading, what it says when there are none)
_STAFF_WORK = (
    ("validate_request", State.RECEIVED, "to validate", "Check who is asking", "Nobody waits to be identified."),
    ("freeze_request", State.VALIDATED, "lists to review", "Review what was found", "No found list waits."),
    ("close_request", State.VERIFIED, "replies to send", "Send the reply", "Every deletion has been answered."),
)


# --- requests --------------------------------------------------------------------------------------------------------


def _requests(page: Waiting, user: User) -> None:
    live = Request.objects.filter(origin=Request.Origin.LIVE, subject__forgotten_at__isnull=True)
    works = False
    for permission, state, label, title, empty in _STAFF_WORK:
        if user.has_perm(f"requests_app.{permission}"):
            works = True
            waiting = live.filter(state=state)
            count = count_up_to(waiting)
            page.figures.append(Figure(count, label, _listed(state)))
            rows = waiting.order_by("received_at")[:SHOWN] if count else ()
            page.sections.append(_section(title, rows, empty, _listed(state), count))
    if user.has_perm("requests_app.approve_request"):
        works = True
        _approvals(page, live.filter(state=State.PLANNED), user)
    if works:
        _attention(page, user)
        return
    everything = reverse("admin:requests_app_request_changelist")
    open_now = live.filter(state__in=OPEN)
    count = count_up_to(open_now)
    page.figures.append(Figure(count, "open requests", everything))
    # The newest first: whoever is forgotten has waited longest, and would be read to be passed over.
    closed = live.filter(state=State.CLOSED).order_by("-received_at")[: CAP + 1].count()
    page.figures.append(Figure(closed, "closed with a reply", _listed(State.CLOSED)))
    shown = tuple(_row(dsr) for dsr in open_now.order_by("received_at")[:SHOWN])
    page.sections.append(Section("Open requests, oldest first", shown, "No request is open.", everything, count))


def _approvals(page: Waiting, planned: QuerySet[Request], user: User) -> None:
    """Lists that wait for approval: those this person may approve, then those they are barred from, with the ground."""
    oldest = list(planned.order_by("received_at").values_list("pk", flat=True)[: CAP + 1])
    grounds: dict[Any, list[str]] = {}
    for bar in ApprovalBar.objects.filter(user=user, request__in=oldest) if oldest else ():
        grounds.setdefault(bar.request_id, []).append(bar.get_ground_display())
    yours = [pk for pk in oldest if pk not in grounds]
    shown = [*yours[:SHOWN], *[pk for pk in oldest if pk in grounds][:SHOWN]]
    found = Request.objects.in_bulk(shown)
    page.figures.append(Figure(len(yours), "lists to approve", _listed(State.PLANNED)))
    rows = [replace(_row(found[pk]), state="", barred=" and ".join(grounds.get(pk, ()))) for pk in shown]
    empty = "No list waits for approval."
    page.sections.append(Section("Approve exact lists", tuple(rows), empty, _listed(State.PLANNED), len(oldest)))


#: Who can do something about what stopped the workers; everybody who works on requests, where it is not named.
_ANSWERS = {
    Errand.Attention.UNDECIDED: "requests_app.freeze_request",
    Errand.Attention.SUPPLEMENT: "requests_app.freeze_request",
    Errand.Attention.SHADOW: "content_app.enable_deletion",
    Errand.Attention.STOPPED: "content_app.stop_system",
    Errand.Attention.LEDGER: "content_app.stop_system",
    Errand.Attention.BRAKED: "requests_app.approve_request",
    Errand.Attention.POISONED: "requests_app.approve_request",
}


def _attention(page: Waiting, user: User) -> None:
    """Where the workers stopped and this person can help."""
    others = [code for code, permission in _ANSWERS.items() if not user.has_perm(permission)]
    living = Errand.objects.filter(request__subject__forgotten_at__isnull=True)
    stopped = living.exclude(attention="").exclude(attention__in=others)
    # By the id of the request, which is by when it was taken down: an order that an index has.
    errands = list(stopped.select_related("request").order_by("request_id")[:50])
    page.figures.append(Figure(len(errands), "need a person", "#section-1" if errands else ""))
    if errands:
        rows = tuple(replace(_row(one.request), sub=one.get_attention_display(), end=None) for one in errands[:SHOWN])
        page.sections.insert(0, Section("The workers need you", rows, "", "", len(errands)))


def _section(title: str, requests: Iterable[Request], empty: str, more: str, total: int) -> Section:
    return Section(title, tuple(replace(_row(dsr), state="") for dsr in requests), empty, more, total)


def _row(dsr: Request) -> Row:
    return Row(dsr.reference, _page_of(dsr), dsr.get_right_display().partition(" (")[0], dsr.received_at, dsr.state)


def _page_of(dsr: Request) -> str:
    return reverse("admin:requests_app_request_change", args=[dsr.pk])


def _listed(state: State) -> str:
    return f"{reverse('admin:requests_app_request_changelist')}?state__exact={state.value}"


def _suppressed(page: Waiting) -> None:
    """Entries of the suppression list that are due, while there are any."""
    due = suppression.due().count()
    if due:
        today = f"{timezone.localdate() + timedelta(days=1):%Y-%m-%d}"
        url = f"{reverse('admin:requests_app_suppression_changelist')}?review_on__lt={today}"
        page.figures.append(Figure(due, "suppression entries to review", url))


# --- setup -----------------------------------------------------------------------------------------------------------


def _systems(page: Waiting) -> None:
    systems = list(System.active.filter(Q(shadow=True) | Q(stopped=True)).order_by("name"))
    url = _try_reverse("admin:content_app_system_changelist")
    page.figures.append(Figure(sum(one.stopped for one in systems), "systems stopped", url))
    page.figures.append(Figure(sum(one.shadow for one in systems), "in shadow mode", url))
    rows = tuple(
        Row(
            one.name,
            _try_reverse("admin:content_app_system_change", one.pk),
            "The emergency stop is set." if one.stopped else "Plans, but deletes nothing until two people enable it.",
        )
        for one in systems
    )
    title, empty = "Connected systems that do not delete", "Every connected system may delete."
    page.sections.append(Section(title, rows, empty, url, len(rows)))


def _people(page: Waiting) -> None:
    active = User.objects.filter(is_active=True)
    figures = active.aggregate(
        people=Count("pk", distinct=True),
        idle=Count("pk", filter=Q(groups__isnull=True, is_superuser=False), distinct=True),
    )
    url = reverse("admin:auth_user_changelist")
    page.figures.append(Figure(figures["people"], "people with an account", url))
    page.figures.append(Figure(figures["idle"], "without a role", url))


def _try_reverse(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
