"""Ways to break the pen on the ledger.

In:  which type of entry cannot be written.
Out: contexts in which it cannot; everything is as before afterwards.
Never here: a change of the portal's code. But for one, the faults are the database's own.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created
from django.utils import timezone

from requests_app import audit, sequencer
from requests_app.models import LedgerLeaf, LedgerQueue
from requests_app.models.guards import Guard, install, remove

LEAF, QUEUE = "requests_app_ledgerleaf", "requests_app_ledgerqueue"
#: Somebody who may do everything but write ledger entries.
_ROLE = "portal_without_pen"
#: Types of which no row beside the ledger tells.
_FILLERS = ("search.finished", "candidate.chosen", "system.stopped", "user.changed", "reply.recorded")


class Broken(Exception):
    """Something that no code of ours knows."""


@contextmanager
def _refusing(guard: Guard) -> Iterator[None]:
    connection.check_constraints()  # PostgreSQL alters no table while a foreign key of this transaction is unchecked
    install(connection, [guard])
    try:
        yield
    finally:
        connection.check_constraints()
        remove(connection, [guard])


def trigger(entry: str) -> Any:
    """The database refuses the entry itself, as an ``IntegrityError``."""
    return _refusing(Guard(LEAF, "INSERT", "this entry cannot be written", f"NEW.type = '{entry}'"))


def queue_trigger(entry: str) -> Any:
    """The entry can be written, its place in the sequencer's queue cannot."""
    leaf = f"(SELECT leaf.type FROM {LEAF} leaf WHERE leaf.id = NEW.leaf_id)"
    return _refusing(Guard(QUEUE, "INSERT", "the queue cannot be written", f"{leaf} = '{entry}'"))


@contextmanager
def raising(entry: str) -> Iterator[None]:
    """The pen raises before it writes."""
    real = audit.append

    def append(entry_type: str, **told: Any) -> Any:
        if entry_type == entry:
            raise Broken
        return real(entry_type, **told)

    with patch.object(audit, "append", append):
        yield


FAULTS: tuple[Callable[[str], Any], ...] = (trigger, queue_trigger, raising)


@contextmanager
def revoked() -> Iterator[None]:
    """PostgreSQL: the portal's role has lost the right to insert entries."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {_ROLE}")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {_ROLE}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {_ROLE}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {_ROLE}")
        cursor.execute(f"REVOKE INSERT ON {LEAF} FROM {_ROLE}")
        cursor.execute(f"SET ROLE {_ROLE}")
    try:
        yield
    finally:
        connection.check_constraints()
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP OWNED BY {_ROLE}")
            cursor.execute(f"DROP ROLE {_ROLE}")


#: So often in a row nothing fits before the disk counts as full.
_FULL = 10


@contextmanager
def full_disk() -> Iterator[None]:
    """There is no room for more entries: SQLite's file may not grow, PostgreSQL's table of entries may not.

    PostgreSQL goes on serving, as with a disk that is full. SQLite rolls the whole transaction back. Here and there a
    page may have room for one more entry of another type.
    """
    with _no_growth_on_sqlite() if connection.vendor == "sqlite" else _no_growth_on_postgresql():
        full = 0
        while full < _FULL:
            full = 0 if any([_fits(entry) for entry in _FILLERS]) else full + 1
        with suppress(DatabaseError):
            sequencer.drain()
        yield


def _fits(entry: str) -> bool:
    """Write the smallest entry that there is of a type; ``False`` when it does not fit."""
    try:
        with transaction.atomic():
            audit.append(entry, actor=audit.WORKER, about=uuid4())
    except DatabaseError:
        return False
    return True


@contextmanager
def _no_growth_on_sqlite() -> Iterator[None]:
    def pragma(text: str) -> int:
        with connection.cursor() as cursor:
            return cursor.execute(f"PRAGMA {text}").fetchone()[0]

    before, pages = pragma("max_page_count"), pragma("page_count")

    def limit(**told: Any) -> None:
        pragma(f"max_page_count = {pages}")

    limit()
    connection_created.connect(limit)  # a connection that lost its transaction is replaced, and the limit is its own
    try:
        yield
    finally:
        connection_created.disconnect(limit)
        pragma(f"max_page_count = {before}")


@contextmanager
def _no_growth_on_postgresql() -> Iterator[None]:
    """The table first grows beyond a segment of the server's log, so that a limit on files stops it and not the log."""
    rows = [
        LedgerLeaf(leaf=os.urandom(1900), hash=b"", type=_FILLERS[0], at=timezone.now(), actor="", object_id="")
        for _ in range(700)
    ]
    LedgerLeaf.objects.bulk_create(rows)
    LedgerQueue.objects.bulk_create(LedgerQueue(leaf=row) for row in rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_relation_size(%s)", [LEAF])
        backend, size = cursor.fetchone()
    _limit_files(backend, size)
    try:
        yield
    finally:
        _limit_files(backend, resource.RLIM_INFINITY)


def _limit_files(process: int, size: int) -> None:
    """Let no file of a process grow beyond ``size`` bytes. Only the process's own user may say so; root becomes it."""
    owner = os.stat(f"/proc/{process}")
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0, "the limit could not be set"
        return
    with suppress(OSError):
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        os._exit(0)
    os._exit(1)


@contextmanager
def failing_after_write(number: int) -> Iterator[list[str]]:
    """The ``number``-th statement that writes (from 1) is carried out, and then the program fails.

    Yields the tables that were written until then.
    """
    written: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        verb, *words = sql.split(None, 3)
        if verb in ("INSERT", "UPDATE", "DELETE"):
            written.append((words[0] if verb == "UPDATE" else words[1]).strip('"'))
            if len(written) == number:
                raise Broken
        return result

    with connection.execute_wrapper(count):
        yield written
