"""Lists that leave the portal: the same file from both engines, harmless to a spreadsheet."""

import csv
import io

import pytest
from django.db import connection

from requests_app.admin import exports
from requests_app.models import Request
from tests import factories

COLUMNS = {"reference": "reference", "outcome": "outcome", "closed": "closed_at", "received": "received_at"}


def lines(response: object) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_every_cell_that_a_spreadsheet_would_run_is_text(db: None) -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", 'a "quoted", cell', "100 %", ""]
    for cell in cells:
        factories.RequestFactory(outcome=cell)
    found = lines(exports.stream("x.csv", Request.objects.order_by("pk"), COLUMNS))
    assert found[0] == list(COLUMNS)
    assert [row[1] for row in found[1:]] == [f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells]
    assert {row[2] for row in found[1:]} == {""}


def test_a_moment_is_written_in_utc(db: None) -> None:
    made = factories.RequestFactory(is_closed=True)
    [_, row] = lines(exports.stream("x.csv", Request.objects.all(), COLUMNS))
    assert row[2:] == [exports.harmless(made.closed_at), exports.harmless(made.received_at)]
    assert row[3].endswith("+00:00")


@pytest.mark.postgresql
def test_postgresql_writes_what_python_would_write(db: None) -> None:
    for outcome in ("=x", "answered", "", "ü, ö"):
        factories.RequestFactory(outcome=outcome)
    rows = Request.objects.filter(state="received").order_by("pk")
    assert connection.vendor == "postgresql"
    assert b"".join(exports._copied(rows, COLUMNS)) == b"".join(exports._written(rows, COLUMNS))
