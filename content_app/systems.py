"""Connected systems: from the environment to a row, from a row to a connector, and who may delete when.

In:  a ``System`` row, the environment, a person.
Out: a connector behind a gate that honours the emergency stop, the shared rate limit and the one-delete lease.
Never here: a secret in a row. Shadow mode is passed to the connector itself, which refuses every delete.
"""

import environ
from django.conf import settings

from content_app.models import System


def sync_first_account() -> None:
    """Make the row of the account that ``VCC_GATEWAY_URL`` names, in shadow mode, or bring its addresses up to date."""
    if not settings.VCC_GATEWAY_URL:
        return
    System.objects.update_or_create(
        credential="VCC",
        defaults={
            "gateway_url": settings.VCC_GATEWAY_URL,
            "auth_url": settings.VCC_AUTH_URL or settings.VCC_GATEWAY_URL,
            "client_auth": settings.VCC_CLIENT_AUTH,
            "history_days": settings.VCC_HISTORY_DAYS,
            "region": settings.PORTAL_REGION,
        },
        create_defaults={
            "name": "Contact centre",
            "kind": "vcc",
            "gateway_url": settings.VCC_GATEWAY_URL,
            "auth_url": settings.VCC_AUTH_URL or settings.VCC_GATEWAY_URL,
            "client_auth": settings.VCC_CLIENT_AUTH,
            "history_days": settings.VCC_HISTORY_DAYS,
            "region": settings.PORTAL_REGION,
        },
    )
