"""Lists that leave the portal as CSV.

In:  a queryset, and an allowlist of columns.
Out: a streamed file that a spreadsheet reads as text, never as a formula. However long, a piece of it is in memory.
Never here: a name, an identifier, or a column that nobody listed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from django.db import connection, models
from django.db.models import Case, DateTimeField, F, Func, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat, Left, NullIf
from django.db.models.lookups import In
from django.http import StreamingHttpResponse

#: What a spreadsheet would run (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Rows that are written at once.
_PIECE = 500


def harmless(value: Any) -> str:
    """The cell as text; an apostrophe before whatever a spreadsheet would run."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def stream(name: str, rows: QuerySet[Any], columns: Mapping[str, Any]) -> StreamingHttpResponse:
    """A download named ``name``. ``columns``: heading → field or expression, in the order of the file."""
    # PostgreSQL writes the file itself: its rows never become Python's.
    lines = _copied if connection.vendor == "postgresql" else _written
    response = StreamingHttpResponse(lines(rows, columns), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _line(cells: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _written(rows: QuerySet[Any], columns: Mapping[str, Any]) -> Iterator[bytes]:
    yield _line(columns)
    listed = {f"cell_{number}": _expression(one) for number, one in enumerate(columns.values())}
    found = rows.annotate(**listed).values_list(*listed).iterator(chunk_size=_PIECE)
    for piece in batched(found, _PIECE):
        yield b"".join([_line(map(harmless, row)) for row in piece])


def _copied(rows: QuerySet[Any], columns: Mapping[str, Any]) -> Iterator[bytes]:
    yield _line(columns)
    listed = {f"cell_{number}": _as_cell(rows, one) for number, one in enumerate(columns.values())}
    sql, params = rows.annotate(**listed).values_list(*listed).query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
        for piece in batched(copy, _PIECE):  # each is one line, which ends as PostgreSQL ends it
            yield b"\r\n".join([bytes(line[:-1]) for line in piece]) + b"\r\n"


def _expression(column: Any) -> Any:
    return F(column) if isinstance(column, str) else column


class _Iso(Func):
    """A moment in UTC, as ``harmless`` writes it."""

    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    output_field = TextField()


def _as_cell(rows: QuerySet[Any], column: Any) -> Any:
    """What ``harmless`` does, in the database. Nothing is an empty cell without quotes."""
    expression = _expression(column)
    field = expression.resolve_expression(rows.query.clone()).output_field
    if isinstance(field, DateTimeField):
        return _Iso(expression)
    if isinstance(field, models.IntegerField):
        return expression
    text = expression if isinstance(field, models.CharField | TextField) else Cast(expression, TextField())
    made = Case(
        When(_starts_with_formula(text), then=Concat(Value("'"), text, output_field=TextField())),
        default=text,
        output_field=TextField(),
    )
    return NullIf(made, Value(""), output_field=TextField())


def _starts_with_formula(text: Any) -> Any:
    return In(Left(text, 1, output_field=TextField()), list(_FORMULA))
