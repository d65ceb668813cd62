"""Looks at how the ledger is kept: its key, where it is published, who besides the portal has seen it.

In:  the settings, the key's file, the newest checkpoint.
Out: findings.
Never here: a key that is read, a checkpoint that is signed, a witness that is asked.
"""

from __future__ import annotations

import os
import pwd
import stat
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from requests_app import clock, publisher, signing_keys, tile_store
from requests_app.models import Checkpoint, Cosignature, LedgerLog
from requests_app.signed_note import COSIGNATURE_V1, BadNote, VerifierKey

#: A checkpoint is signed every second; a witness that has not signed for so long is away, or refuses.
SILENCE = timedelta(minutes=3)


def is_sound() -> Findings:
    """What is published and what is stored fit, as far as whoever publishes has seen."""
    if fault := tile_store.fault_of(Path(settings.PORTAL_LEDGER_DIR)):
        yield fail("ledger", fault, "Then run manage.py sequence_ledger. Nothing is deleted before.")
    elif fault := publisher.fault():
        does = "Run manage.py verify_audit --folder. Nothing is deleted until this is mended (docs/ledger.md)."
        yield fail("ledger", fault, does)
    elif newest := publisher.latest():
        yield ok("ledger", f"{newest.log} is published up to {newest.size} entries.")


def key_is_kept_well() -> Findings:
    """The key that signs is its owner's alone, and not among what is published."""
    place = Path(settings.PORTAL_LEDGER_KEYS_DIR)
    if place.resolve().is_relative_to(Path(settings.PORTAL_LEDGER_DIR).resolve()):
        does = "Set PORTAL_LEDGER_KEYS_DIR elsewhere, and take the key for known to others."
        yield fail("ledger", "The key that signs the ledger lies among what is published.", does)
    newest = LedgerLog.objects.order_by("-first_seq").first()
    if newest is None:
        return
    file = signing_keys.file_of(newest.name)
    try:
        state, folder = file.stat(), place.stat()
    except OSError:
        does = (
            "Run this on the host and as the user of the loop. If it is gone there, restore it from its backup; if "
            "there is none, run manage.py recover_ledger --new-key."
        )
        yield warn("ledger", f"The key {file.name} cannot be seen from here.", does)
        return
    mode, owner = stat.S_IMODE(state.st_mode), _name_of(state.st_uid)
    if mode & 0o077 or folder.st_mode & 0o022:
        does = f"chmod 600 {file} and chmod 700 {place}, and ask who could have read it."
        yield fail("ledger", f"The key {file.name} is open to others: mode {mode:o}, owner {owner}.", does)
    else:
        yield ok("ledger", f"The key {file.name} is its owner's alone: mode {mode:o}, owner {owner}.")


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def is_published_elsewhere() -> Findings:
    """What is published outlives the disk of the database only on another one."""
    place = Path(settings.PORTAL_LEDGER_DIR)
    if not place.is_dir():
        return
    if os.stat(place).st_dev == os.stat(settings.VAR_DIR).st_dev:
        does = "Put PORTAL_LEDGER_DIR on another file system, and copy it off the host often."
        yield warn("ledger", "The published ledger is on the same file system as the portal's data.", does)
    else:
        yield ok("ledger", "The published ledger is on a file system of its own.")


def witness_signs() -> Findings:
    """Somebody else sees each checkpoint. Without, there is a notice that stays."""
    url, vkey = settings.PORTAL_WITNESS_URL, settings.PORTAL_WITNESS_VKEY
    if not url or not vkey:
        if url or vkey:
            does = "Set both PORTAL_WITNESS_URL and PORTAL_WITNESS_VKEY, or neither."
            yield fail("witness", "Only half of what a witness needs is set.", does)
            return
        does = "Let somebody else run a witness (docs/operations.md), and hand out exports: manage.py export_audit."
        yield warn("witness", "No independent witness: whoever holds the ledger's key could rewrite it.", does)
        return
    try:
        key = VerifierKey.parse(vkey)
    except BadNote as bad:
        yield fail("witness", f"PORTAL_WITNESS_VKEY cannot be read. {bad}", "Set the line that the witness prints.")
        return
    if key.kind != COSIGNATURE_V1:
        yield fail("witness", "PORTAL_WITNESS_VKEY is a log's key.", "Set the line that the witness prints.")
        return
    if not settings.DEMO and urlsplit(url).scheme != "https":
        yield warn("witness", "The witness is not reached over https.", "Set an address with https.")
    yield from _has_signed(key)


def _has_signed(key: VerifierKey) -> Findings:
    last = Cosignature.objects.filter(witness=key.name).select_related("checkpoint").order_by("-at").first()
    unsigned = Checkpoint.objects.filter(at__gt=last.checkpoint.at) if last else Checkpoint.objects.all()
    first = unsigned.order_by("at").first()
    since = f"its last signature is of {last.at:%Y-%m-%d %H:%M} UTC" if last else "it has never signed"
    if first and clock.now() - first.at > SILENCE:
        does = "Ask whoever runs it; a new year's log must be made known to it. Read the log of the loop."
        yield fail("witness", f"{key.name} does not sign, so nothing is deleted: {since}.", does)
    else:
        yield ok("witness", f"{key.name} signs: {since}.")
