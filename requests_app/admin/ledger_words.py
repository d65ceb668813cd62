"""What an entry of the ledger says, in words.

In:  leaves.
Out: entries, parsed, each with a sentence; the names of those who acted, for colleagues.
Never here: a word that the leaf does not bear out. The leaf is what counts; the columns beside it are copies.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from requests_app import approval, validation
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerLeaf, StaffPseudonym
from requests_app.states import State


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

    @property
    def sentence(self) -> str:
        """What happened, in one line."""
        return sentence(self)


def parse(leaf: LedgerLeaf) -> Entry:
    """The entry that a leaf holds; its number where the query has annotated one."""
    body = json.loads(bytes(leaf.leaf))
    seq: int | None = getattr(leaf, "number", None)
    title = TYPES[body["type"]].title if body["type"] in TYPES else body["type"]
    return Entry(
        leaf.pk, seq, body["type"], title, leaf.at, body["actor"], body["role"], body["object"], body["facts"],
        bytes(leaf.hash).hex(),
    )  # fmt: skip


def names_of(pseudonyms: set[str]) -> dict[str, str]:
    """Pseudonym → how colleagues know the person; the machines keep their own names."""
    people = {one for one in pseudonyms if not one.startswith("machine:")}
    rows = StaffPseudonym.objects.filter(pseudonym__in=people).select_related("user")
    names = {str(row.pseudonym): row.user.get_full_name() or row.user.get_username() for row in rows}
    return names | {one: machine_name(one) for one in pseudonyms if one.startswith("machine:")}


def machine_name(pseudonym: str) -> str:
    """``machine:export_report`` → «Export report»."""
    return pseudonym.removeprefix("machine:").replace("_", " ").capitalize()


def who(entry: Entry, names: dict[str, str]) -> str:
    """Who acted, as colleagues say it."""
    return names.get(entry.actor, f"{entry.role} …{entry.actor[-4:]}")


# --- sentences -------------------------------------------------------------------------------------------------------

_LIST = "list {plan}"
_FINGERPRINT = "fingerprint {digest}"
_MOVED = ("{seen} → {to}", "{reason}", _LIST)
#: type → parts of its sentence; a part is left out where one of its facts is.
SENTENCES: dict[str, tuple[str, ...]] = {
    "request.received": ("{right} by {channel}", "{jurisdiction}", "{identifiers} identifiers",
                         "received {received_at}"),
    "request.imported": ("{right} by {channel}", "{jurisdiction}", "{identifiers} identifiers", "{origin}",
                         "{outcome}", "received {received_at}"),
    "request.linked": ("With request {other}: {link}",),
    "identifier.added": ("{kind}", "identifier {identifier}"),
    "finding.recorded": ("{method} reached {level}: {result}", "doubt: {doubt}"),
    "evidence.added": ("{kind} {evidence}", "sealed file {sha256}"),
    "evidence.destroyed": ("Document {evidence}: {reason}",),
    "request.moved": _MOVED,
    "attempt.refused": ("{attempt}: {reason}", _LIST),
    "approval.given": ("List {plan}", "{items} items", "may be carried out from {execute_after}", _FINGERPRINT),
    "approval.withdrawn": ("List {plan}: {reason}",),
    "approval.barred": ("{ground}",),
    "search.finished": ("{candidates} files on {interactions} interactions found in {calls} calls",
                        "{way}, {expected} calls expected, shared by {shared}",
                        "{strangers} of other people passed over", "{late} after the scope"),
    "leftovers.counted": ("{contacts} contacts without content in the statistics, {doubtful} doubtful",
                          "{calls} calls, {expected} expected, shared by {shared}"),
    "candidate.chosen": ("{items} files {choice}: {reason}",),
    "plan.frozen": ("{kind} list {plan}, version {version}", "{delete} to delete, {keep} to keep", _FINGERPRINT),
    "content.discovered": ("{items} files wait for a supplementary list",),
    "deletion.intended": ("{items} items of list {plan}", "{kind}", "step {step}", _FINGERPRINT),
    "deletion.receipt": ("{deleted} deleted, {already_gone} already gone, {failed} failed", "{reason}", "step {step}",
                         _FINGERPRINT),
    "brake.applied": ("{items} items of list {plan}", "cap of one {cap}"),
    "brake.released": ("List {plan} of {items} items", "cap of one {cap}", "{reason}"),
    "deletion.verified": ("{absent} absent, {reappeared} still there, {not_verifiable} not verifiable",
                          "round {round}", _LIST),
    "report.exported": ("{format}", "file {sha256}"),
    "reply.recorded": ("By {channel}",),
    "sample.drawn": ("{size} of {population} requests", "seed {seed}", "from {since} until {until}"),
    "sample.exported": ("{requests} requests", "file {sha256}"),
}  # fmt: skip
_FACT = re.compile(r"\{(\w+)\}")
#: One of what is counted in several.
_ONE = re.compile(r"(?<![\d,])1 (item|file|identifier|request|call|interaction|contact)s\b")
_GROUNDS = {
    "opened": "took the request", "validated": "validated it", "subject": "is the person it is about",
    "heard": "is heard on an item of the list", "set_hold": "set a legal hold on it",
}  # fmt: skip
_REASONS = dict(
    (*validation.WITHDRAW_REASONS, *validation.NOT_IDENTIFIED_REASONS, *approval.REFUSE_REASONS,
     *approval.SEND_BACK_REASONS, *approval.WITHDRAW_APPROVAL_REASONS)
)  # fmt: skip


def sentence(entry: Entry) -> str:
    """What an entry says. A type without words of its own tells its facts one by one."""
    parts = SENTENCES.get(entry.type)
    if parts is None:
        told = [f"{name.replace('_', ' ')} {_fact(entry, name)}" for name in entry.facts]
    else:
        told = [_filled(entry, part) for part in parts if all(name in entry.facts for name in _FACT.findall(part))]
    text = " · ".join(filter(None, told))
    return text[:1].upper() + text[1:]


def _filled(entry: Entry, part: str) -> str:
    told = _FACT.sub(lambda found: _fact(entry, found[1]), part)
    return _ONE.sub(r"1 \1", told)


def _fact(entry: Entry, name: str) -> str:
    """One fact as a person reads it: codes as words, ids and digests by their ends, instants as times."""
    value = entry.facts[name]
    kind = TYPES[entry.type].facts.get(name, "code") if entry.type in TYPES else "code"
    if kind == "count":
        return f"{value:,}"
    if kind == "id":
        return f"…{str(value)[-6:]}"
    if kind == "digest":
        return f"{str(value)[:12]}…"
    if kind == "instant":
        return f"{datetime.fromisoformat(value):%-d %b %Y, %H:%M} UTC"
    if name in ("seen", "to"):
        return State(value).label
    if name in ("seed", "level", "jurisdiction"):
        return str(value)
    if name == "format":
        return str(value).upper()
    if name == "ground":
        return _GROUNDS.get(str(value), str(value))
    return reason_words(str(value)) if name == "reason" else str(value).replace("_", " ").replace(".", " ")


def reason_words(code: str) -> str:
    """A coded reason as the screens say it."""
    return _REASONS.get(code, code.replace("_", " "))
