"""The workshop's half of forgetting: takes away what was found, and the details of the lists.

In:  a person who is being forgotten, whose keys are destroyed already.
Out: no candidate, no search, no count of leftovers, no vendor's id, content key, line, agent, length, time of contact
     or salt of theirs.
Never here: a count, a class, an outcome, a digest or a commitment that is taken away. The guards allow exactly this.

Small transactions that can be done again: whoever is killed between two of them goes on where it stopped.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Replace
from django.utils import timezone

from content_app.models import Candidate, Errand, Item, Leftover, Plan, Search
from requests_app import audit

CHUNK = 500


def still_needs(subject_id: UUID) -> bool:
    """Whether a later read-back waits, or something of theirs is kept until a day that has not come."""
    waits = Errand.objects.filter(request__subject_id=subject_id, again_at__isnull=False)
    kept = Item.objects.filter(plan__request__subject_id=subject_id, keep_until__gte=timezone.localdate())
    return waits.exists() or kept.exists()


def clear(subject_id: UUID, *, chunks: int) -> bool:
    """Clear at most ``chunks`` × ``CHUNK`` rows; ``True`` when nothing is left."""
    for _ in range(chunks):
        if not (_clear_candidates(subject_id) or _clear_items(subject_id)):
            _clear_lists(subject_id)
            return True
    return False


def _clear_candidates(subject_id: UUID) -> int:
    """The searches and the counts of leftovers go with the last candidates; the ledger keeps the numbers."""
    with transaction.atomic(durable=True):
        found = Candidate.objects.filter(request__subject_id=subject_id).order_by("pk")
        chunk = list(found.values_list("pk", flat=True)[:CHUNK])
        Candidate.objects.filter(pk__in=chunk).delete()
        if not chunk:
            Search.objects.filter(request__subject_id=subject_id).delete()
            Leftover.objects.filter(request__subject_id=subject_id).delete()
    return len(chunk)


def _clear_items(subject_id: UUID) -> int:
    """A list that was frozen keeps its lines, and each of them says what became of it, of nothing in particular."""
    with transaction.atomic(durable=True):
        first = Item.objects.filter(plan__request__subject_id=subject_id).exclude(external_id="").first()
        if first is None:
            return 0
        plan = Plan.objects.get(pk=first.plan_id)
        full = Item.objects.filter(plan=plan).exclude(external_id="").order_by("pk")
        chunk = list(full.values_list("pk", flat=True)[:CHUNK])
        own_id = Replace(Cast("id", CharField()), Value("-"), Value(""))
        Item.objects.filter(pk__in=chunk).update(
            external_id="", content_key=own_id, occurred_at=plan.created_at, length=None, line="", agents=[]
        )
    return len(chunk)


def _clear_lists(subject_id: UUID) -> None:
    """Without the salt no commitment of a list can be tried against an identifier."""
    for plan in Plan.objects.filter(request__subject_id=subject_id).exclude(salt=b""):
        with transaction.atomic(durable=True):
            Plan.objects.filter(pk=plan.pk).update(salt=b"")
            audit.append(
                "list.cleared", actor=audit.WORKER, about=plan.request_id, plan=plan.pk, items=plan.items.count()
            )
