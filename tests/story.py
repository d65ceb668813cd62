"""Walks a request along its path through the real rooms, as far as a test needs it.

In:  people, identifiers, what the contact centre holds.
Out: the request, in the state that the last room left it in.
Never here: a shortcut. What a room would refuse, these functions cannot do either.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from content_app import brakes
from content_app.models import Candidate, Plan, Search, System
from requests_app import approval, intake, validation
from requests_app.models import Request

PHONE = ("phone", "+44 7700 900123")


def received(opened_by: User, **told: Any) -> Request:
    """A request that was just taken over the telephone."""
    defaults: dict[str, Any] = {
        "right": "erasure", "channel": "phone", "jurisdiction": "UK", "received_at": timezone.now(),
        "name": "Ines Example", "identifiers": [PHONE],
    }  # fmt: skip
    return intake.open_request(actor=opened_by, **(defaults | told)).request


def validated(opened_by: User, validated_by: User, **told: Any) -> Request:
    """A request whose person was called back at the number on file."""
    request = received(opened_by, **told)
    validation.record_finding(request.pk, actor=validated_by, method="callback", level="IAL-2", result="passed")
    validation.validate(request.pk, actor=validated_by)
    request.refresh_from_db()
    return request


def found(request: Request, system: System, *contents: dict[str, Any]) -> list[Candidate]:
    """As if discovery had found these contents: each a dict of ``Candidate`` fields, one call recording by default."""
    Search.objects.create(request=request, system=system, until=timezone.now(), finished_at=timezone.now())
    return [
        Candidate.objects.create(
            **{
                "request": request, "system": system, "external_id": f"00000000-0000-4000-8000-{number:012d}",
                "content_key": "callRecording", "content_class": "callRecording", "media_type": "audio/wav",
                "occurred_at": timezone.now() - timedelta(days=3), "direction": "inbound", "line": "+442079460000",
                "agents": ["1342"], "found_by": request.subject.identifiers.first(), "included": True,
                "link": "own_identifier",
            }
            | content
        )
        for number, content in enumerate(contents or ({},))
    ]  # fmt: skip


def approve(request: Request, plan: Plan, by: User, **told: Any) -> None:
    """A second person approves exactly this list, and says how many items it deletes."""
    listed = brakes.size(plan)
    seen: dict[str, Any] = {"digest": plan.digest, "expires_at": plan.expires_at, "items": listed, "listed": listed}
    approval.approve(request.pk, actor=by, plan_id=plan.pk, **(seen | told))
