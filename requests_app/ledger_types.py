"""The registry of ledger entries: which types exist, which facts each may carry, how long each must be kept.

In:  nothing.
Out: ``TYPES``.
Never here: a field that could hold a direct identifier or free text. A fact is a code, a count, a digest, a
random id or an instant; ``audit.append`` refuses anything else (``docs/ledger.md`` lists the same table).
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["code", "count", "digest", "id", "instant"]


@dataclass(frozen=True, slots=True)
class EntryType:
    """One type of entry. ``facts`` maps each allowed fact to its kind; ``retention`` names a class, not a number."""

    title: str
    facts: dict[str, Kind]
    retention: Literal["case", "operations"] = "case"
    #: What an entry of this type commits to beside its facts; it is sealed, and destroyed with the person.
    payload: tuple[str, ...] = ()


_MOVE: dict[str, Kind] = {"seen": "code", "to": "code", "reason": "code"}
_SYSTEM: dict[str, Kind] = {"system": "id", "reason": "code"}

TYPES: dict[str, EntryType] = {
    # requests_app.intake
    "request.received": EntryType(
        "Request taken",
        {"right": "code", "channel": "code", "jurisdiction": "code", "identifiers": "count", "received_at": "instant"},
    ),
    "request.imported": EntryType(
        "Request imported",
        {"right": "code", "channel": "code", "jurisdiction": "code", "identifiers": "count", "received_at": "instant",
         "origin": "code", "outcome": "code"},
    ),
    "request.linked": EntryType("Linked to another request", {"other": "id", "link": "code"}),
    "identifier.added": EntryType("Identifier added", {"identifier": "id", "kind": "code"}, payload=("kind", "value")),
    "request.flagged": EntryType("Known from before", {"asked_before": "count", "suppressed": "count"}),
    "receipt.issued": EntryType("Receipt handed out", {"entries": "count"}),
    # requests_app.suppression
    "suppression.added": EntryType("Put on the suppression list", {"reason": "code", "channel": "code",
                                                                   "entries": "count"}),
    "suppression.lifted": EntryType("Taken off the suppression list", {"reason": "code", "entries": "count"}),
    "suppression.reviewed": EntryType("Entry of the suppression list reviewed", {"decision": "code", "reason": "code",
                                                                                 "channel": "code"}),
    # requests_app.forgetting
    "subject.key_destroyed": EntryType("Key destroyed", {"purpose": "code", "values": "count"}),
    "subject.forgotten": EntryType("Data subject forgotten", {"requests": "count", "identifiers": "count",
                                                              "parties": "count", "digests": "count"}),
    "erasures.replayed": EntryType("Forgetting repeated after a restore", {"subjects": "count", "files": "count"},
                                   "operations"),
    # content_app.clearing
    "list.cleared": EntryType("Details of a list destroyed", {"plan": "id", "items": "count"}),
    # requests_app.validation
    "finding.recorded": EntryType("Identity check recorded", {"finding": "id", "method": "code", "level": "code",
                                                              "doubt": "code", "result": "code"}),
    "evidence.added": EntryType("Evidence added", {"evidence": "id", "kind": "code", "sha256": "digest"}),
    "evidence.destroyed": EntryType("Evidence destroyed", {"evidence": "id", "reason": "code"}),
    # requests_app.transitions
    "request.moved": EntryType("Request moved", _MOVE | {"plan": "id", "digest": "digest"}),
    # refusals of the house itself, written after the rollback
    "attempt.refused": EntryType("Attempt refused", {"attempt": "code", "reason": "code", "plan": "id"}),
    # requests_app.approval
    "approval.given": EntryType("Exact list approved", {"plan": "id", "digest": "digest", "items": "count",
                                                        "execute_after": "instant"}),
    "approval.withdrawn": EntryType("Approval withdrawn", {"plan": "id", "reason": "code"}),
    "approval.barred": EntryType("Person barred from approving", {"person": "id", "ground": "code"}),
    # content_app.planning
    "search.finished": EntryType("Search finished", {"system": "id", "way": "code", "calls": "count",
                                                     "expected": "count", "shared": "count", "interactions": "count",
                                                     "strangers": "count", "candidates": "count", "late": "count"}),
    "leftovers.counted": EntryType("Leftovers in the statistics counted", {"system": "id", "calls": "count",
                                                                           "expected": "count", "shared": "count",
                                                                           "contacts": "count", "doubtful": "count"}),
    "candidate.chosen": EntryType("Candidates chosen or doubted", {"choice": "code", "reason": "code",
                                                                               "items": "count"}),
    "plan.frozen": EntryType("List frozen", {"plan": "id", "digest": "digest", "version": "count", "delete": "count",
                                             "keep": "count", "kind": "code"}),
    "content.discovered": EntryType("New content found on an approved interaction", {"plan": "id", "system": "id",
                                                                                     "items": "count"}),
    # content_app.execution
    "deletion.intended": EntryType("Deletion intended", {"plan": "id", "step": "id", "fence": "count",
                                                         "items": "count", "kind": "code", "digest": "digest"}),
    "deletion.receipt": EntryType("Deletion receipt", {"plan": "id", "step": "id", "fence": "count", "status": "code",
                                                       "deleted": "count", "already_gone": "count", "failed": "count",
                                                       "probed": "count", "digest": "digest", "reason": "code"}),
    "trial.mended": EntryType("Trial deletion to be tried again", {"plan": "id", "system": "id", "reason": "code"}),
    # content_app.safeguards
    "brake.applied": EntryType("List held by the brake", {"plan": "id", "cap": "code", "items": "count"}),
    "brake.released": EntryType("List released from the brake", {"plan": "id", "cap": "code", "items": "count",
                                                                 "reason": "code"}),
    "stop.set": EntryType("Emergency stop set for all systems", {"reason": "code"}, "operations"),
    "stop.lifted": EntryType("Emergency stop lifted for all systems", {"reason": "code"}, "operations"),
    # content_app.verification
    "deletion.verified": EntryType("Read back", {"plan": "id", "absent": "count", "reappeared": "count",
                                                 "not_verifiable": "count", "round": "count", "digest": "digest"}),
    # content_app.reporting
    "report.exported": EntryType("Report exported", {"format": "code", "sha256": "digest"}),
    "reply.recorded": EntryType("Reply to the person recorded", {"channel": "code"}),
    # requests_app.sampling, content_app.bundle
    "sample.drawn": EntryType(
        "Sample drawn",
        {"seed": "code", "since": "instant", "until": "instant", "population": "count", "population_digest": "digest",
         "size": "count", "drawn_digest": "digest"},
        "operations",
    ),
    "sample.exported": EntryType("Evidence of a sample exported", {"requests": "count", "sha256": "digest"},
                                 "operations"),
    # content_app.systems
    "system.changed": EntryType("Connected system changed", _SYSTEM, "operations"),
    "system.deletion_proposed": EntryType("Deletion proposed for a system", _SYSTEM, "operations"),
    "system.deletion_enabled": EntryType("Deletion enabled for a system", _SYSTEM, "operations"),
    "system.shadowed": EntryType("System returned to shadow mode", _SYSTEM, "operations"),
    "system.stopped": EntryType("Emergency stop set", _SYSTEM, "operations"),
    "system.resumed": EntryType("Emergency stop lifted", _SYSTEM, "operations"),
    "breaker.opened": EntryType("System left alone after failures", _SYSTEM | {"failures": "count"}, "operations"),
    "breaker.closed": EntryType("System answers again", _SYSTEM, "operations"),
    "work.restarted": EntryType("Work started again by a person", {"reason": "code"}),
    "system.retired": EntryType("System retired", _SYSTEM, "operations"),
    "system.reconnected": EntryType("System connected again", _SYSTEM, "operations"),
    # requests_app.publisher
    "log.opened": EntryType(
        "New log opened; so the old one ended",
        {"previous": "id", "size": "count", "root": "digest", "reason": "code"},
        "operations",
    ),
    # requests_app.recovery
    "ledger.recovered": EntryType(
        "Ledger taken back after a restore",
        {"size": "count", "root": "digest", "entries": "count", "renumbered": "count", "requests": "count",
         "approvals": "count", "deletions": "count"},
        "operations",
    ),
    # gdpr_portal
    "agent.linked": EntryType(
        "Agent linked to a colleague", {"person": "id", "system": "id", "change": "code"}, "operations"
    ),
    "user.changed": EntryType("Account changed", {"person": "id", "change": "code", "roles": "count"}, "operations"),
}  # fmt: skip
