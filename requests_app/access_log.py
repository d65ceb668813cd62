"""Notes who looked at personal data, or took some of it out of the portal, and why.

In:  a user, what they did, the object's random id, a coded reason.
Out: one ``AccessLogEntry``.
Never here: the data that was looked at, or the words that were searched for. No line is without a reason.
"""

from typing import Any
from uuid import UUID

from requests_app.models import AccessLogEntry

What = AccessLogEntry.What
Reason = AccessLogEntry.Reason


def _told(*reasons: AccessLogEntry.Reason) -> tuple[tuple[str, str], ...]:
    return tuple((one.value, str(one.label)) for one in reasons)


#: What somebody may choose who does not work on requests and looks at a person all the same.
CHOOSABLE = _told(
    Reason.AUDIT_SAMPLE, Reason.COMPLAINT, Reason.SUPERVISORY_REQUEST, Reason.INCIDENT, Reason.SUPPORT
)  # fmt: skip
#: What a document may be opened for.
FOR_EVIDENCE = _told(
    Reason.IDENTITY_CHECK, Reason.AUTHORITY_CHECK, Reason.READING_REQUEST, Reason.SECOND_LOOK, Reason.COMPLAINT,
    Reason.SUPERVISORY_REQUEST, Reason.INCIDENT,
)  # fmt: skip


def reason_of(user: Any) -> AccessLogEntry.Reason:
    """The reason that comes with the role: work on requests, or oversight of it."""
    return Reason.CASEWORK if user.has_perm("requests_app.see_personal_data") else Reason.OVERSIGHT


def note(user: Any, what: AccessLogEntry.What, *, object_id: UUID | str = "", reason: str = "") -> None:
    """Write down one view or export. Without a chosen reason it is the role's own."""
    AccessLogEntry.objects.create(user=user, what=what, object_id=str(object_id), reason=reason or reason_of(user))
