"""Looks at what stands between the portal and strangers' files: the decoding process and the virus scanner.

In:  a page of our own, drawn; the scanner's word about a clean file, a test virus and a locked archive.
Out: findings.
Never here: anybody's document.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from requests_app import virus_scan
from requests_app.decoding import process
from requests_app.decoding.frames import Unfit
from requests_app.errors import Refused

#: Signatures that are older were not fetched for days.
FRESH = timedelta(days=7)
#: What the locks of ``requests_app.decoding.confinement`` keep out, for whoever reads that one is missing.
_KEPT_OUT = {
    "calls": "system calls (seccomp)",
    "files": "files (Landlock)",
    "network": "the network (user namespaces)",
    "account": "the rights of root",
    "limits": "resources without limit",
}
_PAGE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)
#: The test virus that all scanners know, in two halves so that none stops this file, and an archive that says that it
#: is encrypted.
_VIRUS = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")
_LOCKED = bytes.fromhex(
    "504b0304140001000000000021000f1828bb100000001000000001000000" "61" + "78" * 16
    + "504b01021403140001000000000021000f1828bb10000000100000000100000000000000000000008001000000" "0061"
    "504b050600000000010001002f0000002f0000000000"
)  # fmt: skip


def files_are_decoded_apart() -> Findings:
    """The process that decodes works on this host, and how well it is locked in."""
    try:
        held = process.locks()
        drawn = list(process.decode(_PAGE, "application/pdf"))
    except Unfit as unfit:
        does = "No document can be added. Start Python by hand as the portal's account, and mend what it reports."
        yield fail("uploads", f"The process that decodes documents does not work ({unfit.verdict}).", does)
        return
    missing = [words for lock, words in _KEPT_OUT.items() if lock not in held]
    if not drawn or not ({"calls", "limits"} <= set(held)):
        does = "Run the portal on Linux on x86-64 or 64-bit ARM, and let it use seccomp (docs/evidence.md)."
        yield warn("uploads", f"The process that decodes documents is not locked out of: {', '.join(missing)}.", does)
    else:
        also = f" This host does not offer the lock on: {', '.join(missing)}." if missing else ""
        yield ok("uploads", f"Documents are decoded in a process of their own, under {len(held)} locks.{also}")


def files_are_scanned() -> Findings:
    """The scanner answers, knows what a virus is, and does not call clean what it cannot see."""
    if not settings.PORTAL_CLAMD:
        if settings.DEMO:
            yield ok("uploads", "No virus scanner; it is the demo.")
        else:
            does = "Run a ClamAV daemon, and name its socket in PORTAL_CLAMD (docs/evidence.md)."
            yield warn("uploads", "No virus scanner looks at documents.", does)
        return
    told = {name: _verdict(data) for name, data in (("clean", _PAGE), ("virus", b"".join(_VIRUS)), ("locked", _LOCKED))}
    if told["clean"] == "evidence_unscanned":
        does = "No document can be added. Start clamd, and check PORTAL_CLAMD and who may open its socket."
        yield fail("uploads", "The virus scanner does not answer.", does)
        return
    if told["clean"] or told["virus"] != "evidence_infected":
        does = "Let freshclam fetch the signatures, and restart clamd."
        yield fail("uploads", "The virus scanner does not tell a virus from a blank page.", does)
        return
    if told["locked"] != "evidence_unscannable":
        does = "Set AlertEncrypted and AlertExceedsMax to yes in clamd.conf, and restart clamd."
        yield warn("uploads", "The virus scanner calls clean what it cannot look into.", does)
    yield from _signatures_are_fresh()


def _verdict(data: bytes) -> str:
    try:
        virus_scan.scan(data)
    except Refused as refused:
        return refused.code
    return ""


def _signatures_are_fresh() -> Findings:
    """``ClamAV 1.4.6/27500/Mon Nov 23 08:24:00 2026``; without signatures of the project's the date is not there."""
    version = virus_scan.ask(b"zVERSION\0").decode(errors="replace")
    found = re.fullmatch(r"ClamAV [^/]+/\d+/(.+)", version)
    try:
        made = datetime.strptime(found[1] if found else "", "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        yield warn("uploads", "The virus scanner does not say how old its signatures are.", "Check freshclam's log.")
        return
    age = timezone.now() - made
    if age > FRESH:
        yield warn("uploads", f"The virus scanner's signatures are {age.days} days old.", "Check freshclam's log.")
    else:
        yield ok("uploads", "A virus scanner looks at every document first.")
