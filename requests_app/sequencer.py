"""Gives every ledger entry its number: gap-free from 0, in the order of arrival, by one hand at a time.

In:  leaves that wait in the queue.
Out: ``LedgerIndex`` rows.
Never here: a change to a leaf. A leaf that lost its queue row is found again by ``repair``.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import ProgrammingError, connection, transaction
from django.db.models import F, Max

from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerIndex, LedgerLeaf, LedgerLog, LedgerQueue, SequencerLease, guards
from requests_app.models.base import MARGIN, first_key

BATCH = 1000
NAME = "ledger"
_TABLE = LedgerIndex._meta.db_table
_NEVER_TAKEN_BACK = guards.Guard(_TABLE, "DELETE", f"{_TABLE} is append-only")


def hold() -> SequencerLease:
    """Become the one hand on numbers, tiles and checkpoints until the caller's transaction ends."""
    SequencerLease.objects.get_or_create(name=NAME)
    lease = SequencerLease.objects.select_for_update().get(name=NAME)
    lease.save(update_fields=["taken_at"])
    return lease


def number(leaf: LedgerLeaf) -> None:
    """Give this leaf the next number, ahead of what waits. The caller holds the lease."""
    last = LedgerIndex.objects.aggregate(last=Max("seq"))["last"]
    LedgerIndex.objects.create(seq=0 if last is None else last + 1, leaf=leaf)
    LedgerQueue.objects.filter(leaf=leaf).delete()


def sequence() -> int:
    """Number up to ``BATCH`` waiting leaves; returns how many. The lease row makes it single on both engines."""
    with transaction.atomic(durable=True):
        hold()
        waiting = list(LedgerQueue.objects.order_by("leaf_id").values_list("leaf_id", flat=True)[:BATCH])
        numbered = set(LedgerIndex.objects.filter(leaf_id__in=waiting).values_list("leaf_id", flat=True))
        last = LedgerIndex.objects.aggregate(last=Max("seq"))["last"]
        start = 0 if last is None else last + 1
        fresh = [leaf for leaf in waiting if leaf not in numbered]
        LedgerIndex.objects.bulk_create(LedgerIndex(seq=start + i, leaf_id=leaf) for i, leaf in enumerate(fresh))
        LedgerQueue.objects.filter(leaf_id__in=waiting).delete()
    return len(fresh)


def repair(*, since: datetime | None = None) -> int:
    """Queue again every leaf that has neither a number nor a place in the queue; returns how many.

    ``since`` spares a look at every entry that there is: only those that were written from then on are looked at.
    """
    lost = LedgerLeaf.objects.filter(index__isnull=True).exclude(pk__in=LedgerQueue.objects.values("leaf_id"))
    if since is not None:
        lost = lost.filter(pk__gte=first_key(since - MARGIN))
    rows = [LedgerQueue(leaf_id=pk) for pk in lost.values_list("pk", flat=True)]
    LedgerQueue.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def drain() -> int:
    """Number what waits in the queue now; returns how many. What arrives meanwhile is for the next time.

    Until the queue is empty would be never, where entries keep arriving, and nothing would be published.
    """
    batches = -(-LedgerQueue.objects.count() // BATCH)
    return sum(sequence() for _ in range(batches))


# --- after a restore -------------------------------------------------------------------------------------------------


def put_back(start: int, leaves: Sequence[UUID]) -> None:
    """Give these leaves the numbers from ``start`` on, which they had before. The caller holds the lease."""
    LedgerIndex.objects.bulk_create(LedgerIndex(seq=start + i, leaf_id=leaf) for i, leaf in enumerate(leaves))
    LedgerQueue.objects.filter(leaf_id__in=leaves).delete()


def take_back(start: int) -> int:
    """Take back the numbers from ``start`` on: entries had them before. Their leaves wait again; returns how many.

    Only for numbers that no checkpoint covers: what was signed stays. The caller holds the lease. The guard of the
    table is set aside for it, which only the role that owns the table may do.
    """
    rows = LedgerIndex.objects.filter(seq__gte=start)
    if not rows.exists():
        return 0
    signed = Checkpoint.objects.annotate(end=F("log__first_seq") + F("size")).filter(end__gt=start)
    if signed.exists() or LedgerLog.objects.filter(first_seq__gt=start).exists():
        raise Refused("signed", "These entries were signed under their numbers, which they must keep.")
    waiting = list(rows.values_list("leaf_id", flat=True))
    try:
        with guards.aside(connection, _NEVER_TAKEN_BACK):
            rows.delete()
    except ProgrammingError:
        raise Refused(
            "not_the_owner",
            "Entries that were written since the restore need new numbers, which only the role that owns the tables "
            "may take back. Run this with the DATABASE_URL that migrate runs with.",
        ) from None
    LedgerQueue.objects.bulk_create([LedgerQueue(leaf_id=leaf) for leaf in waiting], ignore_conflicts=True)
    return len(waiting)
