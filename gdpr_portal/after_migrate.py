"""What a migration ends with: roles as the code says, and the first account as the environment says.

In:  Django's ``post_migrate``, after the last application's.
Out: groups, and the row of the contact centre account that the environment names.
Never here: anything that depends on data of people.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS

from content_app import systems
from gdpr_portal import roles


def run(using: str = DEFAULT_DB_ALIAS, plan: Any = (), **kwargs: Any) -> None:
    """Permissions are made application by application; make them all first, whatever the order."""
    if using != DEFAULT_DB_ALIAS:
        return
    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0, using=using)
    roles.sync()
    systems.sync_first_account()
