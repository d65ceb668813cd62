"""Destroys what has served its purpose. Only this room destroys.

In:  the clock.
Out: evidence without keys or files, ledger entries that say so.
Never here: a request, a decision or a ledger entry. They are the proof that remains.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from requests_app import audit
from requests_app.models import Evidence
from requests_app.states import ENDS

#: Days after which evidence goes that was kept beyond the check (``legal.md`` 4.6: hard maximum 30).
EVIDENCE_DAYS = 30


def sweep() -> int:
    """Destroy evidence of ended requests, and any that is older than the maximum; returns how many pieces."""
    too_old = timezone.now() - timedelta(days=EVIDENCE_DAYS)
    live = Evidence.objects.filter(destroyed_at__isnull=True)
    due = list((live.filter(request__state__in=ENDS) | live.filter(added_at__lt=too_old)).select_related("request"))
    for evidence in due:
        with transaction.atomic(durable=True):
            Evidence.objects.filter(pk=evidence.pk).update(wrapped_file_key=None, destroyed_at=timezone.now(), file="")
            about, reason = evidence.request, "term_over"
            audit.append("evidence.destroyed", actor=audit.WORKER, about=about, evidence=evidence.pk, reason=reason)
        evidence.file.delete(save=False)
    return len(due)
