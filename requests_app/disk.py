"""Takes from the disk what a database keeps of rows that are gone: logs, free pages, old versions of rows.

In:  a database of either engine.
Out: nothing of what was deleted or overwritten, as far as the engine can reach it.
Never here: backups, archived logs, or blocks that a file system has kept (``docs/retention.md``).
"""

from __future__ import annotations

from django.apps import apps
from django.db import Error, connection

#: Applications whose tables have held something of a person.
_OURS = ("requests_app", "content_app", "admin", "sessions", "django_q")


def truncate_log() -> None:
    """SQLite: move the write-ahead log into the database, where deleted bytes are zeroes, and empty it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def vacuum() -> list[str]:
    """Rewrite every table without what was deleted; returns what the role may not do, for a person to do."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")
        else:
            for table in _tables():
                cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
    truncate_log()
    return [] if connection.vendor == "sqlite" else _end_the_log()


def _tables() -> list[str]:
    return [
        model._meta.db_table
        for label in _OURS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]


def _end_the_log() -> list[str]:
    """PostgreSQL: begin a new segment of the log, and let the checkpoints retire those before it."""
    refused = []
    for statement in ("SELECT pg_switch_wal()", "CHECKPOINT", "CHECKPOINT"):
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        except Error:
            refused.append(statement)
    return list(dict.fromkeys(refused))
