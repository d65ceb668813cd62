"""Takes many requests from a file: every bad line is reported, every good one goes in, and again adds nothing.

In:  the bytes of a CSV file (columns in ``COLUMNS``; ``docs/import.md`` describes them).
Out: a ``Result``: what was added, what was known, and every problem with its line, its column and what to do.
Never here: a half-taken line, or a value in a message. Each line is a transaction of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from requests_app import audit, digests, intake, keys
from requests_app.errors import Refused
from requests_app.identifiers import Kind
from requests_app.models import Request

IMPORTER = audit.Machine("importer")
MAX_BYTES = 50 * 1024 * 1024
REQUIRED = ("right", "received_at", "channel", "jurisdiction", "name")
IDENTIFIERS = {"phone": Kind.PHONE, "email": Kind.EMAIL, "customer_number": Kind.CUSTOMER_NUMBER}
OPTIONAL = (*IDENTIFIERS, "scope", "date_from", "date_to", "outcome", "closed_at")
COLUMNS = (*REQUIRED, *OPTIONAL)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. ``line`` counts from 1, the header being line 1; ``column`` is empty for a whole line."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.message}"


@dataclass(slots=True)
class Result:
    """What came of a file."""

    added: list[Request] = field(default_factory=list)
    #: lines that would be added (the same as ``added`` unless it was a dry run)
    good: int = 0
    known: int = 0
    linked: int = 0
    #: what was added and concerns people who asked before, or who must not be contacted
    flagged: list[Request] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def import_file(data: bytes, *, dry_run: bool, actor: audit.Actor = IMPORTER) -> Result:
    """Read a file and take its good lines. Raises ``Refused`` when it is no such file at all."""
    result = Result()
    seen: dict[str, int] = {}
    for number, row, raw in _rows(data, result=result):
        key = keys.import_key(*(f"{column}={row.get(column, '')}" for column in COLUMNS))
        if key in seen:
            result.problems.append(Problem(number, "", f"This is the same as line {seen[key]}. Remove one of the two."))
            continue
        seen[key] = number
        if Request.objects.filter(import_key=key).exists() or digests.knows_line(key):
            result.known += 1
            continue
        if raw is None:
            _take(row, number, key=key, dry_run=dry_run, actor=actor, result=result)
        else:
            result.problems.append(raw)
    return result


# --- reading ---------------------------------------------------------------------------------------------------------


def _rows(data: bytes, *, result: Result) -> Iterator[tuple[int, dict[str, str], Problem | None]]:
    """Each line as (its number, its cells by column, what is wrong with the line as a whole)."""
    reader = csv.reader(io.StringIO(_text(data), newline=""), delimiter=_delimiter(data), strict=True)
    began = 1
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header)
        while True:
            began = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            row = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
            yield reader.line_num, row, _fault_of_line(cells, header, line=reader.line_num)
    except csv.Error as error:
        too_long = "field limit" in str(error)
        fault = (
            f"A cell is too long (over {csv.field_size_limit()} characters), or its quotation mark never ends."
            if too_long
            else "The quotation marks do not match from here on."
        )
        result.problems.append(Problem(began, "", f"{fault} Mend this line; what follows it was not read."))


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Refused("import_too_large", "The file is larger than 50 MB. Split it into smaller ones.")
    if not data.strip():
        raise Refused("import_empty", "The file is empty. Its first line must name the columns.")
    if data[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0"):
        raise Refused("import_spreadsheet", "This is a spreadsheet. Save it as «CSV UTF-8» and import that file.")
    if data[:4] == b"%PDF" or b"\0" in data[:4096]:
        raise Refused("import_not_text", "This is no text file. Save the list as «CSV UTF-8» and import that file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused(
            "import_encoding", f"Line {line} is not UTF-8. Save the file as «CSV UTF-8» and import it again."
        ) from None


def _delimiter(data: bytes) -> str:
    first = data.split(b"\n", 1)[0]
    return max(",;\t", key=lambda mark: first.count(mark.encode()))


def _check_header(header: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in header]:
        raise Refused("import_header", f"The first line lacks the columns: {', '.join(missing)}. Add them.")
    if unknown := sorted({name for name in header if name not in COLUMNS}):
        listed = ", ".join(repr(name[:30]) for name in unknown[:5])
        raise Refused("import_header", f"Unknown columns: {listed}. Remove them, or use: {', '.join(COLUMNS)}.")
    if len(set(header)) != len(header):
        raise Refused("import_header", "A column stands twice in the first line. Remove one of the two.")


def _fault_of_line(cells: list[str], header: list[str], *, line: int) -> Problem | None:
    if len(cells) == len(header):
        return None
    message = f"This line has {len(cells)} cells, the first line {len(header)}. Check separators and quotation marks."
    return Problem(line, "", message)


# --- one line --------------------------------------------------------------------------------------------------------


def _take(row: dict[str, str], number: int, *, key: str, dry_run: bool, actor: audit.Actor, result: Result) -> None:
    draft, closed_at, problems = _examine(row, number)
    if problems:
        result.problems += problems
        return
    assert draft is not None
    result.good += 1
    if dry_run:
        return
    try:
        with transaction.atomic(durable=True):
            opened = intake.store(
                draft, actor=actor, opened_by=None, import_key=key, outcome=row.get("outcome", ""), closed_at=closed_at
            )
    except IntegrityError:
        if not Request.objects.filter(import_key=key).exists():
            raise
        # another import of the same file was faster
        result.known += 1
        result.good -= 1
        return
    result.added.append(opened.request)
    result.linked += bool(opened.duplicates)
    if opened.earlier or opened.suppressed:
        result.flagged.append(opened.request)


def _cell[T](
    row: dict[str, str], column: str, parse: Callable[[str], T | None], example: str, problems: list[Problem], line: int
) -> T | None:
    """The value of one cell, ``None`` when it is empty; what cannot be read becomes a problem."""
    text = row.get(column, "")
    if not text and column != "received_at":
        return None
    try:
        value = parse(text)
    except ValueError:
        value = None
    if value is None:
        problems.append(Problem(line, column, f"This is no date. Write it like {example}."))
    return value


def _examine(row: dict[str, str], number: int) -> tuple[intake.Draft | None, datetime | None, list[Problem]]:
    problems: list[Problem] = []
    received_at, closed_at = (
        _cell(row, column, _moment, "2026-11-24 or 2026-11-24T09:30", problems, number)
        for column in ("received_at", "closed_at")
    )
    date_from, date_to = (
        _cell(row, column, parse_date, "2026-11-24", problems, number) for column in ("date_from", "date_to")
    )
    problems += _faults_of_history(row, number, received_at=received_at, closed_at=closed_at)
    given = [(column, kind) for column, kind in IDENTIFIERS.items() if row.get(column)]
    try:
        draft = intake.examine(
            right=row["right"].lower(), channel=row["channel"].lower(), jurisdiction=row["jurisdiction"].upper(),
            received_at=received_at or timezone.now(), name=row["name"],
            identifiers=[(kind, row[column]) for column, kind in given],
            scope=row.get("scope", "").lower() or "everything", date_from=date_from, date_to=date_to,
        )  # fmt: skip
    except intake.Invalid as invalid:
        columns = {f"identifiers.{i}": column for i, (column, _) in enumerate(given)} | {"identifiers": "phone"}
        problems += [Problem(number, columns.get(name, name), text) for name, text in invalid.errors.items()]
        return None, None, problems
    return draft, closed_at, problems


def _faults_of_history(
    row: dict[str, str], number: int, *, received_at: datetime | None, closed_at: datetime | None
) -> list[Problem]:
    outcome, closed = row.get("outcome", ""), row.get("closed_at", "")
    if bool(outcome) != bool(closed):
        column = "closed_at" if outcome else "outcome"
        return [Problem(number, column, "Closed history needs both outcome and closed_at. Fill in both, or neither.")]
    if outcome and outcome not in intake.OUTCOMES:
        return [Problem(number, "outcome", f"Choose one of: {', '.join(intake.OUTCOMES)}.")]
    if closed_at and received_at and closed_at < received_at:
        return [Problem(number, "closed_at", "This is before received_at. Check the two dates.")]
    if closed_at and closed_at > timezone.now():
        return [Problem(number, "closed_at", "This lies in the future. Check the year.")]
    return []


def _moment(text: str) -> datetime | None:
    """An instant; without a zone it is read in the portal's, a bare date as its first moment."""
    zone = ZoneInfo(settings.TIME_ZONE)
    if (day := parse_date(text)) is not None:
        return datetime.combine(day, time.min, tzinfo=zone)
    value = parse_datetime(text)
    if value is None:
        return None
    return value if value.tzinfo else value.replace(tzinfo=zone)
