"""The ledger fails closed: when an entry cannot be written, what it tells of does not happen."""

import pytest
from django.db import DatabaseError, connection

from requests_app.errors import Refused
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerLeaf
from requests_app.states import MOVES
from tests.chaos import books, faults
from tests.chaos.acts import ACTS

# Every act against every fault of the pen, on the database of production.
pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
every_act = pytest.mark.parametrize("act", ACTS.values(), ids=str)
FAILS = (DatabaseError, faults.Broken)


def test_no_type_of_entry_is_without_an_act():
    assert {entry for act in ACTS.values() for entry in act.entries} == set(TYPES)


def test_no_move_is_without_an_act():
    assert {move for act in ACTS.values() for move in act.moves} == {(str(seen), str(to)) for seen, to in MOVES}


@every_act
def test_what_cannot_be_written_down_does_not_happen(act, stage):
    doing = act.stage(stage)
    before, since, deletes = books.picture(), LedgerLeaf.objects.count(), len(stage.deletes())
    if connection.vendor == "postgresql":
        with faults.revoked():  # an act may see beforehand that it has not the right
            before = _fails(doing, before, stage, whole=act.whole, how=(*FAILS, Refused))
    for entry in act.entries:
        for fault in faults.FAULTS:
            with fault(entry):
                before = _fails(doing, before, stage, whole=act.whole)
            assert entry not in books.written(since)
            books.agree()
        if entry == "deletion.intended":
            assert len(stage.deletes()) == deletes, "nothing is deleted without an intent"
    doing()
    _assert_done(act, since)


def _fails(doing, before, stage, *, whole, how=FAILS):
    """An act of one transaction changes nothing. A run gets as far as it can; trying again changes and sends nothing.

    Returns the picture afterwards.
    """
    if not whole:
        with pytest.raises(how):
            doing()
        before = books.picture()
    deletes = len(stage.deletes())
    with pytest.raises(how):
        doing()
    assert books.picture() == before
    assert len(stage.deletes()) == deletes
    return before


def _assert_done(act, since):
    """It has written what it is told to write, and nothing else."""
    assert set(books.written(since)) == set(act.entries)
    assert {(told["seen"], told["to"]) for told in books.facts(since, "request.moved")} == act.moves
    books.agree()


@every_act
@pytest.mark.django_db(transaction=True)
def test_on_a_full_disk_nothing_happens_or_all_of_it(act, stage):
    doing = act.stage(stage)
    deletes = len(stage.deletes())
    with faults.full_disk():
        before, since = books.picture(), LedgerLeaf.objects.count()
        try:
            doing()
        except DatabaseError:
            pass
        else:  # a page had room left for just this
            _assert_done(act, since)
            return
        assert books.written(since) == []
        _fails(doing, before, stage, whole=act.whole)
        assert len(stage.deletes()) == deletes
        books.agree()
    doing()
    _assert_done(act, since)
