"""``manage.py doctor``: looks at a deployment and says about each finding what to do.

In:  the settings, the database, the environment, the connected systems.
Out: findings, each ok, warn or fail, in the order of ``CHECKS``.
Never here: a change, a delete, a value of a person, or a traceback. What cannot be examined is a finding too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from content_app.connectors.base import ConnectorError
from gdpr_portal.doctor import database, deployment, key_rings, ledger, machinery, people, uploads
from gdpr_portal.doctor.finding import Finding, Findings, fail
from requests_app.errors import Refused

__all__ = ["CHECKS", "Finding", "examine"]

Check = Callable[[], Findings]

#: What can be looked at without a database.
_ALONE: tuple[tuple[str, Check], ...] = (
    ("settings", deployment.settings_are_safe),
    ("cache", deployment.cache_is_shared),
    ("keys", key_rings.rings_parse),
    ("uploads", uploads.files_are_decoded_apart),
    ("uploads", uploads.files_are_scanned),
    ("reports", deployment.reports_are_signed),
)
_REACHED: tuple[str, Check] = ("database", database.is_reachable)
_WITH_DATABASE: tuple[tuple[str, Check], ...] = (
    ("database", database.is_durable),
    ("migrations", database.migrations_are_applied),
    ("guards", database.guards_are_present),
    ("clock", database.clocks_agree),
    ("keys", key_rings.rings_open_what_is_stored),
    ("storage", deployment.evidence_is_kept_well),
    ("queue", machinery.heart_beats),
    ("ledger", machinery.ledger_is_numbered),
    ("ledger", machinery.ledger_is_published),
    ("ledger", ledger.is_sound),
    ("ledger", ledger.key_is_kept_well),
    ("ledger", ledger.is_published_elsewhere),
    ("witness", ledger.witness_signs),
    ("connectors", machinery.connectors_work),
    ("people", people.roles_are_filled),
    ("people", people.four_eyes_are_there),
    ("people", people.superusers_are_known),
)
#: Every check there is, in the order in which they run.
CHECKS = (*_ALONE, _REACHED, *_WITH_DATABASE)

#: What a missing table, a dead host, a wrong key or a senseless address raises. Anything else is a bug of the doctor.
_FAULTS = (Error, OSError, ValueError, LookupError, ImproperlyConfigured, Refused, ConnectorError)


def examine() -> Iterator[Finding]:
    """Run every check. Without a database those that need one are a single finding."""
    for name, check in _ALONE:
        yield from _run(name, check)
    reached = list(_run(*_REACHED))
    yield from reached
    if any(finding.level == "fail" for finding in reached):
        areas = ", ".join(dict.fromkeys(name for name, _ in _WITH_DATABASE))
        yield fail("database", f"Not examined without a database: {areas}.", "Mend the database, then run this again.")
        return
    for name, check in _WITH_DATABASE:
        yield from _run(name, check)


def _run(name: str, check: Check) -> Iterator[Finding]:
    """The check's findings; what it cannot examine becomes one. The words of an error may hold data and stay out."""
    try:
        yield from check()
    except _FAULTS as fault:
        does = "Mend what stands above first, then run this again. If it stays: see docs/operations.md."
        yield fail(name, f"This could not be examined ({type(fault).__name__}).", does)
