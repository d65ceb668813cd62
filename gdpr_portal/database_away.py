"""The page for a fault that no view expected: a plain one where the database cannot be used, Django's own otherwise.

In:  a request whose view ended in an exception; Django has logged it.
Out: status 503 with what to do, where the database was away, locked, full or read only; else 500 as ever.
Never here: a question to the database, the words of the exception, a retry. Neither page needs a session.
"""

import sys

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.defaults import server_error

#: Seconds after which a browser may ask again.
_LATER = 30
#: PostgreSQL says "read only" as an internal error: its class of codes for a transaction in the wrong state.
_READ_ONLY = "25006"


def explain(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``. It is called while the exception is being handled."""
    if not _is_away(sys.exception()):
        return server_error(request)
    page = HttpResponse(loader.get_template("503_database.html").render(), status=503)
    page.headers["Retry-After"] = str(_LATER)
    page.headers["Cache-Control"] = "no-store"
    return page


def _is_away(error: BaseException | None) -> bool:
    """The database could not be used, now: not a rule of it that somebody has broken."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, DatabaseError) and getattr(error.__cause__, "sqlstate", None) == _READ_ONLY
