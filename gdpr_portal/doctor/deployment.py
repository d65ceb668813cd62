"""Looks at the settings, the cache, the place where evidence is kept and the certificate that signs reports.

In:  Django's settings, the cache, the evidence folder, the certificate.
Out: findings.
Never here: a folder that is made, a permission that is mended.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from content_app.reporting import certificate
from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from requests_app.errors import Refused
from requests_app.models import Evidence

_LOCAL = {"127.0.0.1", "localhost", "::1"}
#: Live documents whose file is looked for.
_SAMPLE = 1000
#: A certificate that ends within this time is renewed now.
_SOON = timedelta(days=30)


def settings_are_safe() -> Findings:
    """What must be off in a deployment, and what must be said."""
    if settings.DEBUG:
        yield fail(
            "settings", "DEBUG is on: error pages show settings and data.", "Use gdpr_portal.settings unchanged."
        )
    if settings.DEMO:
        yield warn("settings", "DEMO is on: the passwords of its accounts are public.", "Unset DEMO in a deployment.")
    if "*" in settings.ALLOWED_HOSTS:
        yield fail("settings", "Every host name is accepted.", "Name the portal's own in PORTAL_HOSTS.")
    elif not settings.DEMO and set(settings.ALLOWED_HOSTS) <= _LOCAL:
        yield warn("settings", "Only this machine can reach the portal.", "Name the portal's host in PORTAL_HOSTS.")
    if not settings.DEMO and not settings.BEHIND_TLS:
        does = "Put a TLS proxy in front and remove PORTAL_TLS=0 (docs/operations.md)."
        yield fail("settings", "Cookies and pages travel without TLS.", does)
    if not settings.DEMO and not settings.PORTAL_RATE_LIMIT:
        does = "Remove PORTAL_RATE_LIMIT=0; it is for a sandbox."
        yield fail("settings", "The limits of the connected systems are not kept.", does)
    if not settings.DEMO and not settings.PORTAL_APPROVAL_DELAY_HOURS:
        does = "Set PORTAL_APPROVAL_DELAY_HOURS, so that an approval can be taken back."
        yield warn("settings", "Deletion begins at once after an approval.", does)
    yield ok("settings", "The settings were read.")


def cache_is_shared() -> Findings:
    """Sign-in throttling counts in the cache: it must be one for all processes."""
    backend = settings.CACHES["default"]["BACKEND"]
    if "locmem" in backend or "dummy" in backend:
        does = "Remove CACHE_URL (files of one host), or set it to one that all hosts share."
        yield fail("cache", "Each process has a cache of its own, so failed sign-ins are not counted together.", does)
        return
    name = f"doctor-{secrets.token_hex(4)}"
    cache.set(name, name, timeout=60)
    kept = cache.get(name) == name
    cache.delete(name)
    if not kept:
        yield fail("cache", "The cache does not keep what it is told.", "Check CACHE_URL and the folder's permissions.")
        return
    reach = "of this host" if "filebased" in backend else "of all hosts that use it"
    yield ok("cache", f"One cache serves all processes {reach}.")


def evidence_is_kept_well() -> Findings:
    """The folder is private, writable and where no web server looks; every live document has its file."""
    if not isinstance(default_storage, FileSystemStorage) and not hasattr(default_storage, "location"):
        yield warn("storage", "Evidence is not kept in a folder.", "Check by hand that only the portal can read it.")
        return
    place = Path(default_storage.location).resolve()
    yield from _place_is_private(place)
    live = Evidence.objects.filter(destroyed_at__isnull=True).order_by("-added_at")
    names = list(live.values_list("file", flat=True)[:_SAMPLE])
    if lost := sum(not (place / name).is_file() for name in names):
        does = "Restore the evidence folder that belongs to this database (docs/operations.md)."
        yield fail("storage", f"{lost} of the {len(names)} newest documents have no file.", does)


def _place_is_private(place: Path) -> Findings:
    for served in (settings.STATIC_ROOT, *settings.STATICFILES_DIRS):
        if place.is_relative_to(Path(served).resolve()):
            yield fail("storage", "Evidence lies inside a folder of static files.", "Set PORTAL_VAR_DIR elsewhere.")
    if not place.is_dir():
        if os.access(place.parent, os.W_OK):
            yield ok("storage", "No evidence was ever kept; its folder comes with the first document.")
        else:
            does = "Let the portal's account write to PORTAL_VAR_DIR."
            yield fail("storage", "The folder for evidence can be neither found nor made.", does)
        return
    if stat.S_IMODE(place.stat().st_mode) & 0o077:
        does = "chmod 700 the folder evidence in PORTAL_VAR_DIR."
        yield fail("storage", "Other accounts of this machine can enter the evidence folder.", does)
    try:
        with tempfile.TemporaryFile(dir=place):
            yield ok("storage", "The evidence folder is there and can be written to.")
    except OSError:
        does = "Give the folder to the portal's account, and make room on the disk."
        yield fail("storage", "The evidence folder cannot be written to.", does)


def reports_are_signed() -> Findings:
    """There is a certificate to sign reports with, it holds, and readers know who vouches for it."""
    try:
        found = certificate.known()
    except Refused as refused:
        does = "Check PORTAL_REPORT_CERTIFICATE, its password and who may read it (docs/operations.md)."
        yield fail("reports", refused.message, does)
        return
    own = "Set PORTAL_REPORT_CERTIFICATE to one that readers of PDF files know (docs/operations.md)."
    if found is None:
        yield warn("reports", "The portal will make a certificate for itself with the first signed report.", own)
        return
    yield from _certificate_holds(found)
    says = f"Reports are signed. SHA-256 of the certificate: {found.fingerprint}."
    if found.self_made:
        yield warn("reports", f"{says} The portal made it itself, so no reader of PDF files knows it.", own)
    else:
        yield ok("reports", says)


def _certificate_holds(found: certificate.Certificate) -> Findings:
    now, ends = timezone.now(), found.until.strftime("%-d %B %Y")
    does = "Renew the certificate (docs/operations.md)."
    if found.until <= now:
        yield fail("reports", f"The certificate ended on {ends}, and no report can be made as PDF.", does)
    elif found.until - now < _SOON:
        yield warn("reports", f"The certificate ends on {ends}.", does)
    if found.since > now:
        yield fail("reports", "The certificate does not hold yet.", "Look at the certificate, and at the clock.")
