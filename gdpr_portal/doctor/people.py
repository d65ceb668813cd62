"""Looks at who is there: has every role someone, can two people decide, who is above the roles?

In:  active accounts and their groups.
Out: findings with roles and counts.
Never here: a name.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from gdpr_portal.roles import ROLES

_APPROVE, _ENABLE = "requests_app.approve_request", "content_app.enable_deletion"


def _holding(permission: str) -> QuerySet[User]:
    """Active people in a role with this permission; superusers hold every one and are nobody's deputy."""
    roles = [role for role, held in ROLES.items() if permission in held]
    return User.objects.filter(is_active=True, is_superuser=False, groups__name__in=roles).distinct()


def roles_are_filled() -> Findings:
    """Every role has an active person."""
    filled = set(User.objects.filter(is_active=True).values_list("groups__name", flat=True))
    if empty := [role for role in ROLES if role not in filled]:
        does = "Let an administrator give each role to someone, or decide that nobody needs it."
        yield warn("people", f"Nobody has the role of {', '.join(empty)}.", does)
    else:
        yield ok("people", "Every role has someone.")


def four_eyes_are_there() -> Findings:
    """Someone can approve, and there is a deputy who is not the one that makes accounts."""
    approvers = _holding(_APPROVE)
    independent = approvers.exclude(groups__name="administrator").count()
    does = "Let an administrator give the role of supervisor to someone who is no administrator."
    if not approvers.exists():
        yield fail("people", "Nobody can approve a list.", does)
    elif not independent:
        yield fail("people", "Whoever can approve is an administrator too, and could make the second person.", does)
    elif independent < 2:
        yield warn("people", "Only one person can approve; when they are barred, the request waits.", does)
    else:
        yield ok("people", f"{independent} people can approve.")
    if _holding(_ENABLE).count() < 2:
        does = "Give the role of supervisor or administrator to a second person."
        yield warn("people", "Enabling deletion on a system needs two people, and there are not two who may.", does)


def superusers_are_known() -> Findings:
    """A superuser has every permission. Four eyes bind them; nothing else does."""
    if count := User.objects.filter(is_active=True, is_superuser=True).count():
        does = "Switch the account off once it has made the first administrator."
        yield warn("people", f"{count} superusers are active.", does)
    else:
        yield ok("people", "No superuser is active.")
