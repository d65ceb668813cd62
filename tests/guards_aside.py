"""Empties a test database, quickly, and takes the database's guards away meanwhile.

In:  a connection.
Out: a context in which no trigger named ``guard_…`` fires.
Never here: a way to switch guards off inside a test. Django empties its tables after every test that commits (those
with ``transaction=True``, and those with a live server), and an append-only table rightly refuses that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase


@contextmanager
def guards_aside(connection: Any) -> Iterator[None]:
    """No guard fires inside; all of them are back afterwards, also when something failed."""
    take, put_back = _on_postgresql(connection) if connection.vendor == "postgresql" else _on_sqlite(connection)
    _run(connection, take)
    try:
        yield
    finally:
        _run(connection, put_back)


def _run(connection: Any, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _rows(connection: Any, query: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _on_sqlite(connection: Any) -> tuple[list[str], list[str]]:
    """SQLite cannot disable a trigger, but remembers the words that made it."""
    guards = _rows(
        connection,
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 6) = 'guard_'",
    )
    return [f"DROP TRIGGER {name}" for name, _ in guards], [sql for _, sql in guards]


def _on_postgresql(connection: Any) -> tuple[list[str], list[str]]:
    guards = _rows(
        connection,
        "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
        "WHERE NOT tgisinternal AND starts_with(tgname, 'guard_')",
    )
    # A table is not altered while a foreign key of this transaction is unchecked.
    checked = ["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"]
    return (
        [*checked, *(f"ALTER TABLE {table} DISABLE TRIGGER {name}" for name, table in guards)],
        [*checked, *(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for name, table in guards)],
    )


#: What migrations put there and tests leave as it is: who may do what. To make it anew takes longer than most tests.
LASTING = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")

_begin = TransactionTestCase._fixture_setup.__func__  # type: ignore[attr-defined]
_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
_lasting: list[tuple[Any, ...]] = []


def _begin_with_a_look(cls: type[TransactionTestCase]) -> None:
    if not _lasting:
        _lasting.extend(_picture(connections["default"]))
    _begin(cls)


def _picture(connection: Any) -> list[tuple[Any, ...]]:
    """Every row of what lasts."""
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for table in LASTING:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows += cursor.fetchall()
    return rows


def _empty(self: TransactionTestCase) -> None:
    """Every table but what lasts; that too, the slow way, where a test has changed it."""
    connection = connections["default"]
    with guards_aside(connection):
        if _picture(connection) != _lasting:
            _flush(self)
            _lasting[:] = _picture(connection)
            return
        tables = [
            name for name in connection.introspection.django_table_names(only_existing=True) if name not in LASTING
        ]
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))


def install() -> None:
    """Make Django empty its test databases with the guards aside."""
    TransactionTestCase._fixture_setup = classmethod(_begin_with_a_look)  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]
