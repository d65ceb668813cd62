"""What the page of one request says: where it stands, what comes next and who can do it, and whose it is.

In:  a request, and the person who looks.
Out: plain values for the templates.
Never here: a decision. Which buttons are shown is a courtesy; the rooms ask again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from requests_app import approval, disclosure, gates, validation
from requests_app.admin import ledger_list, ledger_words
from requests_app.admin.ledger_words import Entry
from requests_app.models import Request, RequestLink
from requests_app.states import ENDS, NEXT, PATH, State

#: Ends other than ``closed``: the line of steps stops there.
_OTHER_ENDS = ENDS - {State.CLOSED}
_EARLY = (State.RECEIVED, State.VALIDATED, State.PLANNED)


@dataclass(frozen=True, slots=True)
class Step:
    """One stop on the line. ``status`` is done, now, later, skipped or stopped."""

    label: str
    status: str
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """A way to end the request or send it back: a URL part, a button, and the reasons to choose from."""

    name: str
    label: str
    help: str
    reasons: tuple[tuple[str, str], ...]

    @property
    def url_name(self) -> str:
        return f"admin:requests_app_request_{self.name.replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Next:
    """What happens next, who can do it, and what the person who looks can do about it."""

    what: str
    who: str
    yours: bool
    blocker: str
    can_validate: bool
    can_check: bool
    endings: tuple[Ending, ...]


# --- the line of steps -----------------------------------------------------------------------------------------------


def steps(request: Request, history: list[Entry], names: dict[str, str]) -> list[Step]:
    """The path with the date and the person of each step; the last arrival counts where a step was taken twice."""
    arrivals: dict[str, Entry] = {}
    for entry in history:
        if entry.type in ("request.received", "request.imported"):
            arrivals[State.RECEIVED] = entry
        elif entry.type == "request.moved":
            arrivals[entry.facts["to"]] = entry
    state = State(request.state)
    if state in _OTHER_ENDS:
        return _stopped(request, arrivals, names)
    here = PATH.index(state)
    line = []
    for position, stop in enumerate(PATH):
        if position <= here:
            line.append(_passed(stop, arrivals, names, live=request.origin == Request.Origin.LIVE))
        else:
            line.append(Step(stop.label, "now" if position == here + 1 else "later"))
    return line


def _passed(stop: State, arrivals: dict[str, Entry], names: dict[str, str], *, live: bool) -> Step:
    entry = arrivals.get(stop)
    if entry is None:
        return Step(stop.label, "skipped" if live and stop != State.RECEIVED else "done")
    return Step(stop.label, "done", entry.at, ledger_words.who(entry, names))


def _stopped(request: Request, arrivals: dict[str, Entry], names: dict[str, str]) -> list[Step]:
    """Ended early: the steps it took, and the end."""
    last = arrivals.get(request.state)
    seen = State(last.facts["seen"]) if last and "seen" in last.facts else State.RECEIVED
    taken = [_passed(stop, arrivals, names, live=True) for stop in PATH[: PATH.index(seen) + 1]]
    end = State(request.state).label
    return [
        *taken,
        Step(end, "stopped", last.at if last else request.closed_at, ledger_words.who(last, names) if last else ""),
    ]


# --- what happens next -----------------------------------------------------------------------------------------------


def whats_next(request: Request, user: User) -> Next:
    """The next act, and whether it is this person's."""
    state = State(request.state)
    what, who = NEXT[state]
    if request.origin == Request.Origin.HISTORY:
        return Next("Nothing. This is closed history, imported to be read", "nobody", False, "", False, False, ())
    if request.subject.forgotten_at:
        return Next(f"Nothing. {gates.words_of_forgetting(request)}", "nobody", False, "", False, False, ())
    own = user.pk in (request.subject_user_id, request.subject.staff_user_id)
    handles = user.has_perm("requests_app.validate_request") and not own
    blocker = "This request is about you. A colleague must handle it." if own else ""
    can_validate = handles and state == State.RECEIVED
    if can_validate:
        reached, needed = validation.level_reached(request), validation.level_needed(request)
        if reached < needed:
            can_validate = False
            blocker = f"The identity checks reach {reached}; this request needs {needed}. Record a further check below."
    if state == State.PLANNED and user.has_perm("requests_app.approve_request"):
        grounds = approval.bars_of(request.pk, user)
        blocker = f"You cannot approve this one: {' and '.join(grounds)}. A colleague must." if grounds else blocker
    return Next(
        what, who, _is_theirs(state, user) and not own, blocker, can_validate,
        handles and state in (State.RECEIVED, State.VALIDATED), _endings(state, user, own=own),
    )  # fmt: skip


def _is_theirs(state: State, user: User) -> bool:
    needed = {
        State.RECEIVED: "validate_request",
        State.VALIDATED: "freeze_request",
        State.PLANNED: "approve_request",
        State.VERIFIED: "close_request",
    }.get(state)
    return bool(needed) and user.has_perm(f"requests_app.{needed}")


def _endings(state: State, user: User, *, own: bool) -> tuple[Ending, ...]:
    """Every other way on from here that this person may choose."""
    if own or state not in _EARLY:
        return ()
    found = []
    if state == State.PLANNED and (
        user.has_perm("requests_app.approve_request") or user.has_perm("requests_app.freeze_request")
    ):
        found.append(Ending("send-back", "Send back", "Staff then freeze a fresh list.", approval.SEND_BACK_REASONS))
    if user.has_perm("requests_app.validate_request"):
        withdrawn, unknown = validation.WITHDRAW_REASONS, validation.NOT_IDENTIFIED_REASONS
        found.append(Ending("withdraw", "Withdrawn by the person", "The person no longer asks.", withdrawn))
        found.append(Ending("not-identified", "Not identified", "Not a refusal: they may ask again.", unknown))
    if user.has_perm("requests_app.refuse_request"):
        found.append(Ending("refuse", "Refuse", "They are told why, and where to complain.", approval.REFUSE_REASONS))
    return tuple(found)


# --- the rest of the page --------------------------------------------------------------------------------------------


def linked(request: Request) -> list[tuple[str, Request]]:
    """Other requests that belong to this one, each once, with the kind of link."""
    links = RequestLink.objects.filter(Q(a=request) | Q(b=request)).select_related("a", "b")
    return [(link.get_kind_display(), link.b if link.a_id == request.pk else link.a) for link in links]


def context(request: Request, user: User, *, reason: str) -> dict[str, Any]:
    """Everything the page shows but the workshop's panel."""
    history = ledger_list.history_of(request.pk)
    names = ledger_words.names_of({entry.actor for entry in history})
    return {
        "dsr": request,
        "steps": steps(request, history, names),
        "next": whats_next(request, user),
        "person": disclosure.person(request, user, reason=reason),
        "forgotten_words": f"Destroyed. {gates.words_of_forgetting(request)} The proof remains.",
        "findings": list(request.findings.select_related("by")),
        "reached": validation.level_reached(request),
        "needed": validation.level_needed(request),
        "evidence": list(request.evidence.select_related("added_by").order_by("added_at")),
        "decisions": [(one, _reason_words(one.reason)) for one in request.decisions.select_related("by")],
        "linked": linked(request),
        "history": [(entry, ledger_words.who(entry, names), entry.sentence) for entry in reversed(history)],
    }


def _reason_words(code: str) -> str:
    words = ledger_words.reason_words(code)
    return words[:1].upper() + words[1:]
