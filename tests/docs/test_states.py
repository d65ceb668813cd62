"""`docs/states.md` knows every state and every move, and no others."""

from content_app.models import Errand
from requests_app.states import MOVES, NEXT, State
from tests.docs import tables

DOCUMENT = "docs/states.md"


def test_every_state_is_described_as_the_screens_do():
    rows = tables.table(DOCUMENT, "States")
    described = {tables.code(row["State"]): (row["Label"], (row["What happens next"], row["Who"])) for row in rows}
    assert described == {state.value: (state.label, NEXT[state]) for state in State}


def test_every_move_is_described_and_no_other():
    rows = tables.table(DOCUMENT, "Moves")
    described = [(tables.code(row["From"]), tables.code(row["To"])) for row in rows]
    assert len(described) == len(set(described))
    assert set(described) == {(start.value, end.value) for start, end in MOVES}


def test_every_ground_for_attention_is_described():
    rows = tables.table(DOCUMENT, "Attention")
    described = {tables.code(row["Attention"]): row["Means"] for row in rows}
    assert described == {one.value: one.label for one in Errand.Attention if one.value}
