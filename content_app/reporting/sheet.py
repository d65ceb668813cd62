"""Writes a report as a flat table that a spreadsheet opens: one row for each class of each system, and each limit.

In:  the facts of a report.
Out: CSV (RFC 4180, UTF-8 with a byte order mark, which spreadsheets need to read it as UTF-8).
Never here: a cell that a spreadsheet would take for a formula, or a total that a sum over the column would count twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from content_app.reporting.tally import FATES, READINGS

#: A spreadsheet runs a cell that begins like this; East Asian versions take the full-width signs as well.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
REQUEST = ("reference", "right", "jurisdiction", "received_at", "scope_as_of", "state", "outcome", "closed_at")
PEOPLE = ("validated", "approved")
COUNTS = ("found", *FATES, *READINGS)
COLUMNS = (
    "schema", "version", "as_of", *REQUEST,
    *(f"{act}_{what}" for act in PEOPLE for what in ("at", "role", "pseudonym")),
    "list_digests", "row", "system", "class", *COUNTS, "kept_grounds", "last_verified_at", "note",
)  # fmt: skip


def render(told: dict[str, Any]) -> bytes:
    """The report as bytes. ``row`` says what a row is: ``content``, ``out_of_reach`` or ``limit``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, restval="")
    writer.writeheader()
    repeated = _repeated(told)
    for row in _rows(told):
        writer.writerow({name: neutral(value) for name, value in (repeated | row).items()})
    return text.getvalue().encode("utf-8-sig")


def neutral(value: object) -> object:
    """A cell's value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return "" if value is None else value


def _repeated(told: dict[str, Any]) -> dict[str, Any]:
    """What every row says again, so that each can stand alone."""
    cells = {name: told[name] for name in ("schema", "version", "as_of")}
    cells |= {name: told["request"][name] for name in REQUEST}
    for act in PEOPLE:
        done = [step for step in told["steps"] if step["step"] == act]
        if done:
            cells |= {f"{act}_{what}": done[-1][what] for what in ("at", "role", "pseudonym")}
    return cells | {"list_digests": " ".join(each["digest"] for each in told["lists"])}


def _rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in told["content"]:
        grounds = "; ".join(f"{each['ground']}: {each['count']}" for each in row["kept_grounds"])
        yield {"row": "content", **row, "kept_grounds": grounds}
    for row in told["out_of_reach"]:
        yield {"row": "out_of_reach", "system": row["system"], "class": row["class"], "note": row["reason"]}
    for limit in told["cannot_vouch_for"]:
        yield {"row": "limit", "class": limit["code"], "note": limit["text"]}
