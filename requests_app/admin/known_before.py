"""What the portal knows of a person from before: requests of theirs that it has forgotten, and the suppression list.

In:  a request, and who looks.
Out: plain values for a card on its page; the acts that put a person on the list and take them off.
Never here: an identifier. Digests are compared, and links lead to requests without a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from requests_app import digests, keys, suppression
from requests_app.admin import request_views
from requests_app.models import Request, Suppression
from requests_app.states import State


@dataclass(frozen=True, slots=True)
class KnownBefore:
    """What a page says: requests from before, entries of the list, and what this viewer may do about it."""

    earlier: list[Request]
    entries: list[Suppression]
    may_change: bool
    channels: list[tuple[str, str]]


def known_before(request: Request, user: User) -> KnownBefore | None:
    """``None`` once the person is forgotten: then nobody can compare."""
    if request.subject.forgotten_at:
        return None
    try:
        known = keys.identifiers_of(request.subject_id)
    except keys.Forgotten:
        return None
    own = user.pk in (request.subject_user_id, request.subject.staff_user_id)
    identified = request.state not in (State.RECEIVED, State.NOT_IDENTIFIED)
    live = request.origin == Request.Origin.LIVE
    may_change = user.has_perm("requests_app.suppress_subject") and not own and identified and live
    return KnownBefore(digests.earlier(known), suppression.hits(known), may_change, Suppression.Channel.choices)


def suppress(page: object, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Put the person on the suppression list."""
    dsr = request_views.found(page, request, request_id)
    channel, user = request.POST.get("channel", ""), request_views.user_of(request)
    return request_views.act(
        request, dsr, lambda: suppression.suppress(dsr.pk, actor=user, channel=channel),
        done="The person is on the suppression list. Tell them that this entry stays, and why.",
    )  # fmt: skip


def lift(page: object, request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Take the person off the suppression list."""
    dsr = request_views.found(page, request, request_id)
    user = request_views.user_of(request)
    return request_views.act(
        request, dsr, lambda: suppression.lift(dsr.pk, actor=user), done="The person is off the suppression list."
    )
