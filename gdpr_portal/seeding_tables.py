"""Stores invented rows as fast as the database takes them.

In:  rows as texts in PostgreSQL's COPY format, table by table.
Out: the same rows in the database: by COPY on PostgreSQL, by bulk inserts on SQLite.
Never here: what a row says. ``seeding_rows`` invents it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connection, models, transaction

from requests_app.models.guards import Guard, aside

NULL = r"\N"
#: Lists are stored with their digest, so the guards that keep a list from growing are set aside for that.
_IN_THE_WAY = tuple(
    Guard(table, "INSERT", f"{table}: the list is frozen",
          "(SELECT plan.digest FROM content_app_plan plan WHERE plan.id = NEW.plan_id) <> ''")
    for table in ("content_app_item", "content_app_coverage")
)  # fmt: skip


class Table:
    """The rows of one model that wait to be stored: the columns that vary first, then those that are always the same.

    A row is a tuple of texts as COPY reads them: ids without dashes, moments in UTC, bytes as ``\\\\x…``, ``NULL``.
    """

    def __init__(self, model: type[models.Model], *varying: str, **fixed: str):
        fields = {field.attname: field for field in model._meta.local_concrete_fields}
        rest = [name for name in fields if name not in varying and not isinstance(fields[name], models.AutoField)]
        self.columns = [fields[name].column for name in (*varying, *rest)]
        self.name = model._meta.db_table
        self.rows: list[tuple[Any, ...]] = []
        self.fixed = tuple(fixed[name] if name in fixed else _default(fields[name]) for name in rest)
        self._binary = [isinstance(fields[name], models.BinaryField) for name in (*varying, *rest)]
        self._line = "\t".join(["%s"] * len(varying) + [text.replace("%", "%%") for text in self.fixed])

    def take(self) -> list[tuple[Any, ...]]:
        """What waits, to be stored while more is told."""
        taken, self.rows = self.rows, []
        return taken

    def store(self, rows: list[tuple[Any, ...]]) -> None:
        """Store these rows."""
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in self.columns)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                line = self._line
                text = "\n".join([line % row for row in rows])
                with cursor.copy(f"COPY {self.name} ({columns}) FROM STDIN") as copy:
                    copy.write(text)
            else:
                marks = ", ".join(["%s"] * len(self.columns))
                insert = f"INSERT INTO {self.name} ({columns}) VALUES ({marks})"  # noqa: S608  names of our own models
                cursor.executemany(insert, self._as_values(rows))  # type: ignore[arg-type]  # row by row

    def _as_values(self, rows: list[tuple[Any, ...]]) -> Iterator[list[Any]]:
        for row in rows:
            yield [_value(text, binary) for text, binary in zip((*row, *self.fixed), self._binary, strict=True)]


def _default(field: Any) -> str:
    """What a column holds in every row, unless somebody says otherwise."""
    if field.has_default():
        value = field.get_default()
        return NULL if value is None else str(int(value)) if isinstance(value, bool) else str(value)
    return NULL if field.null else ""


def _value(text: Any, binary: bool) -> Any:
    if text == NULL:
        return None
    if binary:
        return bytes.fromhex(text[3:])
    return text.replace(r"\n", "\n") if isinstance(text, str) else text


@contextmanager
def quickly() -> Iterator[None]:
    """One batch of rows. Foreign keys, which fit by their making, are not looked at where the role may ask for that."""
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic())
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
                if cursor.fetchone()[0]:
                    cursor.execute("SET LOCAL session_replication_role = replica")
        for guard in _IN_THE_WAY:
            stack.enter_context(aside(connection, guard))
        yield


@contextmanager
def bare(tables: list[Table]) -> Iterator[None]:
    """PostgreSQL: without the indexes that no constraint needs; they are built again at the end, all at once."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT index.indexrelid::regclass::text, pg_get_indexdef(index.indexrelid) FROM pg_index index "
            "LEFT JOIN pg_constraint one ON one.conindid = index.indexrelid "
            "WHERE one.oid IS NULL AND index.indrelid = ANY(%s::regclass[])",
            [[table.name for table in tables]],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            for _, made in found:
                cursor.execute(made)
            cursor.execute("RESET maintenance_work_mem")


Taken = list[tuple[Table, list[tuple[Any, ...]]]]


class Hand:
    """Stores one batch while the next one is told: on PostgreSQL in a thread with a connection of its own."""

    def __init__(self) -> None:
        beside = connection.vendor == "postgresql" and not connection.in_atomic_block
        self._thread = ThreadPoolExecutor(max_workers=1) if beside else None
        self._last: Future[None] | None = None

    def store(self, tables: list[Table]) -> None:
        """Take what waits in these tables. Waits until the batch before is stored, and raises what that raised."""
        taken = [(table, table.take()) for table in tables]
        if self._thread is None:
            _store(taken)
            return
        self.finish()
        self._last = self._thread.submit(_store, taken)

    def finish(self) -> None:
        """Until everything that was taken is stored."""
        if self._last is not None:
            self._last.result()

    def close(self) -> None:
        """Let go of the thread and of its connection."""
        if self._thread is not None:
            self._thread.submit(connection.close)
            self._thread.shutdown()


def _store(taken: Taken) -> None:
    with quickly():
        for table, rows in taken:
            table.store(rows)


def take_stock() -> None:
    """Tell PostgreSQL's planner what there is now, which it would else find out in its own time."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
