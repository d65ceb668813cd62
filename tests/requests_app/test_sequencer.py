"""The sequencer: every entry gets one number, in the order of arrival, without a gap, whatever is lost."""

import pytest
from django.db import DatabaseError, transaction

from requests_app import audit, sequencer
from requests_app.models import LedgerIndex, LedgerLeaf, LedgerQueue
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_():
    made = factories.RequestFactory.create()
    sequencer.drain()
    return made


def entries(request, count):
    start = LedgerIndex.objects.count()
    for _ in range(count):
        audit.append("request.moved", actor=audit.WORKER, about=request, seen="received", to="validated")
    return start


def numbers():
    return list(LedgerIndex.objects.order_by("seq").values_list("seq", flat=True))


def test_numbers_begin_at_nought_and_have_no_gap(request_, monkeypatch):
    monkeypatch.setattr(sequencer, "BATCH", 3)
    entries(request_, 8)
    assert sequencer.drain() == 8
    assert numbers() == list(range(LedgerLeaf.objects.count()))
    assert not LedgerQueue.objects.exists()
    order = list(LedgerIndex.objects.order_by("seq").values_list("leaf_id", flat=True))
    assert order == sorted(order)


def test_a_run_numbers_one_batch(request_, monkeypatch):
    monkeypatch.setattr(sequencer, "BATCH", 3)
    entries(request_, 4)
    assert [sequencer.sequence() for _ in range(3)] == [3, 1, 0]


def test_an_entry_that_lost_its_place_in_the_queue_is_found_again(request_):
    entries(request_, 3)
    LedgerQueue.objects.all().delete()
    assert sequencer.sequence() == 0
    assert sequencer.repair() == 3
    assert sequencer.repair() == 0
    assert sequencer.sequence() == 3


def test_an_entry_that_waits_again_keeps_its_number(request_):
    entries(request_, 2)
    sequencer.drain()
    before = list(LedgerIndex.objects.values_list("seq", "leaf"))
    LedgerQueue.objects.bulk_create(LedgerQueue(leaf=leaf) for leaf in LedgerLeaf.objects.all())
    assert sequencer.drain() == 0
    assert list(LedgerIndex.objects.values_list("seq", "leaf")) == before
    assert not LedgerQueue.objects.exists()


def test_entries_behind_a_batch_that_has_its_numbers_are_numbered_in_the_same_drain(request_, monkeypatch):
    monkeypatch.setattr(sequencer, "BATCH", 2)
    entries(request_, 2)
    sequencer.drain()
    LedgerQueue.objects.bulk_create(LedgerQueue(leaf=leaf) for leaf in LedgerLeaf.objects.order_by("pk"))
    entries(request_, 1)
    assert sequencer.drain() == 1


def test_a_run_that_dies_numbers_nothing(request_, monkeypatch):
    entries(request_, 2)
    before = numbers()
    with monkeypatch.context() as patched:
        patched.setattr(LedgerIndex.objects, "bulk_create", lambda rows: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sequencer.sequence()
    assert numbers() == before
    assert sequencer.drain() == 2


def test_no_number_is_given_twice(request_):
    entries(request_, 1)
    sequencer.drain()
    taken = LedgerIndex.objects.order_by("seq").last()
    leaf = audit.append("request.moved", actor=audit.WORKER, about=request_, seen="received", to="validated")
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerIndex.objects.create(seq=taken.seq, leaf=leaf)
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerIndex.objects.create(seq=taken.seq + 1, leaf=taken.leaf)


def test_a_drain_ends_while_entries_keep_arriving(request_, monkeypatch):
    entries(request_, 3)
    monkeypatch.setattr(sequencer, "BATCH", 2)
    real = sequencer.sequence

    def another_arrives():
        numbered = real()
        if numbered and LedgerLeaf.objects.count() < 30:
            entries(request_, 1)
        return numbered

    monkeypatch.setattr(sequencer, "sequence", another_arrives)
    assert sequencer.drain() == 4
    assert LedgerQueue.objects.count() == 1
