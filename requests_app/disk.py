"""Takes from the disk what a database keeps of rows that are gone: logs, free pages, old versions, statistics.

In:  a database of either engine.
Out: nothing of what was deleted or overwritten, as far as the engine can reach it; what this role may not do.
Never here: backups, archived logs, or blocks that a file system has kept (``docs/retention.md``).
"""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import Error, connection

#: Applications whose tables have held something of a person.
_OURS = ("requests_app", "content_app", "admin", "sessions", "django_q")
#: PostgreSQL's samples of columns; old ones stay in its files like any other row.
_SAMPLES = "pg_catalog.pg_statistic"


def truncate_log() -> None:
    """SQLite: move the write-ahead log into the database, where deleted bytes are zeroes, and empty it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def vacuum() -> list[str]:
    """Rewrite every table without what was deleted; returns the statements that this role may not do."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
        truncate_log()
        return []
    return list(dict.fromkeys([*_rewrite_tables(), *_end_the_log()]))


def _rewrite_tables() -> Iterator[str]:
    """PostgreSQL passes over what the role does not own, with a warning that nobody sees: so it is asked before."""
    tables = [
        model._meta.db_table
        for label in _OURS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]
    for table in tables:
        yield from _run(f"VACUUM (FULL, ANALYZE) {table}", allowed=_owns(table))
    yield from _run(f"VACUUM (FULL) {_SAMPLES}", allowed=_owns(_SAMPLES) or _owns_the_database())


def _end_the_log() -> Iterator[str]:
    """PostgreSQL: begin a new segment of the log, and let the checkpoints retire those before it."""
    for statement in ("SELECT pg_switch_wal()", "CHECKPOINT", "CHECKPOINT"):
        yield from _run(statement, allowed=True)


def _run(statement: str, *, allowed: bool) -> Iterator[str]:
    try:
        if allowed:
            with connection.cursor() as cursor:
                cursor.execute(statement)
    except Error:
        allowed = False
    if not allowed:
        yield statement


def _owns(table: str) -> bool:
    return _asked("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass", table)


def _owns_the_database() -> bool:
    return _asked(
        "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = %s", connection.settings_dict["NAME"]
    )


def _asked(question: str, about: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [about])
        return bool(cursor.fetchone()[0])
