"""Takes from the ledger what an outsider needs to check a report without the portal and without trusting it.

In:  the ledger's entries about a request.
Out: each entry as it was hashed, its place in the signed tree, its proof; the checkpoints and keys to check with; the
     numbers of the entries that show whether the approval came before the deletion.
Never here: a proof that does not hold, or a word about an entry that is not published but that it waits.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

from django.conf import settings

from content_app import witnessing
from content_app.models import Plan
from content_app.reporting.story import Entry, entries_of
from requests_app import clock, publisher, tlog
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerLog
from requests_app.signed_note import VerifierKey

Facts = dict[str, Any]


def publish(request_id: UUID) -> None:
    """Publish what still waits, so that the report can prove it. Where this process may not, the report says so.

    Only into a log that is open: the key of a new year is the loop's to make. On another host it could not be read.
    ``publisher.Mismatch`` when the published ledger and the stored one do not fit: nothing can be proved then.
    """
    publisher.require_sound()
    this_year = clock.stamp().astimezone(UTC).year
    if not waiting(entries_of(request_id)) or not LedgerLog.objects.filter(year=this_year).exists():
        return
    try:
        witnessing.publish()
    except publisher.Mismatch:
        raise
    except Refused as refused:
        if refused.code != "no_ledger_key":
            raise


def waiting(entries: list[Entry]) -> int:
    """How many of these entries no published checkpoint covers yet. The last one decides: numbers have no gap."""
    covers = _covering(entries)
    return sum(_checkpoint_of(entry, covers) is None for entry in entries)


def facts(entries: list[Entry]) -> Facts:
    """The entries, the checkpoints over them, and a proof for each."""
    covers = _covering(entries)
    proofs = _proofs(entries, covers)
    rows = [_entry(entry, _checkpoint_of(entry, covers), proofs) for entry in entries]
    unproved = sum(row["proof"] is None for row in rows)
    return {"waiting": unproved, "logs": [_log(checkpoint) for checkpoint in covers], "entries": rows}


# --- entries and the checkpoints over them ---------------------------------------------------------------------------


def _covering(entries: list[Entry]) -> list[Checkpoint]:
    """The newest published checkpoint of each year's log that has entries of these, oldest first."""
    numbers = sorted(entry.seq for entry in entries if entry.seq is not None)
    covers: list[Checkpoint] = []
    for log in LedgerLog.objects.order_by("-first_seq"):
        mine = [number for number in numbers if number >= log.first_seq]
        numbers = [number for number in numbers if number < log.first_seq]
        if mine and (found := publisher.covering(mine[0])):
            covers.insert(0, found)
    return covers


def _checkpoint_of(entry: Entry, covers: list[Checkpoint]) -> Checkpoint | None:
    for checkpoint in covers:
        first = checkpoint.log.first_seq
        if entry.seq is not None and first <= entry.seq < first + checkpoint.size:
            return checkpoint
    return None


def _proofs(entries: list[Entry], covers: list[Checkpoint]) -> dict[int, str]:
    numbered = [(entry.seq, entry) for entry in entries if entry.seq is not None]
    proofs: dict[int, str] = {}
    for checkpoint in covers:
        mine = {seq: entry.leaf for seq, entry in numbered if _checkpoint_of(entry, covers) == checkpoint}
        try:
            proofs |= publisher.proofs(checkpoint, mine)
        except OSError:
            raise Refused(
                "no_ledger",
                "The published ledger cannot be read here, so the report could prove nothing. An administrator must "
                "let the portal read PORTAL_LEDGER_DIR.",
            ) from None
    return proofs


def _entry(entry: Entry, checkpoint: Checkpoint | None, proofs: dict[int, str]) -> Facts:
    return {
        "number": entry.seq,
        "id": entry.id,
        "type": entry.type,
        "leaf": entry.leaf.decode(),
        "hash": tlog.leaf_hash(entry.leaf).hex(),
        "log": checkpoint.log.origin if checkpoint else None,
        "index": entry.seq - checkpoint.log.first_seq if checkpoint and entry.seq is not None else None,
        "proof": proofs.get(entry.seq) if entry.seq is not None else None,
    }


def _log(checkpoint: Checkpoint) -> Facts:
    cosigned = checkpoint.cosignatures.order_by("witness")
    return {
        "origin": checkpoint.log.origin,
        "vkey": checkpoint.log.vkey,
        "fingerprint": VerifierKey.parse(checkpoint.log.vkey).fingerprint,
        "size": checkpoint.size,
        "root": bytes(checkpoint.root).hex(),
        "checkpoint": publisher.note_of(checkpoint),
        "witnesses": [
            {"name": name, "vkey": settings.PORTAL_WITNESS_VKEY if _is_ours(name) else None}
            for name in cosigned.values_list("witness", flat=True)
        ],
    }


def _is_ours(name: str) -> bool:
    """Whether this is the witness that is asked today; the keys of earlier ones are not kept."""
    return bool(settings.PORTAL_WITNESS_VKEY) and VerifierKey.parse(settings.PORTAL_WITNESS_VKEY).name == name


# --- what came first -------------------------------------------------------------------------------------------------


def order(entries: list[Entry], plans: list[Plan]) -> list[Facts]:
    """For each list that was carried out: the numbers of its approval and of the first deletion that was intended."""
    return [_order(entries, plan) for plan in plans if _of(entries, "deletion.intended", plan)]


def _order(entries: list[Entry], plan: Plan) -> Facts:
    approvals = _of(entries, "approval.given", plan)
    approval = approvals[-1].seq if approvals else None
    numbers = [entry.seq for entry in _of(entries, "deletion.intended", plan) if entry.seq is not None]
    first = min(numbers, default=None)
    unknown = approvals and (approval is None or first is None)
    return {
        "list": plan.version,
        "approval": approval,
        "first_deletion": first,
        "approved_first": None if unknown else approval is not None and first is not None and approval < first,
    }


def _of(entries: list[Entry], entry_type: str, plan: Plan) -> list[Entry]:
    return [entry for entry in entries if entry.type == entry_type and entry.facts["plan"] == str(plan.pk)]
