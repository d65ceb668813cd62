"""What every room asks at its door: may this person, is the request where it should be, is it about themselves?

In:  a person, a permission, a request.
Out: nothing, or ``Refused`` with a sentence that says what to do.
Never here: a way around. A superuser has every permission, and is still refused where four eyes are needed.
"""

from typing import Any

from django.utils import timezone

from requests_app.errors import Refused
from requests_app.models import Request
from requests_app.states import State


def require(actor: Any, *permissions: str) -> None:
    """``Refused`` unless the person has at least one of the permissions."""
    if not any(actor.has_perm(permission) for permission in permissions):
        raise Refused("not_permitted", "Your role may not do this. Ask a colleague whose role may.")


def require_state(request: Request, *states: State) -> None:
    """``Refused`` unless the request is live and in one of the states."""
    if request.origin == Request.Origin.HISTORY:
        raise Refused("history", "This request is closed history and cannot be changed.")
    if request.subject.forgotten_at:
        raise Refused("forgotten", f"{words_of_forgetting(request)} Nothing of this request can be changed any more.")
    if request.state not in states:
        now = State(request.state).label.lower()
        raise Refused("wrong_state", f"The request is {now}; this is not possible now. Reload the page.")


def words_of_forgetting(request: Request) -> str:
    """The sentence that every page and report says of a request whose person is forgotten."""
    at = request.subject.forgotten_at
    return f"The person was forgotten on {timezone.localtime(at):%-d %B %Y}." if at else ""


def require_not_the_subject(request: Request, actor: Any) -> None:
    """``Refused`` when the request is about the person who acts."""
    if actor.pk in (request.subject_user_id, request.subject.staff_user_id):
        raise Refused("own_request", "This request is about you. A colleague must handle it.")


def require_reason(reason: str, reasons: tuple[tuple[str, str], ...]) -> None:
    """``Refused`` unless the reason is one of the coded ones."""
    if reason not in dict(reasons):
        raise Refused("no_reason", "Choose a reason from the list.")
