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
def metrics_token_is_long(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A short token is soon guessed, and nothing throttles a scraper."""
    if 0 < len(settings.PORTAL_METRICS_TOKEN) < 16:
        return [
            Error(
                "PORTAL_METRICS_TOKEN is shorter than 16 characters.",
                id="portal.E003",
                hint="Make one with: openssl rand -hex 16",
            )
        ]
    return []


@register(deploy=True)
def demo_is_off(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The demo prints passwords."""
    return [Warning("DEMO is on: its passwords are public.", id="portal.W001")] if settings.DEMO else []
