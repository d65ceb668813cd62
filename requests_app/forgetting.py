"""Forgets a data subject, as far as the case file knows them: the key first, then the files, then the rows.

In:  people whose last request ended longer ago than the term.
Out: no key, no sealed value, no index, no document of theirs; digests with a term of their own; ledger entries.
Never here: a request, a decision, a count or a ledger entry that is destroyed. They are the proof that remains.

Every act is a transaction that can be done again: whoever is killed between two of them goes on at the next round.
``content_app.oblivion`` calls them in their order, because the workshop's details go between the keys and the rows.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from requests_app import audit, digests, forgotten_list, keys, terms
from requests_app.errors import Refused
from requests_app.models import (
    DataSubject,
    Evidence,
    Identifier,
    LedgerPayload,
    Party,
    Request,
    RequestLink,
    SubjectKey,
)
from requests_app.states import OPEN

logger = logging.getLogger(__name__)

# --- who -------------------------------------------------------------------------------------------------------------


def due(*, limit: int = 100) -> list[UUID]:
    """People whose every request has ended, the last of them longer ago than the term."""
    term = terms.case_ended_before()
    theirs = Request.objects.filter(subject=OuterRef("pk"))
    ended = Coalesce("closed_at", "captured_at")
    stays = theirs.annotate(ended=ended).filter(Q(state__in=OPEN) | Q(ended__gte=term))
    over = DataSubject.objects.filter(Exists(theirs), ~Exists(stays), forgotten_at__isnull=True)
    # Whoever is due has been known for as long, and is not many: an index finds them, however many were forgotten. Only
    # with imported history a request can have ended before its person became known.
    known = over.filter(created_at__lt=term).order_by("created_at").values_list("pk", flat=True)[:limit]
    history = Request.objects.filter(origin=Request.Origin.HISTORY, closed_at__lt=term).values("subject")
    imported = over.filter(pk__in=history).values_list("pk", flat=True)[:limit]
    return list(dict.fromkeys([*known, *imported]))[:limit]


def begun() -> list[UUID]:
    """People whose forgetting has begun and is not finished."""
    found = DataSubject.objects.filter(forgotten_at__isnull=False, cleared_at__isnull=True)
    return list(found.order_by("forgotten_at").values_list("pk", flat=True))


# --- first: the decision ---------------------------------------------------------------------------------------------


def begin(subject_id: UUID) -> bool:
    """Decide it: from here on nobody adds to this person. ``False`` when a new request has come in meanwhile."""
    with transaction.atomic(durable=True):
        subject = DataSubject.objects.select_for_update().get(pk=subject_id)
        if subject.forgotten_at is not None:
            return True
        if subject.requests.filter(Q(state__in=OPEN) | Q(closed_at__gte=terms.case_ended_before())).exists():
            return False
        DataSubject.objects.filter(pk=subject_id).update(forgotten_at=timezone.now())
    return True


def begin_again(subject_id: UUID) -> None:
    """Decide it for somebody whom a restore brought back, whatever became of their requests in that copy."""
    with transaction.atomic(durable=True):
        DataSubject.objects.filter(pk=subject_id, forgotten_at__isnull=True).update(forgotten_at=timezone.now())


# --- then: the keys, and the files under them ------------------------------------------------------------------------


def destroy_keys(subject_id: UUID) -> None:
    """Make everything of theirs unreadable. Their id is on the list outside the database before the first key goes."""
    forgotten_list.note(subject_id)
    with transaction.atomic(durable=True):
        living = SubjectKey.objects.select_for_update().filter(subject_id=subject_id, wrapped__isnull=False)
        purposes = [SubjectKey.Purpose(purpose) for purpose in living.order_by("id").values_list("purpose", flat=True)]
        if SubjectKey.Purpose.IDENTIFIERS in purposes:
            _remember(subject_id)
        values = _values_under(subject_id)
        LedgerPayload.objects.filter(subject_id=subject_id).delete()
        for purpose in purposes:
            keys.destroy_subject_key(subject_id, purpose)
            audit.append(
                "subject.key_destroyed", actor=audit.WORKER, about=subject_id, purpose=purpose, values=values[purpose]
            )
        _destroy_file_keys(subject_id)
        forgotten_list.mark_as_seen()
    _remove_files(subject_id)


def _remember(subject_id: UUID) -> None:
    """The digests that outlive the person. A value that no key opens any more is no reason to keep the rest."""
    try:
        digests.remember(subject_id)
    except Refused as refused:
        logger.warning("data subject %s is forgotten without a digest: %s", subject_id, refused.code)


def _values_under(subject_id: UUID) -> dict[str, int]:
    return {
        SubjectKey.Purpose.IDENTIFIERS: Identifier.objects.filter(subject_id=subject_id).count()
        + Party.objects.filter(request__subject_id=subject_id).count(),
        SubjectKey.Purpose.LETTERS: 0,
        SubjectKey.Purpose.LEDGER: LedgerPayload.objects.filter(subject_id=subject_id).count(),
    }


def _destroy_file_keys(subject_id: UUID) -> None:
    for evidence in Evidence.objects.filter(request__subject_id=subject_id, destroyed_at__isnull=True):
        Evidence.objects.filter(pk=evidence.pk).update(wrapped_file_key=None, destroyed_at=timezone.now())
        audit.append(
            "evidence.destroyed",
            actor=audit.WORKER,
            about=evidence.request_id,
            evidence=evidence.pk,
            reason="forgotten",
        )


def _remove_files(subject_id: UUID) -> None:
    """The file, and only then its name, so that a crash between the two leaves nothing that nobody knows of."""
    for evidence in Evidence.objects.filter(request__subject_id=subject_id).exclude(file=""):
        evidence.file.storage.delete(str(evidence.file.name))
        Evidence.objects.filter(pk=evidence.pk).update(file="")


# --- last: the rows --------------------------------------------------------------------------------------------------


def clear_rows(subject_id: UUID) -> None:
    """Take away what is left of them in the case file, and say that it is done."""
    requests = Request.objects.filter(subject_id=subject_id)
    with transaction.atomic(durable=True):
        if not DataSubject.objects.filter(pk=subject_id, cleared_at__isnull=True).update(
            cleared_at=timezone.now(), staff_user=None, unsafe_contact=False
        ):
            return
        _, identifiers = Identifier.objects.filter(subject_id=subject_id).delete()
        _, parties = Party.objects.filter(request__subject_id=subject_id).delete()
        requests.exclude(import_key=None, subject_user=None).update(import_key=None, subject_user=None)
        _unlink_from_others(subject_id)
        _clear_admin_log([subject_id, *requests.values_list("pk", flat=True)])
        audit.append(
            "subject.forgotten", actor=audit.WORKER, about=subject_id, requests=requests.count(),
            identifiers=sum(identifiers.values()), parties=sum(parties.values()),
            digests=sum(request.digests.count() for request in requests),
        )  # fmt: skip


def _unlink_from_others(subject_id: UUID) -> None:
    """A link to somebody else's request says that the two have an identifier in common."""
    theirs = Q(a__subject_id=subject_id) ^ Q(b__subject_id=subject_id)
    RequestLink.objects.filter(theirs).delete()


def _clear_admin_log(object_ids: list[UUID]) -> None:
    texts = [str(pk) for pk in object_ids]
    LogEntry.objects.filter(object_id__in=texts).delete()
