"""The corridor at the end: from the term that is over to the proof that remains alone.

In:  the clock; the list of whom the portal has forgotten.
Out: people forgotten in the one order that survives a crash: the decision, the list outside, the keys, the files, the
     workshop's details, the rows.
Never here: a decision of its own, or a step that cannot be done again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from content_app import clearing
from requests_app import audit, disk, forgetting, forgotten_list, retention

logger = logging.getLogger(__name__)
#: People, and chunks of rows of each, in one round; the next round goes on.
PEOPLE, CHUNKS = 20, 40


def forget_due() -> int:
    """Forget whoever is due, and go on with whoever was begun; returns how many are forgotten now."""
    forgotten_list.require_replayed()
    ready = [
        subject_id for subject_id in forgetting.due(limit=PEOPLE)
        if not clearing.still_needs(subject_id) and forgetting.begin(subject_id)
    ]  # fmt: skip
    done = sum(_try(subject_id) for subject_id in dict.fromkeys([*forgetting.begun()[:PEOPLE], *ready]))
    if done:
        disk.truncate_log()
    return done


def _try(subject_id: UUID) -> bool:
    """One person who cannot be forgotten holds nobody else up; the next round tries again."""
    try:
        return _go_on(subject_id)
    except OSError as error:
        logger.error("data subject %s is not forgotten yet: %s", subject_id, error.strerror)
        return False


def _go_on(subject_id: UUID) -> bool:
    forgetting.destroy_keys(subject_id)
    if not clearing.clear(subject_id, chunks=CHUNKS):
        return False
    forgetting.clear_rows(subject_id)
    return True


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: people forgotten again, files of evidence deleted that the backup had brought back."""

    subjects: int
    files: int


def replay() -> Replayed:
    """Forget again everybody on the list whom a restore brought back. Killed in between, it is simply run again."""
    found = forgotten_list.to_replay()
    for subject_id in found:
        forgetting.begin_again(subject_id)
    for subject_id in forgetting.begun():
        while not _go_on(subject_id):
            pass
    retention.sweep()
    files = retention.sweep_files(younger_stay=timedelta(0))
    with transaction.atomic(durable=True):
        forgotten_list.mark_as_seen()
        audit.append("erasures.replayed", actor=audit.WORKER, about=uuid7(), subjects=len(found), files=files)
    disk.truncate_log()
    return Replayed(len(found), files)
