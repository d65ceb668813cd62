"""Guards in the database: what no code of ours, and no shell, may do to a row.

In:  table names and conditions, from migrations.
Out: triggers, the same promise on SQLite and on PostgreSQL.
Never here: evidence. A guard is a rail; someone who owns the database can drop it, which the ledger would show.

Django sees a refused statement as ``IntegrityError`` on both engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Event = Literal["INSERT", "UPDATE", "DELETE"]


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses ``event`` on ``table`` when ``condition`` holds; SQL over ``OLD`` and ``NEW``, portable between both."""

    table: str
    event: Event
    message: str
    condition: str = "1 = 1"

    @property
    def name(self) -> str:
        return f"guard_{self.table}_{self.event.lower()}"

    def create(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return [
                f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} WHEN {self.condition} "
                f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
            ]
        row = "OLD" if self.event == "DELETE" else "NEW"
        return [
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {self.condition} THEN RAISE EXCEPTION '{self.message}' "
            f"USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {row}; END $$",
            f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} FOR EACH ROW "
            f"EXECUTE FUNCTION {self.name}()",
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.name}",
        ]

    def drop(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return [f"DROP TRIGGER IF EXISTS {self.name}"]
        return [f"DROP FUNCTION IF EXISTS {self.name}() CASCADE"]


@dataclass(frozen=True, slots=True)
class TruncateGuard:
    """Refuses TRUNCATE, which PostgreSQL alone has and which fires no row trigger."""

    table: str

    @property
    def name(self) -> str:
        return f"guard_{self.table}_truncate"

    def create(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return []
        return [
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{self.table} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER {self.name} BEFORE TRUNCATE ON {self.table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION {self.name}()",
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.name}",
        ]

    def drop(self, vendor: str) -> list[str]:
        return [] if vendor == "sqlite" else [f"DROP FUNCTION IF EXISTS {self.name}() CASCADE"]


AnyGuard = Guard | TruncateGuard


def append_only(*tables: str) -> list[AnyGuard]:
    """Rows come in and stay as they are."""
    guards: list[AnyGuard] = []
    for table in tables:
        message = f"{table} is append-only"
        guards += [Guard(table, "UPDATE", message), Guard(table, "DELETE", message), TruncateGuard(table)]
    return guards


def install(connection: Any, guards: list[AnyGuard]) -> None:
    """Create the guards."""
    with connection.cursor() as cursor:
        for guard in guards:
            for statement in guard.create(connection.vendor):
                cursor.execute(statement)


def remove(connection: Any, guards: list[AnyGuard]) -> None:
    """Drop the guards: for a migration that goes back, and for a test that must empty its database."""
    with connection.cursor() as cursor:
        for guard in guards:
            for statement in guard.drop(connection.vendor):
                cursor.execute(statement)


@contextmanager
def aside(connection: Any, guard: Guard) -> Iterator[None]:
    """This one guard does not fire inside. Within a transaction, so that it is never seen gone.

    Only the role that owns the table may do it: ``ProgrammingError`` for any other.
    """
    table, name = guard.table, guard.name
    if connection.vendor == "sqlite":
        take, put_back = guard.drop("sqlite"), guard.create("sqlite")
    else:
        # An open check of a foreign key would keep the table from being altered.
        take = ["SET CONSTRAINTS ALL IMMEDIATE", f"ALTER TABLE {table} DISABLE TRIGGER {name}"]
        put_back = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}", "SET CONSTRAINTS ALL DEFERRED"]
    with connection.cursor() as cursor:
        for statement in take:
            cursor.execute(statement)
        yield
        for statement in put_back:
            cursor.execute(statement)
