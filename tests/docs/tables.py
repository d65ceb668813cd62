"""Reads the tables of the documents, so that a test can compare them with the code.

In:  a document's name and the heading that a table stands under.
Out: its rows, each a dict by column; the first of the code words in a cell, or all of them.
Never here: a guess. A heading or a table that is missing is an error.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_CODE = re.compile(r"`([^`]+)`")
_BETWEEN = re.compile(r"(?<!\\)\|")


def text_of(name: str) -> str:
    """A document's text; ``name`` is relative to the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def _section(name: str, heading: str) -> list[str]:
    lines = text_of(name).splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip("#").strip() == heading and line.startswith("#")]
    assert len(starts) == 1, f"{name} must have the heading {heading!r} once, and has it {len(starts)} times"
    rest = lines[starts[0] + 1 :]
    end = next((i for i, line in enumerate(rest) if line.startswith("#")), len(rest))
    return rest[:end]


def table(name: str, heading: str) -> list[dict[str, str]]:
    """The rows of the one table under a heading."""
    rows = [line for line in _section(name, heading) if line.startswith("|")]
    assert len(rows) > 2, f"{name}: no table under {heading!r}"
    cells = [[cell.strip().replace("\\|", "|") for cell in _BETWEEN.split(row)[1:-1]] for row in rows]
    columns, _, *body = cells
    assert all(len(row) == len(columns) for row in body), f"{name}: a row under {heading!r} has too few or many cells"
    return [dict(zip(columns, row, strict=True)) for row in body]


def codes(cell: str) -> list[str]:
    """Every word that a cell sets in code."""
    return _CODE.findall(cell)


def code(cell: str) -> str:
    """The first of them."""
    return codes(cell)[0]


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    """A table, for a document that a command writes."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
