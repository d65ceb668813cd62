"""Production's settings for measuring pages in one process: static files by their plain names, no collecting before.

In:  the environment, as ``gdpr_portal.settings`` reads it.
Out: Django's settings.
Never here: anything that makes a page quicker than it is.
"""

from gdpr_portal.settings import *  # noqa: F403
from gdpr_portal.settings import ALLOWED_HOSTS, STORAGES

STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
