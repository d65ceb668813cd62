"""Rows of content as a person reads them: days, contacts of that day, files of each contact.

In:  candidates or items of a list, and the identifiers as whoever looks may see them.
Out: one page of days with their contacts, newest first.
Never here: a decision, or an identifier in clear for somebody who may only see it masked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Min, QuerySet
from django.utils import timezone

from content_app import plan_digest
from content_app.admin import words
from content_app.models import Candidate, Item, Plan, System

PER_PAGE = 50
Link = Candidate.Link


@dataclass(frozen=True, slots=True)
class File:
    """One piece of content. ``fate`` is go, keep or open (undecided)."""

    pk: UUID
    word: str
    fate: str
    why: str = ""


@dataclass(slots=True)
class Contact:
    """One contact with the company and what is kept of it."""

    key: str
    at: datetime
    direction: str
    system: str
    line: str
    agents: list[str]
    matched: str
    flags: list[tuple[str, str]]
    files: list[File] = field(default_factory=list)

    @property
    def fate(self) -> str:
        """What becomes of the contact: go, keep, open, or part."""
        fates = {one.fate for one in self.files}
        return "open" if "open" in fates else fates.pop() if len(fates) == 1 else "part"

    @property
    def mixed(self) -> bool:
        """Whether the files must be told apart."""
        return len({(one.fate, one.why) for one in self.files}) > 1

    @property
    def why(self) -> str:
        """The reason, where all files have the same."""
        reasons = {one.why for one in self.files}
        return reasons.pop() if len(reasons) == 1 else ""

    @property
    def in_words(self) -> str:
        """The files of the contact in one line."""
        counts = Counter(one.word for one in self.files)
        return words.joined([word if count == 1 else f"{count} × {word}" for word, count in counts.items()])


@dataclass(frozen=True, slots=True)
class Day:
    """A day with contacts."""

    day: date
    contacts: list[Contact]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of days."""

    days: list[Day]
    page: Page
    contacts: int


def page_of(matching: QuerySet[Any], *, among: QuerySet[Any], number: str | None) -> tuple[Page, list[Any]]:
    """One page of the contacts that match, and every row ``among`` that belongs to them, newest contact first."""
    contacts = matching.order_by().values("system_id", "external_id").annotate(at=Min("occurred_at"))
    page = Paginator(contacts.order_by("-at", "external_id"), PER_PAGE).get_page(number)
    wanted = {(one["system_id"], one["external_id"]) for one in page.object_list}
    theirs = among.filter(external_id__in={external_id for _, external_id in wanted})
    newest_first = theirs.order_by("-occurred_at", "external_id", "content_class", "content_key")
    return page, [row for row in newest_first if (row.system_id, row.external_id) in wanted]


def listed(page: Page, contacts: list[Contact]) -> Listed:
    """Contacts, already newest first, under their days."""
    grouped = groupby(contacts, key=lambda one: timezone.localdate(one.at))
    return Listed([Day(day, list(group)) for day, group in grouped], page, page.paginator.count)


def names_of_systems() -> dict[UUID, str]:
    """Names for rows that carry an id only."""
    return dict(System.objects.values_list("pk", "name"))


# --- candidates ------------------------------------------------------------------------------------------------------


def of_candidates(
    matching: QuerySet[Candidate], *, among: QuerySet[Candidate], shown: dict[UUID, str], number: str | None
) -> Listed:
    """What was found, contact by contact. A contact that matches is shown with all its files."""
    page, found = page_of(matching, among=among.select_related("found_by"), number=number)
    systems = names_of_systems()
    contacts: dict[tuple[UUID, str], Contact] = {}
    for row in found:
        contact = contacts.get((row.system_id, row.external_id))
        if contact is None:
            matched = shown.get(row.found_by_id, "") if row.found_by_id else ""
            contact = _contact(row, system=systems[row.system_id], matched=matched, flags=_candidate_flags(row))
            contacts[row.system_id, row.external_id] = contact
        contact.files.append(File(row.pk, words.class_word(row.content_class), _fate(row), _why(row)))
    return listed(page, list(contacts.values()))


def _contact(row: Candidate | Item, *, system: str, matched: str, flags: list[tuple[str, str]]) -> Contact:
    return Contact(
        key=f"{row.system_id}:{row.external_id}", at=row.occurred_at,
        direction=words.DIRECTIONS.get(row.direction, "Contact"), system=system, line=row.line,
        agents=[str(agent) for agent in row.agents], matched=matched, flags=flags,
    )  # fmt: skip


def _candidate_flags(row: Candidate) -> list[tuple[str, str]]:
    """(tone, words) of what needs a second look."""
    kinds = Candidate.Kind
    flags = [("amber", "Shared with others")] if row.shared else []
    if row.doubt and row.doubt != Candidate.Doubt.SHARED:
        flags.append(words.DOUBTS[row.doubt])
    if row.kind == kinds.AFTER_SCOPE:
        flags.append(("neutral", "After the scope"))
    if row.kind == kinds.DISCOVERED:
        flags.append(("blue", "Turned up later"))
    if row.kind == kinds.REAPPEARED:
        flags.append(("red", "Still there after the deletion"))
    return flags


def _fate(row: Candidate) -> str:
    return {True: "go", False: "keep", None: "open"}[row.included]


def _why(row: Candidate) -> str:
    if row.kind == Candidate.Kind.AFTER_SCOPE:
        return "Contact after the scope was frozen"
    if row.included is None and row.doubt:
        return Candidate.Doubt(row.doubt).label
    return Link(row.link).label if row.link else ""


# --- items -----------------------------------------------------------------------------------------------------------


def of_items(
    matching: QuerySet[Item], *, among: QuerySet[Item], plan: Plan, shown: dict[UUID, str], number: str | None
) -> Listed:
    """What stands on a frozen list, contact by contact. A contact that matches is shown with all its files."""
    page, found = page_of(matching, among=among, number=number)
    matches, systems = _matches(plan, shown), names_of_systems()
    contacts: dict[tuple[UUID, str], Contact] = {}
    for row in found:
        contact = contacts.get((row.system_id, row.external_id))
        if contact is None:
            flags = [("amber", "Shared with others")] if row.shared else []
            matched = matches.get(row.commitment, "")
            contact = _contact(row, system=systems[row.system_id], matched=matched, flags=flags)
            contacts[row.system_id, row.external_id] = contact
        fate = "keep" if row.action == Item.Action.KEEP else "go"
        contact.files.append(File(row.pk, words.class_word(row.content_class), fate, ground_word(row.ground)))
    return listed(page, list(contacts.values()))


def ground_word(code: str) -> str:
    """Why something is kept or goes, in words."""
    return Link(code).label if code in Link.values else code


def _matches(plan: Plan, shown: dict[UUID, str]) -> dict[str, str]:
    """Commitment → the identifier that it binds, as this viewer may see it."""
    salt = bytes(plan.salt)
    return {
        plan_digest.commitment(salt, bytes(row.blind_index)): shown[row.pk]
        for row in plan.request.subject.identifiers.all()
        if row.pk in shown
    }
