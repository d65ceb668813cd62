"""Looks at the keys: do they parse, are they all there, do they open what is stored?

In:  ``PORTAL_KEKS``, ``PORTAL_INDEX_KEYS``, ``PORTAL_DIGEST_KEYS``, the rows that were sealed under them.
Out: findings.
Never here: a key, or a person's value. The canary opens a data key and nothing under it.
"""

from __future__ import annotations

import re

from allauth.mfa.models import Authenticator
from django.core.exceptions import ImproperlyConfigured

from gdpr_portal.doctor.finding import Findings, fail, ok
from requests_app import keys
from requests_app.errors import Refused
from requests_app.models import Evidence, Identifier, SubjectDigest, SubjectKey, Suppression

_SEALED = re.compile(r"([0-9]+):[A-Za-z0-9+/=]+")


def rings_parse() -> Findings:
    """The key rings can be read, and share no key."""
    try:
        shared = keys.shared_between_rings()
    except ImproperlyConfigured as problem:
        yield fail("keys", str(problem), "Mend the variable, then restart the portal.")
        return
    for one, other in shared:
        does = "Make a new key for one of them (openssl rand -base64 32)."
        yield fail("keys", f"{one} and {other} share a key.", does)
    counts = len(keys.key_encryption_keys()), len(keys.index_keys()), len(keys.digest_keys())
    yield ok("keys", "{} key-encryption, {} index and {} digest keys can be read.".format(*counts))


def rings_open_what_is_stored() -> Findings:
    """Every epoch and every index key that rows need is there, and one key of each epoch opens."""
    keks, index = keys.key_encryption_keys(), keys.index_keys()
    missing = sorted(_epochs_in_use() - set(keks))
    if missing:
        does = "Put the missing keys back into PORTAL_KEKS. Without them this data is lost for good."
        yield fail("keys", f"PORTAL_KEKS lacks the keys of epochs in use: {_listed(missing)}.", does)
    used = set(Identifier.objects.order_by().values_list("index_key_id", flat=True).distinct())
    if lost := sorted(used - set(index)):
        does = "Put them back. Until then these people are not found by their identifiers."
        yield fail("keys", f"PORTAL_INDEX_KEYS lacks keys in use: {_listed(lost)}.", does)
    stored = {*SubjectDigest.objects.values_list("key_id", flat=True).distinct()}
    stored |= {*Suppression.objects.order_by().values_list("key_id", flat=True).distinct()}
    if absent := sorted(stored - set(keys.digest_keys())):
        does = "Put them back. Until then nobody is known again who asked before, or must not be contacted."
        yield fail("keys", f"PORTAL_DIGEST_KEYS lacks keys in use: {_listed(absent)}.", does)
    closed = [epoch for epoch in sorted(keks) if not _opens(epoch)]
    if closed:
        does = "The key in PORTAL_KEKS is another than the one that sealed. Restore the right one."
        yield fail("keys", f"The key does not open what epoch {_listed(closed)} sealed.", does)
    if not (missing or lost or absent or closed):
        yield ok("keys", "Every key that stored data needs is there, and opens it.")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _epochs_in_use() -> set[int]:
    subjects = SubjectKey.objects.filter(wrapped__isnull=False).order_by().values_list("epoch_id", flat=True).distinct()
    files = Evidence.objects.filter(wrapped_file_key__isnull=False).order_by().values_list("epoch_id", flat=True)
    return set(subjects) | set(files.distinct()) | _epochs_of_second_factors()


def _epochs_of_second_factors() -> set[int]:
    """allauth keeps the sealed secret in a JSON column; ours begin with their epoch."""
    sealed = [
        value for data in Authenticator.objects.values_list("data", flat=True) for value in data.values()
        if isinstance(value, str)
    ]  # fmt: skip
    return {int(match[1]) for value in sealed if (match := _SEALED.fullmatch(value))}


def _opens(epoch: int) -> bool:
    """Whether the newest live data key of an epoch opens; true where there is none."""
    canary = SubjectKey.objects.filter(epoch_id=epoch, wrapped__isnull=False).order_by("-pk").first()
    if canary is None:
        return True
    try:
        keys.prove(canary)
    except Refused:
        return False
    return True
