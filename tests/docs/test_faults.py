"""`docs/faults.md` has a row for every fault, a column for every verb; `tests/chaos` compares what stands there."""

from tests.chaos.fault_proxy import FAULTS, VERBS
from tests.chaos.test_faults import LASTS, LONG_ONES, PASSES
from tests.docs import tables

DOCUMENT = "docs/faults.md"


def rows_of(heading):
    return {row["Fault"]: row for row in tables.table(DOCUMENT, heading)}


def test_every_fault_is_told_for_every_verb():
    rows = rows_of(PASSES)
    assert list(rows) == [fault.name for fault in FAULTS]
    for row in rows.values():
        assert list(row) == ["Fault", "Carried out", *(verb.capitalize() for verb in VERBS)]
        assert not {"", "?"} & set(row.values())


def test_every_fault_that_lasts_is_told():
    rows = rows_of(LASTS)
    assert set(rows) == set(LONG_ONES)
    assert not {"", "?"} & {cell for row in rows.values() for cell in row.values()}


def test_whether_a_call_has_its_effect_is_told():
    for fault in FAULTS:
        assert rows_of(PASSES)[fault.name]["Carried out"] == ("yes" if fault.reaches else "no")
