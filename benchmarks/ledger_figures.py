"""Measures the ledger on one database: ``python -m benchmarks.ledger_figures SECONDS BACKLOG ENTRIES``.

In:  a migrated, empty database in the environment, production's settings.
Out: one JSON object on standard output.
Never here: a table for people. ``benchmarks.ledger`` starts this once for each database, and writes it down.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from statistics import median
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from uuid_utils.compat import uuid7  # noqa: E402

from requests_app import audit, publisher, sequencer, tlog  # noqa: E402
from requests_app.models import LedgerIndex, LedgerLeaf, LedgerQueue  # noqa: E402

WRITERS = (1, 8, 32)
ROUNDS = 5
#: An entry as large as most: a receipt.
FACTS: dict[str, Any] = {"status": "done", "deleted": 3, "already_gone": 0, "failed": 0, "probed": 0, "fence": 1}
BATCH = 5000


# --- appending -------------------------------------------------------------------------------------------------------


def entry() -> LedgerLeaf:
    """One entry, as a room writes it."""
    with transaction.atomic():
        return audit.append(
            "deletion.receipt", actor=audit.WORKER, about=uuid4(), plan=uuid4(), step=uuid4(), digest="d" * 64, **FACTS
        )


def bare(leaf: bytes) -> Callable[[], object]:
    """The same bytes into a table with nothing but a number."""

    def insert() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bare (leaf) VALUES (%s)", [leaf])

    return insert


def rate(writers: int, act: Callable[[], object], seconds: float) -> float:
    """How often a second ``writers`` processes do it together."""
    connection.close()
    reading, writing = os.pipe()
    begin = time.monotonic() + 0.2 + writers * 0.02
    children = [_writer(writing, act, begin, seconds) for _ in range(writers)]
    os.close(writing)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0, "a writer failed"
    with os.fdopen(reading) as told:
        return sum(map(int, told.read().split())) / seconds


def _writer(told: int, act: Callable[[], object], begin: float, seconds: float) -> int:
    child = os.fork()
    if child:
        return child
    act()  # the connection is open before the clock runs
    time.sleep(max(0.0, begin - time.monotonic()))
    done = 0
    while time.monotonic() < begin + seconds:
        act()
        done += 1
    os.write(told, f"{done}\n".encode())
    connection.close()
    os._exit(0)


def appending(seconds: float) -> dict[str, Any]:
    """Entries a second, beside plain inserts of the same bytes."""
    number = "bigint GENERATED ALWAYS AS IDENTITY" if connection.vendor == "postgresql" else "integer"
    binary = "bytea" if connection.vendor == "postgresql" else "blob"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare (id {number} PRIMARY KEY, leaf {binary} NOT NULL)")
    leaf = bytes(entry().leaf)
    return {str(writers): _compared(writers, bare(leaf), seconds) for writers in WRITERS} | {"bytes": len(leaf)}


def _compared(writers: int, insert: Callable[[], object], seconds: float) -> dict[str, float]:
    """Medians of rounds that take turns, so that whatever else the machine does meets both."""
    rounds = [(rate(writers, entry, seconds / ROUNDS), rate(writers, insert, seconds / ROUNDS)) for _ in range(ROUNDS)]
    entries, inserts = zip(*rounds, strict=True)
    return {"entries": median(entries), "bare": median(inserts)}


# --- filling ---------------------------------------------------------------------------------------------------------


def leaves(count: int) -> Iterator[LedgerLeaf]:
    """Entries that differ in what entries differ in, made without the pen."""
    with transaction.atomic():
        model = audit.append(
            "deletion.receipt", actor=audit.WORKER, about=uuid4(), plan=uuid4(), step=uuid4(), digest="d" * 64, **FACTS
        )
        text, model_id, model_object = bytes(model.leaf).decode(), str(model.pk), model.object_id
        model_at = json.loads(text)["at"]
        transaction.set_rollback(True)
    at = datetime.now(UTC)
    for _ in range(count):
        at += timedelta(microseconds=7)
        leaf_id, about = uuid7(), str(uuid4())
        written = text.replace(model_id, str(leaf_id)).replace(model_object, about)
        leaf = written.replace(model_at, f"{at:%Y-%m-%dT%H:%M:%S.%fZ}").encode()
        yield LedgerLeaf(
            id=leaf_id, leaf=leaf, hash=tlog.leaf_hash(leaf), type=model.type, at=at, actor=model.actor, object_id=about
        )


def _store(rows: list[Any]) -> None:
    """Rows of one table, as fast as the database takes them."""
    model = type(rows[0])
    if connection.vendor != "postgresql":
        model.objects.bulk_create(rows)
        return
    fields = model._meta.local_fields
    columns = ", ".join(field.column for field in fields)
    with connection.cursor() as cursor, cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([getattr(row, field.attname) for field in fields])


def fill(count: int, follow: Callable[[list[LedgerLeaf]], list[Any]]) -> None:
    """Store entries, and the row that follows each."""
    for rows in batched(leaves(count), BATCH):
        with transaction.atomic():
            _store(list(rows))
            _store(follow(list(rows)))


# --- publishing ------------------------------------------------------------------------------------------------------


def publishing(backlog: int) -> dict[str, float]:
    """Entries a second that are numbered, and that are published, from a backlog."""
    publisher.publish()
    fill(backlog, lambda rows: [LedgerQueue(leaf=row) for row in rows])
    numbered = _timed(sequencer.drain)
    published = _timed(publisher.publish)
    return {"numbered": backlog / numbered, "published": backlog / published, "both": backlog / (numbered + published)}


# --- verifying -------------------------------------------------------------------------------------------------------


def verifying(count: int) -> dict[str, float]:
    """Seconds to verify ``count`` entries and their checkpoints, and for the bare SHA-256 over the same bytes.

    ``processor`` and ``sha256`` are this process's own time: they say the same on a busy machine.
    """
    start = LedgerIndex.objects.count()

    def number(rows: list[LedgerLeaf]) -> list[Any]:
        nonlocal start
        start += len(rows)
        return [LedgerIndex(seq=start - len(rows) + i, leaf=row) for i, row in enumerate(rows)]

    fill(max(0, count - start), number)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    publisher.publish()
    checked: list[audit.Verdict] = []
    processor = time.process_time()
    seconds = _timed(lambda: checked.append(audit.verify()))
    processor = time.process_time() - processor
    assert checked[0].ok, checked[0].faults[:3]
    hashing = sum(_hash(page) for page in batched(_stored(), 100_000))
    return {"entries": checked[0].size, "seconds": seconds, "processor": processor, "sha256": hashing}


def _stored() -> Iterator[bytes]:
    rows, seq = LedgerIndex.objects.order_by("seq").values_list("seq", "leaf__leaf"), -1
    while page := list(rows.filter(seq__gt=seq)[:BATCH]):
        seq = page[-1][0]
        yield from (bytes(leaf) for _, leaf in page)


def _hash(page: tuple[bytes, ...]) -> float:
    """The seconds that the tree's hashes over these entries take, with nothing around them."""

    def work() -> None:
        level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in page]
        while len(level) > 1:
            level = [hashlib.sha256(b"\1" + b"".join(pair)).digest() for pair in batched(level, 2)]

    began = time.process_time()
    work()
    return time.process_time() - began


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(seconds: float, backlog: int, entries: int) -> None:
    told = {"appending": appending(seconds), "publishing": publishing(backlog), "verifying": verifying(entries)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
