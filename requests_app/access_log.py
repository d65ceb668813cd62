"""Notes who looked at personal data, or took some of it out of the portal, and why.

In:  a user, what they did, the object's random id, a coded reason.
Out: one ``AccessLogEntry``.
Never here: the data that was looked at, or the words that were searched for.
"""

from typing import Any
from uuid import UUID

from requests_app.models import AccessLogEntry

What = AccessLogEntry.What
Reason = AccessLogEntry.Reason


def note(user: Any, what: AccessLogEntry.What, *, object_id: UUID | str = "", reason: str = "") -> None:
    """Write down one view or export."""
    AccessLogEntry.objects.create(user=user, what=what, object_id=str(object_id), reason=reason)
