"""Four eyes · Bars a person from approving a request, through one door.

In:  a request, a person, the ground; whoever did what bars them.
Out: an ``ApprovalBar`` and its ledger entry, in the caller's transaction.
Never here: a bar that is taken back, or one that the ledger does not know.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User

from requests_app import audit
from requests_app.models import ApprovalBar, Request


def bar(request: Request, *, user: User, ground: ApprovalBar.Ground, actor: audit.Actor) -> bool:
    """Bar a person on this ground, once; ``True`` when they were not barred on it before."""
    _, fresh = ApprovalBar.objects.get_or_create(request=request, user=user, ground=ground)
    if fresh:
        person = UUID(audit.pseudonym_of(user))
        audit.append("approval.barred", actor=actor, about=request, person=person, ground=ground)
    return fresh
