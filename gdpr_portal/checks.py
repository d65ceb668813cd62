"""Checks that run before the portal starts: a deployment that cannot keep its promises does not come up."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from requests_app import keys


@register()
def keys_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Both key rings parse, and are not the same key twice."""
    try:
        keks, index = keys.key_encryption_keys(), keys.index_keys()
    except ImproperlyConfigured as problem:
        return [Error(str(problem), id="portal.E001")]
    if set(keks.values()) & set(index.values()):
        return [Error("PORTAL_KEKS and PORTAL_INDEX_KEYS must not share a key.", id="portal.E002")]
    return []


@register(deploy=True)
def demo_is_off(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The demo prints passwords."""
    return [Warning("DEMO is on: its passwords are public.", id="portal.W001")] if settings.DEMO else []
