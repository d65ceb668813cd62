"""Checks the whole ledger once a day, and says what the last check means now.

In:  the ledger; who asked for the check, if it was a person.
Out: one ``LedgerCheck`` row a check, and a ``Standing`` in words for whoever reads the ledger.
Never here: personal data (a fault names numbers and ids of entries), or a check that is not written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from requests_app import audit, publisher
from requests_app.models import LedgerCheck

EVERY = timedelta(hours=24)
#: An older result says nothing any more: whatever should have checked stands still.
STALE = timedelta(hours=26)
#: Faults that are kept in words; ``fault_count`` has them all.
KEPT = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """What a first page says. ``sound`` only when the last check is young and found nothing."""

    sound: bool
    headline: str
    last: LedgerCheck | None
    faults: tuple[str, ...]
    witness: str
    witnessed: bool


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
    """What the last check means now, and who beside the portal vouches for the ledger."""
    last = LedgerCheck.objects.select_related("by").first()
    headline, faults = _meaning(last)
    words, witnessed = _witness()
    return Standing(not faults, headline, last, faults, words, witnessed)


def _meaning(last: LedgerCheck | None) -> tuple[str, tuple[str, ...]]:
    if broken := publisher.fault():
        return "The ledger is not published", (broken, "Nothing is deleted until then.")
    if last is None:
        words = "The ledger was never checked. The loop (manage.py pick_up --loop) does it once a day: start it."
        return "Not checked yet", (words,)
    if not last.ok:
        more = last.fault_count - len(last.faults)
        return "The ledger does not hold", (*last.faults, *([f"and {more} more"] if more > 0 else []))
    if last.at < timezone.now() - STALE:
        hours = int((timezone.now() - last.at).total_seconds() // 3600)
        late = f"The last check is {hours} hours old. It should run once a day: look whether the loop runs."
        return "The daily check is overdue", (late,)
    return "The ledger holds", ()


def _witness() -> tuple[str, bool]:
    """(what to say of the witness, whether one has signed the newest checkpoint)."""
    newest = publisher.latest()
    if not settings.PORTAL_WITNESS_VKEY:
        return (
            "No independent witness. Whoever holds the database and the signing key could rewrite the ledger "
            "consistently; only a checkpoint that is kept outside would show it."
        ), False
    if newest is None or not newest.cosignatures.exists():
        return "The witness has not signed the newest checkpoint yet.", False
    signed = timezone.localtime(newest.at)
    return f"A witness has signed the checkpoint over {newest.size:,} entries of {signed:%-d %B, %H:%M}.", True
