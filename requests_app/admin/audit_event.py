"""The ledger on screen: auditors browse, filter and check it; nobody changes it.

In:  the ledger's rows.
Out: a list, a page an entry, the history of one request, a summary for first pages, a check on demand.
Never here: a write, or a claim that was not recomputed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Func, IntegerField, Max, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from requests_app import audit
from requests_app.admin.read_only import ReadOnlyAdmin, When
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerLeaf, Request, StaffPseudonym

#: Where the last check's result is kept; the scheduled check writes the same key.
LAST_CHECK = "ledger.last_check"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, parsed. ``seq`` is ``None`` while it waits for its number."""

    id: UUID
    seq: int | None
    type: str
    title: str
    at: datetime
    actor: str
    role: str
    object: str
    facts: dict[str, Any]
    hash: str

    @property
    def reason(self) -> str:
        return str(self.facts.get("reason", ""))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a first page says about the ledger."""

    size: int
    pending: int
    last_check: dict[str, Any] | None
    recent: list[Entry]


def parse(leaf: LedgerLeaf) -> Entry:
    """The entry that a leaf holds. The leaf is what counts; the columns are copies."""
    body = json.loads(bytes(leaf.leaf))
    seq: int | None = getattr(leaf, "number", None)
    title = TYPES[body["type"]].title if body["type"] in TYPES else body["type"]
    return Entry(
        leaf.pk, seq, body["type"], title, leaf.at, body["actor"], body["role"], body["object"], body["facts"],
        bytes(leaf.hash).hex(),
    )  # fmt: skip


def _numbered() -> QuerySet[LedgerLeaf]:
    return LedgerLeaf.objects.annotate(number=F("index__seq"))


def history_of(request_id: UUID) -> list[Entry]:
    """Everything the ledger holds about one request, oldest first."""
    return [parse(leaf) for leaf in _numbered().filter(object_id=str(request_id)).order_by("id")]


def summary(recent: int = 6) -> Summary:
    """Two queries and a look into the cache."""
    figures = LedgerLeaf.objects.aggregate(last=Max("index__seq"), pending=Count("pk", filter=Q(index__isnull=True)))
    last = figures["last"]
    entries = [parse(leaf) for leaf in _numbered().order_by("-id")[:recent]]
    return Summary(0 if last is None else last + 1, figures["pending"], cache.get(LAST_CHECK), entries)


def names_of(pseudonyms: set[str]) -> dict[str, str]:
    """Pseudonym → how colleagues know the person; the machines keep their own names."""
    people = {one for one in pseudonyms if not one.startswith("machine:")}
    rows = StaffPseudonym.objects.filter(pseudonym__in=people).select_related("user")
    names = {str(row.pseudonym): row.user.get_full_name() or row.user.get_username() for row in rows}
    return names | {one: one.removeprefix("machine:").capitalize() for one in pseudonyms if one.startswith("machine:")}


class _Position(Func):
    """Where bytes occur in a binary column, on both engines."""

    function = "INSTR"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        flipped = self.copy()
        flipped.set_source_expressions(list(reversed(self.get_source_expressions())))
        return flipped.as_sql(compiler, connection, function="POSITION", arg_joiner=" IN ", **context)


class RoleFilter(admin.SimpleListFilter):
    """By the role in which the actor acted, as the leaf itself says."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(role, role.capitalize()) for role in (*audit.ROLES, "machine")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLeaf]) -> QuerySet[LedgerLeaf]:
        if self.value() not in dict(self.lookup_choices):
            return queryset
        needle = Value(f'"role":"{self.value()}"'.encode())
        return queryset.annotate(role_at=_Position(F("leaf"), needle)).filter(role_at__gt=0)


