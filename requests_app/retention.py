"""Destroys what has served its purpose, long before a person is forgotten: documents, logs, expired digests.

In:  the clock, the terms.
Out: evidence without keys or files, no file that no row knows, no stale log line, session or digest; ledger entries.
Never here: a request, a decision or a ledger entry. They are the proof that remains.
"""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from requests_app import audit, terms
from requests_app.models import AccessLogEntry, Evidence, SubjectDigest
from requests_app.states import ENDS

#: A file that no row knows may belong to an upload that is not committed yet; after so long it does not.
UPLOADED = timedelta(hours=1)


def sweep() -> int:
    """Destroy evidence of ended requests, and any that is older than the maximum; returns how many pieces."""
    live = Evidence.objects.filter(destroyed_at__isnull=True)
    too_old = live.filter(added_at__lt=terms.evidence_added_before())
    due = list((live.filter(request__state__in=ENDS) | too_old).select_related("request"))
    for evidence in due:
        with transaction.atomic(durable=True):
            Evidence.objects.filter(pk=evidence.pk).update(wrapped_file_key=None, destroyed_at=timezone.now(), file="")
            about, reason = evidence.request, "term_over"
            audit.append("evidence.destroyed", actor=audit.WORKER, about=about, evidence=evidence.pk, reason=reason)
        evidence.file.delete(save=False)
    return len(due)


def sweep_rows() -> None:
    """Delete what a term of its own ends: the access log, digests that expired, sessions that are over."""
    AccessLogEntry.objects.filter(at__lt=terms.access_noted_before()).delete()
    SubjectDigest.objects.filter(expires_at__lte=timezone.now()).delete()
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def sweep_files(*, younger_stay: timedelta = UPLOADED) -> int:
    """Delete files in the evidence folder that no row knows any more: a restore brings them back. Returns how many."""
    known = set(Evidence.objects.filter(destroyed_at__isnull=True).values_list("file", flat=True))
    before = timezone.now() - younger_stay
    lost = 0
    for name in _stored():
        if name not in known and default_storage.get_modified_time(name) <= before:
            default_storage.delete(name)
            lost += 1
    return lost


def _stored() -> list[str]:
    if not default_storage.exists(""):
        return []
    return default_storage.listdir("")[1]
