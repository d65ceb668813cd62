"""Turns the facts of a report into the words, dates and rows that its page prints.

In:  the facts.
Out: strings only, in the order in which they are read.
Never here: a fact of its own, an interaction's id, a list of items.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from content_app.models import Candidate
from requests_app.models import Channel, Finding, Jurisdiction, Right, Scope
from requests_app.states import State

Facts = dict[str, Any]
REPLY_CHANNELS = (
    ("email", "E-mail"),
    ("post", "Post"),
    ("phone", "Telephone"),
    ("in_person", "In person"),
    ("portal", "Customer portal"),
)
#: Signs beyond Latin letters that the words here use.
SIGNS = "–—·…’“”"
_STEPS = {
    State.RECEIVED: "Received",
    State.VALIDATED: "Identity validated",
    State.PLANNED: "List frozen",
    State.APPROVED: "List approved",
    State.EXECUTED: "Deletion carried out",
    State.VERIFIED: "Read back",
    State.CLOSED: "Reply recorded, closed",
}
#: Words that are written in capitals.
_SHORT = {"crm": "CRM", "ivr": "IVR"}
_OUTCOMES = {"completed": "Completed", "completed_in_part": "Completed in part"}


def page(told: Facts) -> Facts:
    """Everything that the template prints."""
    request = told["request"]
    return {
        "title": "Completion report" if request["state"] in (State.CLOSED, State.VERIFIED) else "Report of a request",
        "issuer": told["issued_by"],
        "reference": request["reference"],
        "as_of": moment(told["as_of"]),
        "version": f"{told['schema']} {told['version']}",
        "summary": summary(told),
        "asked": _asked(told),
        "steps": [_step(step) for step in told["steps"]],
        "checks": [_check(check) for check in told["identity_checks"]],
        "lists": [_list(each) for each in told["lists"]],
        "systems": _systems(told),
        "beyond": [[words(row["class"]), row["system"], row["reason"]] for row in told["out_of_reach"]],
        "limits": [limit["text"] for limit in told["cannot_vouch_for"]],
        "ledger": _ledger(told["ledger"]),
    }


def moment(text: str) -> str:
    """An instant as people read it, in UTC."""
    return datetime.fromisoformat(text).strftime("%-d %b %Y, %H:%M")


def _day(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%-d %B %Y")


def words(code: str) -> str:
    """A code as words: ``callRecording`` and ``other_person`` become «Call recording» and «Other person»."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in code.replace("_", " "))
    spelled = " ".join(_SHORT.get(word, word) for word in spaced.split())
    return spelled[:1].upper() + spelled[1:]


