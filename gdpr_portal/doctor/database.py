"""Looks at the database: does it answer and keep what it was told, are schema and guards there, is its clock right?

In:  the default connection.
Out: findings.
Never here: a migration, a repaired guard. The doctor looks.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from gdpr_portal.doctor.finding import Findings, fail, ok, warn
from requests_app import clock

CLOCK_SECONDS = 5.0
_MIGRATED = ("requests_app", "content_app")
#: Whether this role may drop or disable a trigger of the ledger.
_OVER_THE_GUARDS = (
    "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'requests_app_ledgerleaf'::regclass"
)


def _ask(question: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def _value(question: str) -> str:
    """The single value that a setting has."""
    return str(_ask(question)[0][0])


def is_reachable() -> Findings:
    """It answers, and says which version it is."""
    try:
        postgresql = connection.vendor == "postgresql"
        version = _value("SHOW server_version" if postgresql else "SELECT sqlite_version()")
    except Error as fault:
        does = "Check DATABASE_URL, and that the database runs and lets this host in."
        yield fail("database", f"The database does not answer ({type(fault).__name__}).", does)
        return
    yield ok("database", f"{connection.display_name} {version.split()[0]} answers.")
    if not postgresql and not settings.DEMO:
        does = "Use PostgreSQL for a deployment with more than a few people (docs/operations.md)."
        yield warn("database", "This is SQLite, which serves one host and one writer at a time.", does)


def is_durable() -> Findings:
    """An intent must be on the disk before the act."""
    yield from _postgresql_is_durable() if connection.vendor == "postgresql" else _sqlite_is_durable()


def _postgresql_is_durable() -> Findings:
    loose = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if _value(f"SHOW {name}") == "off"]
    if loose:
        does = f"Set {' and '.join(f'{name}=on' for name in loose)} in postgresql.conf. Do not delete anything before."
        yield fail("database", f"A commit may be lost. Switched off: {', '.join(loose)}.", does)
    else:
        yield ok("database", "What was committed is on the disk.")
    if settings.DATABASES["default"].get("OPTIONS", {}).get("pool"):
        yield fail("database", "A connection pool is set, and the queue's forks would share it.", "Remove the option.")
    if _value(_OVER_THE_GUARDS) == "True":
        does = "Let web server, worker and loop use a role that owns nothing (docs/operations.md)."
        yield warn("database", "The portal's role owns its tables, and could drop the guards.", does)


def _sqlite_is_durable() -> Findings:
    wanted = {"synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "journal_mode": "wal"}
    loose = [name for name, value in wanted.items() if _value(f"PRAGMA {name}") != value]
    if loose:
        does = "Use the settings as they are shipped; gdpr_portal/settings.py sets these for every connection."
        yield fail("database", f"SQLite does not run as it must: {', '.join(loose)}.", does)
    else:
        yield ok("database", "What was committed is on the disk, and what was deleted is overwritten.")


def migrations_are_applied() -> Findings:
    """The tables are those that the code expects."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield fail("migrations", f"{len(missing)} migrations are not applied.", "Run manage.py migrate.")
    else:
        yield ok("migrations", "Every migration is applied.")


def expected_guards() -> set[str]:
    """The names of all guards that the migrations install on this engine."""
    modules = (
        import_module(f"{app}.migrations.{found.name}")
        for app in _MIGRATED
        for found in iter_modules(import_module(f"{app}.migrations").__path__)
    )
    guards = [guard for module in modules for guard in getattr(module, "GUARDS", ())]
    return {guard.name for guard in guards if guard.create(connection.vendor)}


def _present_guards() -> set[str]:
    """Those that are there, and fire whatever the session says."""
    if connection.vendor == "postgresql":
        rows = _ask("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'")
    else:
        rows = _ask("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    return {str(name) for (name,) in rows}


def guards_are_present() -> Findings:
    """The triggers that refuse what no code may do."""
    expected = expected_guards()
    if missing := sorted(expected - _present_guards()):
        does = "Find out who dropped them, compare the ledger with an earlier export, then restore them from a backup."
        yield fail("guards", f"{len(missing)} of {len(expected)} guards are missing: {', '.join(missing)}.", does)
    else:
        yield ok("guards", f"All {len(expected)} guards are in place.")


def clocks_agree() -> Findings:
    """Leases run on the database's clock, entries are dated by the host's."""
    apart = abs((clock.now() - timezone.now()).total_seconds())
    if apart > CLOCK_SECONDS:
        does = "Let both hosts keep time from the same source (chrony, systemd-timesyncd)."
        yield fail("clock", f"This host and the database are {apart:.0f} seconds apart.", does)
    else:
        yield ok("clock", "This host and the database agree on the time.")
