"""Checks that run before the portal starts: a deployment that cannot keep its promises does not come up."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from requests_app import keys


@register()
def keys_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The key rings parse, and no two of them share a key."""
    try:
        shared = keys.shared_between_rings()
    except ImproperlyConfigured as problem:
        return [Error(str(problem), id="portal.E001")]
    return [Error(f"{one} and {other} must not share a key.", id="portal.E002") for one, other in shared]


@register()
def the_brake_can_brake(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """No cap is switched off, and one approver's is no larger than everybody's."""
    lowest = {"PORTAL_PLAN_CAP": 1, "PORTAL_DAY_CAP": 1, "PORTAL_APPROVER_CAP": 1, "PORTAL_TYPED_ABOVE": 0}
    lowest |= {"PORTAL_APPROVAL_DELAY_HOURS": 0}
    wrong: list[CheckMessage] = [
        Error(f"{name} must be {least} or more.", id="portal.E003")
        for name, least in lowest.items()
        if getattr(settings, name) < least
    ]
    if settings.PORTAL_APPROVER_CAP > settings.PORTAL_DAY_CAP:
        says = "PORTAL_APPROVER_CAP is larger than PORTAL_DAY_CAP, so it never brakes."
        wrong.append(Warning(says, hint="Lower the one or raise the other.", id="portal.W002"))
    return wrong


@register()
def metrics_token_is_long(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A short token is soon guessed, and nothing throttles a scraper."""
    if 0 < len(settings.PORTAL_METRICS_TOKEN) < 16:
        return [
            Error(
                "PORTAL_METRICS_TOKEN is shorter than 16 characters.",
                id="portal.E004",
                hint="Make one with: openssl rand -hex 16",
            )
        ]
    return []


@register(deploy=True)
def demo_is_off(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The demo prints passwords."""
    return [Warning("DEMO is on: its passwords are public.", id="portal.W001")] if settings.DEMO else []
