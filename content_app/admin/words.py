"""What the workshop's screens call things, in the words of people who answer telephones.

In:  codes of the vendor and of our own tables.
Out: words, counted phrases, and for everything that needs a person the sentence that says what to do.
Never here: a query, or markup. An unknown class keeps its name, spelt apart; it is never hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from content_app.models import Candidate, Cap, Errand
from requests_app.models import ApprovalBar

Attention, Doubt, Ground = Errand.Attention, Candidate.Doubt, ApprovalBar.Ground

#: content class → (one, several). What several systems hold under one name is called the same.
CLASSES: dict[str, tuple[str, str]] = {
    "callRecording": ("call recording", "call recordings"),
    "transcript": ("call transcript", "call transcripts"),
    "categorizationResult": ("set of call topics", "sets of call topics"),
    "sentimentSummary": ("sentiment summary", "sentiment summaries"),
    "screenRecording": ("screen recording", "screen recordings"),
    "voicemail": ("voicemail", "voicemails"),
    "ivrAudioRecording": ("telephone menu recording", "telephone menu recordings"),
    "videoRecording": ("video recording", "video recordings"),
    "chatTranscript": ("chat transcript", "chat transcripts"),
    "attachment": ("attachment", "attachments"),
    "conversationSummary": ("conversation summary", "conversation summaries"),
    "interactionLog": ("interaction log", "interaction logs"),
    "interactionStatistics": ("interaction statistics", "interaction statistics"),
    "auditLog": ("audit log", "audit logs"),
    "exportedCopies": ("exported copies", "exported copies"),
    "crmRecords": ("CRM records", "CRM records"),
    "dataSourceMappings": ("data source mappings", "data source mappings"),
}

DIRECTIONS = {"inbound": "Incoming", "outbound": "Outgoing"}

#: Why a person must decide: (tone, words) of a badge.
DOUBTS: dict[str, tuple[str, str]] = {
    Doubt.SHARED: ("amber", "Shared with others"),
    Doubt.AMBIGUOUS: ("amber", "Perhaps another person's number"),
    Doubt.COMPANY_SIDE: ("amber", "Found on the company's side"),
    Doubt.NAMED: ("violet", "Named by the person"),
}

#: Why somebody may not approve, said of a third person.
BARRED = {
    Ground.OPENED: "took the request",
    Ground.VALIDATED: "validated it",
    Ground.SUBJECT: "is the person it is about",
    Ground.HEARD: "is heard on an item of the list",
    Ground.SET_HOLD: "set a legal hold on it",
}

_SYSTEMS, _SAFEGUARDS = "admin:content_app_system_changelist", "admin:content_safeguards"
#: What a person must look at: (what is the matter, what to do, the URL name of the place to do it).
ATTENTION: dict[str, tuple[str, str, str]] = {
    Attention.SHADOW: (
        "A connected system is in shadow mode",
        "Nothing can be deleted there. Two people enable deletion on its page; the work then goes on by itself.",
        _SYSTEMS,
    ),
    Attention.STOPPED: (
        "The emergency stop is set",
        "No call is made until it is lifted, of this system or of all; the work then goes on by itself.",
        _SAFEGUARDS,
    ),
    Attention.CREDENTIALS: (
        "A connected system refuses our credentials",
        "An administrator tests the connection on the system's page; each failed check says what to do.",
        _SYSTEMS,
    ),
    Attention.STATISTICS: (
        "A connected system does not let us read its statistics",
        "An administrator adds the scope stats to the account, or switches reading statistics off on the system's "
        "page. The work then goes on by itself.",
        _SYSTEMS,
    ),
    Attention.UNREACHABLE: (
        "A connected system does not answer properly",
        "It is tried again by itself, more and more slowly. Nothing is lost. If it lasts, test the connection.",
        _SYSTEMS,
    ),
    Attention.NEEDS_PERSON: (
        "A person must look before this can be finished",
        "Some items failed for good, or the first deletion did not take effect. The proof names them.",
        "",
    ),
    Attention.DIGEST: (
        "The list does not match its approved fingerprint",
        "Nothing is deleted. Tell whoever runs the portal: somebody has changed rows that nobody may change.",
        "",
    ),
    Attention.LEDGER: (
        "The ledger is not published",
        "Nothing is deleted until it is; the work then goes on by itself. Whoever runs the portal finds the reason "
        "with manage.py doctor.",
        "",
    ),
    Attention.BRAKED: (
        "The brake holds this list",
        "Nothing of it is deleted beyond the cap. A second supervisor releases it on this page; where only a day's "
        "allowance is used up, it also goes on by itself tomorrow.",
        _SAFEGUARDS,
    ),
    Attention.PAUSED: (
        "A connected system is left alone for a while",
        "Several calls in a row have failed there. One call tries it again by itself, and the work goes on once it "
        "answers. Nothing is lost.",
        _SYSTEMS,
    ),
    Attention.POISONED: (
        "The work died each time it was begun",
        "It is not tried again by itself. Whoever runs the portal finds the reason in the log; then a supervisor "
        "starts it again here. What was done already is not done twice.",
        "",
    ),
    Attention.DEADLINE: (
        "It still fails, and the deadline is near",
        "It is not tried again by itself, so that there is time to do it by hand. Once the reason is mended, a "
        "supervisor starts it again here.",
        "",
    ),
    Attention.CRASHED: (
        "The work ended in an unexpected fault",
        "It is tried again by itself. If it lasts, whoever runs the portal finds the reason in the log.",
        "",
    ),
}


def beyond(cap: str, most: int, used: int) -> str:
    """What a cap of the brake allows, and how much of it is used, in one phrase."""
    match Cap(cap):
        case Cap.PLAN:
            return f"{counted(most, 'file')} of one list"
        case Cap.DAY:
            return f"{counted(most, 'file')} a day, of which {used:,} are used today"
    return f"{counted(most, 'file')} a day on one person's approvals, of which {used:,} are used today"


def class_word(content_class: str, count: int = 1) -> str:
    """One class as a person reads it, for one or for several."""
    one, several = CLASSES.get(content_class) or _spelt_apart(content_class)
    return one if count == 1 else several


def _spelt_apart(content_class: str) -> tuple[str, str]:
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", content_class).lower()
    return word, word


def capitalised(text: str) -> str:
    """With a capital first letter, the rest as it is: «CRM records»."""
    return text[:1].upper() + text[1:]


def counted(count: int, one: str, several: str = "") -> str:
    """``3 files``, ``1 file``."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def in_words(counts: Iterable[tuple[str, int]]) -> str:
    """``12 call recordings, 3 voicemails and 1 attachment``; empty for nothing. No line ends after a number."""
    return joined([f"{count:,}\N{NO-BREAK SPACE}{class_word(name, count)}" for name, count in counts if count])


def joined(parts: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
