"""The pen: what may be written, how it is numbered, and that a change is found."""

from datetime import datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction

from requests_app import audit, sequencer
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerIndex, LedgerLeaf, LedgerQueue
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db


def write(count=1):
    for _ in range(count):
        with transaction.atomic():
            audit.append("search.finished", actor=audit.WORKER, about=uuid4(), calls=3)


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "Ines"},
        {"calls": "three"},
        {"calls": -1},
        {"calls": True},
        {"system": "not-a-uuid"},
        {"calls": 1.5},
    ],
)
def test_a_fact_that_the_registry_does_not_allow_is_a_bug(facts):
    with pytest.raises(audit.LedgerError):
        audit.append("search.finished", actor=audit.WORKER, about=uuid4(), **facts)


@pytest.mark.parametrize("code", ["+447700900123", "07700900123", "a@example.org", "free text", "", "x" * 41, "Änne"])
def test_a_code_can_hold_no_address_and_no_sentence(code):
    with pytest.raises(audit.LedgerError):
        audit.append("candidate.chosen", actor=audit.WORKER, about=uuid4(), reason=code)


def test_an_instant_needs_a_zone():
    with pytest.raises(audit.LedgerError):
        audit.append("approval.given", actor=audit.WORKER, about=uuid4(), execute_after=datetime(2026, 1, 1))


def test_an_actor_must_be_known():
    with pytest.raises(audit.LedgerError):
        audit.append("search.finished", actor=AnonymousUser(), about=uuid4())


def test_a_person_is_a_random_pseudonym_and_a_role(supervisor):
    leaf = audit.append("system.stopped", actor=supervisor, about=uuid4())
    text = bytes(leaf.leaf).decode()
    assert supervisor.username not in text
    assert audit.pseudonym_of(supervisor) in text
    assert '"role":"supervisor"' in text


def test_numbers_are_gap_free_from_zero_and_in_order():
    write(5)
    assert sequencer.drain() == 5
    write(2)
    assert sequencer.drain() == 2
    assert list(LedgerIndex.objects.order_by("seq").values_list("seq", flat=True)) == list(range(7))
    assert audit.verify().size == 7


def test_a_lost_queue_row_is_found_again():
    write(3)
    LedgerQueue.objects.all().delete()
    assert (sequencer.repair(), sequencer.drain()) == (3, 3)
    assert audit.verify().ok


def test_a_doubled_queue_row_gives_no_second_number():
    write(1)
    sequencer.drain()
    LedgerQueue.objects.create(leaf=LedgerLeaf.objects.get())
    assert sequencer.drain() == 0
    assert audit.verify().size == 1


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
@pytest.mark.parametrize("table", ["requests_app_ledgerleaf", "requests_app_ledgerindex"])
def test_the_database_refuses_every_change_of_the_ledger(table, change):
    write(1)
    sequencer.drain()
    column = "type" if table.endswith("leaf") else "seq"
    statement = f"DELETE FROM {table}" if change == "DELETE" else f"UPDATE {table} SET {column} = {column}"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["requests_app_ledgerleaf", "requests_app_ledgerindex", "content_app_receipt"])
def test_postgresql_refuses_truncate_too(table):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


def _tamper(statement):
    connection.check_constraints()  # PostgreSQL alters no table while a foreign key of this transaction is unchecked
    with guards_aside(connection), connection.cursor() as cursor:
        cursor.execute(statement)
        connection.check_constraints()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE requests_app_ledgerleaf SET type = 'request.moved' WHERE {third}", "columns"),
        ("UPDATE requests_app_ledgerleaf SET actor = 'machine:x' WHERE {third}", "columns"),
        ("UPDATE requests_app_ledgerleaf SET hash = leaf WHERE {third}", "hash"),
        ("DELETE FROM requests_app_ledgerindex WHERE seq = 2", "missing"),
        ("UPDATE requests_app_ledgerindex SET seq = 9 WHERE seq = 2", "missing"),
    ],
)
def test_tampering_is_found(statement, fault):
    write(5)
    sequencer.drain()
    third = "id = (SELECT leaf_id FROM requests_app_ledgerindex WHERE seq = 2)"
    _tamper(statement.format(third=third))
    verdict = audit.verify()
    assert fault in " ".join(verdict.faults)


def test_every_type_names_only_facts_of_a_known_kind():
    kinds = {kind for entry in TYPES.values() for kind in entry.facts.values()}
    assert kinds <= {"code", "count", "digest", "id", "instant"}
