"""Checks the whole ledger once a day, and says what the last check means now.

In:  the ledger; who asked for the check, if it was a person.
Out: one ``LedgerCheck`` row a check, and a ``Standing`` in words for whoever reads the ledger.
Never here: personal data (a fault names numbers and ids of entries), or a check that is not written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from requests_app import audit
from requests_app.models import LedgerCheck

EVERY = timedelta(hours=24)
#: An older result says nothing any more: whatever should have checked stands still.
STALE = timedelta(hours=26)
#: Faults that are kept in words; ``fault_count`` has them all.
KEPT = 20
#: What stays true until somebody outside signs what the ledger says.
NO_WITNESS = (
    "No independent witness. Whoever owns the database could rewrite the ledger consistently; only a root that was "
    "noted outside would show it."
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a first page says. ``sound`` only when the last check is young and found nothing."""

    sound: bool
    headline: str
    last: LedgerCheck | None
    faults: tuple[str, ...]
    witness: str = NO_WITNESS


def is_due() -> bool:
    """Whether the daily check should run now."""
    last = LedgerCheck.objects.filter(by=None).first()
    return last is None or last.at <= timezone.now() - EVERY


def record(*, by: User | None = None) -> LedgerCheck:
    """Recompute the ledger, and keep the result."""
    return keep(audit.verify(), by=by)


def keep(verdict: audit.Verdict, *, by: User | None = None) -> LedgerCheck:
    """Write down what a check found."""
    return LedgerCheck.objects.create(
        at=timezone.now(), size=verdict.size, pending=verdict.pending, root=verdict.root, ok=verdict.ok,
        faults=list(verdict.faults[:KEPT]), fault_count=len(verdict.faults), by=by,
    )  # fmt: skip


def standing() -> Standing:
    """What the last check means now."""
    last = LedgerCheck.objects.select_related("by").first()
    if last is None:
        words = "The ledger was never checked. The loop (manage.py pick_up --loop) does it once a day: start it."
        return Standing(False, "Not checked yet", None, (words,))
    faults = list(last.faults)
    if last.fault_count > len(faults):
        faults.append(f"and {last.fault_count - len(faults)} more")
    if not last.ok:
        return Standing(False, "The ledger does not hold", last, tuple(faults))
    if last.at < timezone.now() - STALE:
        hours = int((timezone.now() - last.at).total_seconds() // 3600)
        late = f"The last check is {hours} hours old. It should run once a day: look whether the loop runs."
        return Standing(False, "The daily check is overdue", last, (late,))
    return Standing(True, "The ledger holds", last, ())