def _inside(text: str) -> str:
    """Words inside a sentence: small, unless they are an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _label(choices: Any, code: str) -> str:
    return str(choices(code).label) if code in choices.values else words(code)


def _ground(code: str) -> str:
    return _label(Candidate.Link, code)


# --- the summary -----------------------------------------------------------------------------------------------------


def summary(told: Facts) -> str:
    """The whole report in a few sentences."""
    request, totals = told["request"], told["totals"]
    sentences = []
    if request["state"] in (State.REFUSED, State.WITHDRAWN, State.NOT_IDENTIFIED):
        sentences.append(_end(told))
    if not told["lists"]:
        return " ".join([*sentences, "Nothing was deleted."])
    if not totals["found"]:
        sentences.append("The connected systems were searched, and no content of the person was found in them.")
    else:
        sentences.append(_fates(told, totals))
    if totals["found"] > totals["kept"]:
        sentences.append(_readings(totals))
    sentences += [still_held(one) for one in told["statistics"] if one["contacts"] or one["doubtful"]]
    return " ".join(sentences)


def still_held(one: Facts) -> str:
    """What the statistics of one system hold of the person where no content was found."""
    contacts, doubtful = one["contacts"], one["doubtful"]
    if not contacts:
        theirs = "1 contact that may be" if doubtful == 1 else f"{doubtful} contacts that may be"
        return f"The statistics of {one['system']} still hold {theirs} the person's, of which no content was found."
    theirs = "1 contact" if contacts == 1 else f"{contacts} contacts"
    more = f"; {doubtful} more may be theirs" if doubtful else ""
    first, last = _day(one["earliest"]), _day(one["latest"])
    span = f"on {first}" if first == last else f"{first} to {last}"
    held = f"The statistics of {one['system']} still hold {theirs} of the person, {span}"
    return f"{held}, of which no content was found{more}."


def _end(told: Facts) -> str:
    last = told["steps"][-1] if told["steps"] else {"at": told["as_of"], "reason": None}
    ends = {
        State.REFUSED: "The request was refused",
        State.WITHDRAWN: "The request was withdrawn",
        State.NOT_IDENTIFIED: "The request ended because the person could not be identified",
    }
    reason = f" ({words(last['reason']).lower()})" if last["reason"] else ""
    return f"{ends[told['request']['state']]} on {moment(last['at'])} UTC{reason}."


def _fates(told: Facts, totals: Facts) -> str:
    systems = len({row["system"] for row in told["content"]})
    places = "1 connected system" if systems == 1 else f"{systems} connected systems"
    pieces = "1 piece of content was" if totals["found"] == 1 else f"{totals['found']} pieces of content were"
    if told["request"]["right"] != Right.ERASURE:
        return f"{pieces} found in {places} and listed. Nothing was to be deleted."
    fates = [
        f"{totals[fate]} {said}"
        for fate, said in (
            ("deleted", "deleted"),
            ("already_gone", "already gone"),
            ("needs_person", "not deleted by the portal"),
            ("open", "not finished"),
            ("kept", "kept"),
        )
        if totals[fate]
    ]
    return f"{pieces} found in {places}: {_and(fates)}."


def _readings(totals: Facts) -> str:
    gone = totals["found"] - totals["kept"]
    if totals["verified_absent"] == gone:
        all_of_it = {1: "It was", 2: "Both were"}.get(gone, f"All {gone} were")
        return f"{all_of_it} looked for again in the system that held {'it' if gone == 1 else 'them'}, and not found."
    rest = [
        f"{totals[reading]} {said}"
        for reading, said in (
            ("verified_absent", "not found any more"),
            ("reappeared", "still or again there"),
            ("not_verifiable", "not verifiable"),
            ("not_verified", "not yet looked for"),
        )
        if totals[reading]
    ]
    return f"When they were looked for again: {_and(rest)}."


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# --- the rows --------------------------------------------------------------------------------------------------------


def _asked(told: Facts) -> list[list[str]]:
    request, reply = told["request"], _reply(told)
    between = f"{request['date_from'] or 'the beginning'} to {request['date_to'] or 'the freezing of the scope'}"
    dated = request["date_from"] or request["date_to"]
    outcome = request["outcome"] and _OUTCOMES.get(request["outcome"], words(request["outcome"]))
    return [
        ["Right", _label(Right, request["right"])],
        ["Jurisdiction", _label(Jurisdiction, request["jurisdiction"])],
        ["Came by", _label(Channel, request["channel"])],
        ["Scope", _label(Scope, request["scope"]) + (f", {between}" if dated else "")],
        ["Received", moment(request["received_at"])],
        *([["Searched", _searched(told)]] if told["searches"] else []),
        *([["Statistics read", _counted(told)]] if told["statistics"] else []),
        ["Scope frozen", moment(request["scope_as_of"]) if request["scope_as_of"] else "–"],
        ["State", _label(State, request["state"])],
        ["Outcome", outcome or "–"],
        ["Reply", reply],
        ["Closed", moment(request["closed_at"]) if request["closed_at"] else "–"],
    ]


def _searched(told: Facts) -> str:
    """The last search of each system, and what it cost."""
    last = {one["system"]: one for one in told["searches"]}
    return "; ".join(f"{system}: {_calls(one)}" for system, one in sorted(last.items()))


def _counted(told: Facts) -> str:
    """What it cost to read the statistics of each system, and how far back."""
    return "; ".join(f"{one['system']}, back to {_day(one['read_from'])}: {_calls(one)}" for one in told["statistics"])


def _calls(search: Facts) -> str:
    calls = "1 call" if search["calls"] == 1 else f"{search['calls']} calls"
    expected = "" if search["expected"] is None else f", {search['expected']} expected"
    together = f", in one pass for {search['shared']} requests" if (search["shared"] or 1) > 1 else ""
    return calls + expected + together


def _reply(told: Facts) -> str:
    reply = told["reply"]
    if reply is None:
        return "Not recorded yet" if told["request"]["state"] == State.VERIFIED else "–"
    channel = dict(REPLY_CHANNELS).get(reply["channel"], words(reply["channel"]))
    return f"{channel}, {moment(reply['at'])}"


def _step(step: Facts) -> list[str]:
    label = _STEPS.get(step["step"], _label(State, step["step"]))
    if step["step"] == State.VALIDATED and step["seen"] != State.RECEIVED:
        label = "Sent back"
    if step["step"] == State.VERIFIED and step["seen"] == State.PLANNED:
        label = "Nothing to delete"
    elif step["reason"]:
        label = f"{label} ({words(step['reason']).lower()})"
    return [label, moment(step["at"]), step["role"], step["pseudonym"]]


def _check(check: Facts) -> str:
    doubt = f"; {_label(Finding.Doubt, check['doubt']).lower()}" if check["doubt"] else ""
    method = _label(Finding.Method, check["method"])
    return f"{method}: {check['level']}, {check['result']}{doubt}, {moment(check['at'])} by {check['role']}"


def _list(each: Facts) -> Facts:
    approved = each["approved"]
    by = f"approved {moment(approved['at'])} by {approved['role']}" if approved else "nothing to approve"
    matches = "matches its items" if each["digest_holds"] else "DOES NOT MATCH its items"
    return {
        "title": f"List {each['version']} ({each['kind']})",
        "digest": each["digest"],
        "text": f"{each['delete']} to delete, {each['keep']} to keep; {by}. Recomputed now, the digest {matches}.",
    }


def _systems(told: Facts) -> list[Facts]:
    systems: dict[str, list[Facts]] = {}
    for row in told["content"]:
        systems.setdefault(row["system"], []).append(row)
    return [_system(name, rows) for name, rows in systems.items()]


def _system(name: str, rows: list[Facts]) -> Facts:
    """Classes with content as rows; the others in one sentence, so that the page stays short."""
    empty = [_inside(words(row["class"])) for row in rows if not row["found"]]
    return {
        "name": name,
        "rows": [_class(row) for row in rows if row["found"]],
        "empty": f"Searched for, and nothing held: {_and(empty)}." if empty else "",
    }


def _class(row: Facts) -> list[str]:
    grounds = "; ".join(f"{each['count']} × {_ground(each['ground'])}" for each in row["kept_grounds"])
    failed = row["needs_person"] + row["open"]
    verified = moment(row["last_verified_at"]) if row["last_verified_at"] else "–"
    cells = [row["found"], row["deleted"], row["already_gone"], failed, row["kept"], row["verified_absent"]]
    return [words(row["class"]), *(str(cell) if cell else "–" for cell in cells), verified, grounds]


def _ledger(ledger: Facts) -> str:
    if not ledger["entries"]:
        return "The ledger holds no entries about this request."
    first, last = ledger["first"], ledger["last"]
    span = f"{ledger['entries']} entries of the ledger tell of this request"
    if not ledger["all_numbered"]:
        ids = f"First id {first['id']}, last {last['id']}."
        return f"{span}; {ledger['waiting']} of them still wait for their number. {ids}"
    return f"{span}, from number {first['number']} to number {last['number']}. Each has its number."
