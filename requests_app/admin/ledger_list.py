"""The ledger as a list that can be narrowed down and leafed through, however long it is.

In:  what stands in the address: type, role, actor, request, days, and the entry after which to go on.
Out: one page of entries, newest first, and the addresses of its neighbours.
Never here: a count of all that match, or a page by its number. Both grow with the ledger; a key does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Func, IntegerField, QuerySet, TextField, Value
from django.db.models.lookups import Exact, GreaterThan
from django.http import QueryDict
from django.utils import timezone

from requests_app import audit
from requests_app.admin.ledger_words import Entry, machine_name, names_of, parse, who
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerLeaf, Request, StaffPseudonym
from requests_app.models.base import MARGIN, first_key

PAGE = 50
MACHINES = ("worker", "importer", "setup", "export_report")


class _Position(Func):
    """Where bytes occur in a binary column (SQLite)."""

    function = "INSTR"
    output_field = IntegerField()


class _Role(Func):
    """The role that a leaf names (PostgreSQL)."""

    template = """(substring(encode(%(expressions)s, 'escape') from '"role":"([a-z ]+)"'))"""
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the filter as a menu: its name, its label, (value, words, whether it is chosen)."""

    name: str
    label: str
    options: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page. ``older`` and ``newer`` are queries of addresses; empty where nothing follows."""

    entries: list[Entry]
    older: str
    newer: str
    choices: tuple[Choice, ...]
    reference: str
    since: str
    until: str
    filtered: bool


def listed(wanted: QueryDict) -> Listed:
    """The page that an address asks for. What it cannot mean is left out."""
    rows = _narrowed(numbered(), wanted)
    before, after = uuid_of(wanted.get("before", "")), uuid_of(wanted.get("after", ""))
    if after:  # the neighbours on the newer side, nearest first, then turned round
        found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        more_newer, more_older, found = len(found) > PAGE, True, found[:PAGE][::-1]
    else:
        rows = rows.filter(pk__lt=before) if before else rows
        found = list(rows.order_by("-pk")[: PAGE + 1])
        more_newer, more_older, found = before is not None, len(found) > PAGE, found[:PAGE]
    filters = ("type", "role", "actor", "q", "since", "until")
    return Listed(
        [parse(leaf) for leaf in found],
        _neighbour(wanted, "before", found[-1].pk) if found and more_older else "",
        _neighbour(wanted, "after", found[0].pk) if found and more_newer else "",
        _choices(wanted), wanted.get("q", ""), wanted.get("since", ""), wanted.get("until", ""),
        any(wanted.get(name) for name in filters),
    )  # fmt: skip


def numbered() -> QuerySet[LedgerLeaf]:
    """Entries with their numbers."""
    return LedgerLeaf.objects.annotate(number=F("index__seq"))


def _narrowed(rows: QuerySet[LedgerLeaf], wanted: QueryDict) -> QuerySet[LedgerLeaf]:
    if wanted.get("type") in TYPES:
        rows = rows.filter(type=wanted["type"])
    if actor := wanted.get("actor", "").replace("\0", ""):
        rows = rows.filter(actor=actor)
    if (role := wanted.get("role", "")) in (*audit.ROLES, "machine"):
        rows = _in_role(rows, role)
        if actor and actor.startswith("machine:") != (role == "machine"):
            return rows.none()  # nobody is both, which the database would read the whole ledger to find out
    if reference := wanted.get("q", "").replace("\0", "").strip():
        rows = rows.filter(object_id=_object_of(reference))
    if since := _midnight(wanted.get("since", "")):
        rows = rows.filter(at__gte=since, pk__gte=first_key(since - MARGIN))
    if until := _midnight(wanted.get("until", "")):
        end = until + timedelta(days=1)
        rows = rows.filter(at__lt=end, pk__lt=first_key(end + MARGIN))
    return rows


def _in_role(rows: QuerySet[LedgerLeaf], role: str) -> QuerySet[LedgerLeaf]:
    """The role stands in the leaf alone. PostgreSQL has an index over exactly this expression (migration 0003)."""
    if connection.vendor == "postgresql":
        return rows.filter(Exact(_Role(F("leaf")), role))
    return rows.filter(GreaterThan(_Position(F("leaf"), Value(f'"role":"{role}"'.encode())), 0))


def _object_of(text: str) -> str:
    """A request's reference stands for the random id that the ledger knows; an id stands for itself."""
    found = Request.objects.filter(reference=text.upper()).values_list("pk", flat=True).first()
    return str(found) if found else text.lower()


def _midnight(text: str) -> datetime | None:
    """The beginning of a day in the portal's own time zone; ``None`` for what is no day."""
    try:
        day = date.fromisoformat(text)
        return timezone.make_aware(datetime.combine(day, time())) if 1970 < day.year < 9000 else None
    except ValueError:
        return None


def uuid_of(text: str) -> UUID | None:
    """The id that a text is; ``None`` where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _neighbour(wanted: QueryDict, name: str, key: UUID) -> str:
    rest = wanted.copy()
    for one in ("before", "after"):
        rest.pop(one, None)
    rest[name] = str(key)
    return f"?{rest.urlencode()}"


def history_of(request_id: UUID) -> list[Entry]:
    """Everything the ledger holds about one request, oldest first."""
    return [parse(leaf) for leaf in numbered().filter(object_id=str(request_id)).order_by("id")]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in the list, with who acted and the request that it is about, if it is about one."""

    entry: Entry
    who: str
    about: Request | None


def lines_of(entries: list[Entry]) -> list[Line]:
    """Entries with names and requests, in two queries for all of them."""
    names = names_of({entry.actor for entry in entries})
    wanted = {found for entry in entries if (found := uuid_of(entry.object))}
    about = {str(pk): found for pk, found in Request.objects.in_bulk(wanted).items()}
    return [Line(entry, who(entry, names), about.get(entry.object)) for entry in entries]


# --- menus -----------------------------------------------------------------------------------------------------------


def _choices(wanted: QueryDict) -> tuple[Choice, ...]:
    types = sorted((spec.title, name) for name, spec in TYPES.items())
    roles = (*audit.ROLES, "machine")
    return (
        _menu(wanted, "type", "Type", [(name, title) for title, name in types]),
        _menu(wanted, "role", "Role", [(role, role.capitalize()) for role in roles]),
        _menu(wanted, "actor", "Actor", _actors()),
    )


def _menu(wanted: QueryDict, name: str, label: str, options: list[tuple[str, str]]) -> Choice:
    chosen = wanted.get(name, "")
    return Choice(name, label, tuple((value, words, value == chosen) for value, words in options))


def _actors() -> list[tuple[str, str]]:
    """Everybody who has a name in the ledger, then the machines."""
    people = StaffPseudonym.objects.select_related("user")
    named = sorted((row.user.get_full_name() or row.user.get_username(), str(row.pseudonym)) for row in people)
    return [(pseudonym, name) for name, pseudonym in named] + [
        (f"machine:{name}", machine_name(name)) for name in MACHINES
    ]
