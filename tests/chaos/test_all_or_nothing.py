"""A program that fails after any statement leaves an act done or not begun, and never half."""

import pytest

from requests_app.models import LedgerLeaf
from tests.chaos import books, faults
from tests.chaos.acts import ACTS

# A fault after every statement is the same on either database; the rolling back is tried on the one of production.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
MOST = 200


@pytest.mark.parametrize("act", [act for act in ACTS.values() if act.whole], ids=str)
def test_an_act_is_done_or_not_begun(act, stage):
    doing = act.stage(stage)
    before, since = books.picture(), LedgerLeaf.objects.count()
    for number in range(1, MOST):
        try:
            with faults.failing_after_write(number) as written:
                doing()
        except faults.Broken:
            books.agree()
            if books.written(since):
                assert set(books.written(since)) == set(act.entries), f"half of it after {written[-1]}"
                break
            assert books.picture() == before, f"half of it after {written[-1]}"
        else:
            break
    assert number > len(act.entries)
    assert set(books.written(since)) == set(act.entries)


@pytest.mark.parametrize("act", [act for act in ACTS.values() if not act.whole], ids=str)
def test_a_run_that_dies_after_any_statement_is_finished_by_the_next(act, stage):
    doing = act.stage(stage)
    since = LedgerLeaf.objects.count()
    for number in range(1, MOST):
        try:
            with faults.failing_after_write(number):
                doing()
        except faults.Broken:
            books.agree()
            assert sum(map(_size, stage.deletes())) <= sum(told["items"] for told in _sent())
        else:
            break
    doing()
    books.agree()
    assert set(books.written(since)) >= set(act.entries)


def _sent():
    return [told for told in books.facts(0, "deletion.intended") if told["kind"] != "look"]


def _size(entry):
    return 1 if entry[0] == "delete_content" else len(entry) - 1
