"""Whether the machinery runs, fast enough to be asked every few seconds.

In:  signs of life, the queue, what the publisher has noted.
Out: looks; the first that is not well makes ``manage.py health`` end with 1.
Never here: a change, or a call to an outside system. The doctor makes those.
"""

from __future__ import annotations

import socket

from django.db import Error

from content_app import heartbeats, operations
from content_app.heartbeats import Part
from content_app.operations import Look
from requests_app import publisher


def looks(*, here: bool = False, part: str | None = None) -> list[Look]:
    """All there is to say: of every host or this one, of every part or one. A database that is away is a look."""
    try:
        return [Look("database", True, "The database answers."), *_looks(here=here, part=part)]
    except Error as error:
        says = f"The database does not answer ({type(error).__name__})."
        return [Look("database", False, says, "Start PostgreSQL, or mend DATABASE_URL.")]


def _looks(*, here: bool, part: str | None) -> list[Look]:
    """A host need not have every part; the part that was asked for must be there."""
    signs = heartbeats.signs(host=socket.gethostname()[:64] if here else "")
    wanted = [Part(part)] if part else [] if here else list(Part)
    found = list(operations.machinery(signs, wanted=wanted))
    if part:
        return [look for look in found if look.what == part]
    fault = publisher.fault()
    return [*found, Look("ledger", not fault, fault or "The ledger fits what was published.")]
