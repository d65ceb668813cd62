"""Looks at what moves: the worker, the loop beside it, the ledger's sequencer, the connected systems.

In:  heartbeats, waiting ledger entries, each system's row, environment and self-test.
Out: findings.
Never here: a task that is queued, a number that is given, a delete.
"""

from __future__ import annotations

import os
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Max

from content_app import heartbeats, limits, operations, systems
from content_app.connectors import registry
from content_app.models import System
from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from requests_app import clock, forgotten_list, publisher
from requests_app.models import LedgerIndex, LedgerLeaf

#: The sequencer numbers every second; an entry that waits so long waits for a sequencer that is down.
WAITING = timedelta(minutes=1)


def heart_beats() -> Findings:
    """At least one cluster and one loop work, none is hung or has died, and nothing waits long in the queue."""
    yield from (
        ok("queue", one.says) if one.well else fail("queue", one.says, one.do)
        for one in operations.machinery(heartbeats.signs())
    )


def ledger_is_numbered() -> Findings:
    """Entries get their number, and no number is missing. The whole proof is ``manage.py verify_audit``."""
    found = LedgerIndex.objects.aggregate(last=Max("seq"), count=Count("seq"))
    expected = -1 if found["last"] is None else found["last"]
    late = LedgerLeaf.objects.filter(index__isnull=True, at__lt=clock.now() - WAITING).count()
    if expected + 1 != found["count"]:
        does = "Stop deletions, run manage.py verify_audit, and compare with an earlier export."
        yield fail("ledger", f"Numbers are missing: {found['count']} entries, the last is number {expected}.", does)
    if late:
        does = "Start manage.py pick_up --loop, which numbers the ledger every second."
        yield fail("ledger", f"{late} entries have waited over a minute for their number.", does)
    if not late and expected + 1 == found["count"]:
        yield ok("ledger", f"{found['count']} entries are numbered without a gap.")


def ledger_is_published() -> Findings:
    """What is published covers what is stored."""
    newest = publisher.latest()
    end = newest.log.first_seq + newest.size if newest else 0
    late = LedgerIndex.objects.filter(seq__gte=end, leaf__at__lt=clock.now() - WAITING).count()
    if late and not publisher.fault():
        does = "Start manage.py pick_up --loop where it can read PORTAL_LEDGER_KEYS_DIR, and read its log."
        yield fail("ledger", f"{late} entries have waited over a minute to be published.", does)


def forgetting_holds() -> Findings:
    """The list of forgotten people is at least as long as this database remembers, and nobody on it is back."""
    if forgotten_list.size() < forgotten_list.seen():
        does = "Bring the newest copy of the list back. Without it a restored database cannot forget again."
        yield fail("forgetting", f"The list {forgotten_list.path()} is shorter than the database remembers.", does)
    elif back := len(forgotten_list.to_replay()):
        does = "Run manage.py replay_erasures. Until then the portal stays shut."
        yield fail("forgetting", f"A restore brought {back} forgotten people back.", does)
    else:
        yield ok("forgetting", "Everybody on the list of forgotten people is forgotten.")


def connectors_work() -> Findings:
    """Every connected system takes our credentials and lets them do what is needed."""
    found = list(System.active.order_by("name"))
    if not found:
        does = "Set VCC_GATEWAY_URL and run manage.py migrate, or let an administrator add a system."
        yield warn("connectors", "No system is connected, so no list can be frozen.", does)
    for system in found:
        yield from _system_works(system)


def _system_works(system: System) -> Findings:
    if system.kind not in registry.CONNECTORS:
        yield fail("connectors", f"{system}: there is no connector of its kind.", "Install the version that has it.")
        return
    names = (f"{system.credential}_CLIENT_ID", f"{system.credential}_CLIENT_SECRET")
    if absent := [name for name in names if not os.environ.get(name)]:
        does = f"Set {' and '.join(absent)} for web server, worker and loop, then restart them."
        yield fail("connectors", f"{system}: the credentials are not in the environment.", does)
        return
    schemes = {urlsplit(system.gateway_url).scheme, urlsplit(system.auth_url).scheme}
    if not settings.DEMO and schemes != {"https"}:
        yield fail("connectors", f"{system}: its address is not https.", "Let an administrator correct the address.")
    if limits.standing(system.pk).stopped:
        does = "Lift the emergency stop on the page Safeguards once its reason is gone."
        yield warn("connectors", f"{system}: the emergency stop is set. It was not asked anything.", does)
        return
    yield from _system_answers(system)


def _system_answers(system: System) -> Findings:
    with systems.connected(system) as connector:
        checks = connector.self_test()
    for check in checks:
        if check.passed:
            continue
        says = f"{system}: the check {check.code} failed."
        if check.code == "delete_scope" and system.shadow:
            yield warn("connectors", says, f"{check.advice}.")
        else:
            yield fail("connectors", says, f"{check.advice}.")
        if check.code == "login":
            break  # nothing further was tried
    if all(check.passed for check in checks):
        mode = "in shadow mode: it plans and deletes nothing" if system.shadow else "deletion is enabled"
        yield ok("connectors", f"{system}: it takes our credentials ({mode}).")
