"""The portal's settings, for tests.

In:  ``DATABASE_URL``, if it is set: the same tests run on SQLite and on PostgreSQL.
Out: Django's settings over keys of their own, in a directory that goes when the process ends.
Never here: anything of the developer's environment, and no other policy. What is weaker here (a password hasher, disk
flushes, the pace of calls) makes tests fast; it allows nothing that the portal forbids.
"""

import atexit
import base64
import os
import shutil
import tempfile

from tests import certificates

for _name in list(os.environ):
    if _name == "DEMO" or _name.startswith(("PORTAL_", "VCC_")):
        del os.environ[_name]
if not os.environ.get("DATABASE_URL"):
    os.environ.pop("DATABASE_URL", None)

_var = tempfile.mkdtemp(prefix="portal-tests-")
atexit.register(shutil.rmtree, _var, ignore_errors=True)
#: A test that starts a portal process of its own shows it the ledger that it has itself.
_ledger = os.environ.get("TESTS_LEDGER_DIR", f"{_var}/ledger")

os.environ |= {
    "PORTAL_VAR_DIR": _var,
    "PORTAL_LEDGER_DIR": _ledger,
    "PORTAL_LEDGER_KEYS_DIR": f"{_ledger}-keys",
    "PORTAL_LEDGER_NAME": "portal.test/audit",
    "PORTAL_SECRET_KEY": "tests-only-not-a-secret-tests-only-not-a-secret-0123456789",
    "PORTAL_KEKS": "1:" + base64.b64encode(b"k" * 32).decode(),
    "PORTAL_INDEX_KEYS": "1:" + base64.b64encode(b"i" * 32).decode(),
    "PORTAL_DIGEST_KEYS": "1:" + base64.b64encode(b"d" * 32).decode(),
    "PORTAL_TLS": "0",
    "PORTAL_RATE_LIMIT": "0",
    "PORTAL_LOG_LEVEL": "WARNING",
    "PORTAL_REPORT_CERTIFICATE": certificates.write(f"{_var}/tests.p12", password="not-a-secret"),
    "PORTAL_REPORT_CERTIFICATE_PASSWORD": "not-a-secret",
    # Playwright's synchronous interface runs inside an event loop, where Django would refuse the database.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
}

from gdpr_portal.settings import *  # noqa: E402, F403
from gdpr_portal.settings import DATABASES, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;PRAGMA secure_delete=ON;PRAGMA foreign_keys=ON;"
    )

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Static files straight from their folders: no `collectstatic` before a test.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
