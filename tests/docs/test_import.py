"""`docs/import.md` describes the columns and the choices that an import takes."""

from requests_app import csv_import, intake
from requests_app.models import Channel, Jurisdiction, Right, Scope
from tests.docs import tables


def columns():
    return {tables.code(row["Column"]): row for row in tables.table("docs/import.md", "Columns")}


def test_every_column_is_described_in_its_order():
    assert tuple(columns()) == csv_import.COLUMNS
    needed = {name: row["Required"] for name, row in columns().items()}
    assert tuple(name for name, told in needed.items() if told == "yes") == csv_import.REQUIRED
    assert {name for name, told in needed.items() if told.startswith("one of")} == set(csv_import.IDENTIFIERS)


def test_every_choice_is_described():
    known = {"right": Right.values, "channel": Channel.values, "jurisdiction": Jurisdiction.values}
    for name, values in known.items():
        assert tables.codes(columns()[name]["Holds"]) == values
    assert set(Scope.values) <= set(tables.codes(columns()["scope"]["Holds"]))
    assert set(intake.OUTCOMES) <= set(tables.codes(columns()["outcome"]["Holds"]))