class TypeFilter(admin.SimpleListFilter):
    """By the type of entry, in words."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, spec.title) for name, spec in TYPES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerLeaf]) -> QuerySet[LedgerLeaf]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(LedgerLeaf)
class LedgerAdmin(ReadOnlyAdmin):
    """The ledger as a list, and each entry as its own canonical text."""

    list_display = ("number_", "at_", "title_", "actor_", "object_link")
    list_filter = (TypeFilter, RoleFilter, ("at", When))
    search_fields = ("object_id", "actor")
    search_help_text = "Search by a request's reference or id, or by an actor's pseudonym."
    change_list_template = "requests/ledger_list.html"
    list_title = "Ledger"
    list_lede = "Append-only and numbered without gaps: what was done, by whom, in which role. No names, no free text."
    empty_title = "The ledger is empty"
    empty_lede = "Its first entry comes with the first request."

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerLeaf]:
        return super().get_queryset(request).annotate(number=F("index__seq"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """A reference stands for the random id that the ledger knows."""
        term = search_term.strip()
        found = Request.objects.filter(reference__iexact=term).values_list("pk", flat=True).first() if term else None
        return super().get_search_results(request, queryset, str(found) if found else search_term)

    def get_urls(self) -> list[Any]:
        check = self.admin_site.admin_view(require_POST(self.check_view))
        return [path("check/", check, name="requests_app_ledger_check"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"ledger": summary(recent=0)} | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One entry: what it says in words, and the exact bytes that are hashed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        leaf = self.get_object(request, object_id)
        if leaf is None:
            raise Http404("There is no such entry in the ledger.")
        entry = parse(leaf)
        about = Request.objects.filter(pk=entry.object).first() if _is_uuid(entry.object) else None
        context = self.admin_site.each_context(request) | {
            "title": f"Entry {entry.seq}" if entry.seq is not None else "Entry without a number yet",
            "entry": entry,
            "about": about,
            "canonical": bytes(leaf.leaf).decode(),
            "pretty": json.dumps(json.loads(bytes(leaf.leaf)), indent=2, ensure_ascii=False),
            "opts": self.opts,
        }
        return render(request, "requests/ledger_entry.html", context)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Recompute the whole ledger now and remember the verdict."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        verdict = audit.verify()
        said = {"at": timezone.now(), "ok": verdict.ok, "size": verdict.size, "root": verdict.root}
        cache.set(LAST_CHECK, said, timeout=None)
        if verdict.ok:
            messages.success(request, f"The ledger is intact: {verdict.size} entries recomputed, no fault found.")
        else:
            faults = "; ".join(verdict.faults[:3])
            messages.error(request, f"The ledger is not intact: {faults}. Stop deletions and tell the operator.")
        return redirect("admin:requests_app_ledgerleaf_changelist")

    @admin.display(description="No.", ordering="index__seq")
    def number_(self, leaf: LedgerLeaf) -> str:
        number = leaf.number  # type: ignore[attr-defined]  # annotated above
        return "waiting" if number is None else str(number)

    @admin.display(description="Time", ordering="at")
    def at_(self, leaf: LedgerLeaf) -> str:
        return f"{timezone.localtime(leaf.at):%-d %b %Y, %H:%M:%S}"

    @admin.display(description="Entry", ordering="type")
    def title_(self, leaf: LedgerLeaf) -> str:
        return parse(leaf).title

    @admin.display(description="By")
    def actor_(self, leaf: LedgerLeaf) -> str:
        entry = parse(leaf)
        who = entry.actor.removeprefix("machine:") if entry.role == "machine" else f"…{entry.actor[-6:]}"
        role = entry.role.capitalize()
        return format_html('{} <span class="mono quiet" title="{}">{}</span>', role, entry.actor, who)

    @admin.display(description="About")
    def object_link(self, leaf: LedgerLeaf) -> str:
        return format_html('<span class="mono quiet" title="{}">…{}</span>', leaf.object_id, leaf.object_id[-6:])


def entry_url(entry: Entry) -> str:
    """The page of an entry."""
    return reverse("admin:requests_app_ledgerleaf_change", args=[entry.id])


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
