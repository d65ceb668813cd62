"""The import: every bad line is reported with its place and what to do; again adds nothing."""

import csv

import pytest

from requests_app import csv_import
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Request

pytestmark = pytest.mark.django_db

HEADER = "right,received_at,channel,jurisdiction,name,phone,email,customer_number,scope,date_from,date_to"
GOOD = "erasure,2026-01-05,phone,UK,Ines Example,07700 900199,,,everything,,"


def run(*lines, dry_run=False, header=HEADER):
    return csv_import.import_file("\n".join((header, *lines)).encode(), dry_run=dry_run)


def test_good_lines_go_in_and_importing_bars_nobody():
    result = run(GOOD, "access,2026-01-06T09:30,email,EU-DE,Jonas Beispiel,030 23125123,jonas@example.org,C-17,,,")
    assert (result.good, result.problems) == (2, [])
    assert Request.objects.filter(opened_by=None).count() == 2
    assert not any(request.bars.exists() for request in Request.objects.all())


def test_the_same_file_again_adds_nothing():
    run(GOOD)
    again = run(GOOD)
    assert (again.good, again.known, Request.objects.count()) == (0, 1, 1)


def test_a_dry_run_takes_nothing():
    assert run(GOOD, dry_run=True).good == 1
    assert not Request.objects.exists()
    assert not LedgerLeaf.objects.exists()


def test_a_bad_line_does_not_stop_the_good_ones():
    result = run("erasure,yesterday,phone,UK,A B,07700 900124,,,,,", GOOD)
    assert result.good == 1
    assert [(p.line, p.column) for p in result.problems] == [(2, "received_at")]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("forget,2026-01-05,phone,UK,A B,07700 900199,,,,,", "right"),
        ("erasure,,phone,UK,A B,07700 900199,,,,,", "received_at"),
        ("erasure,2026-02-30,phone,UK,A B,07700 900199,,,,,", "received_at"),
        ("erasure,05/01/2026,phone,UK,A B,07700 900199,,,,,", "received_at"),
        ("erasure,2099-01-05,phone,UK,A B,07700 900199,,,,,", "received_at"),
        ("erasure,2026-01-05,fax,UK,A B,07700 900199,,,,,", "channel"),
        ("erasure,2026-01-05,phone,Narnia,A B,07700 900199,,,,,", "jurisdiction"),
        ("erasure,2026-01-05,phone,UK,,07700 900199,,,,,", "name"),
        ("erasure,2026-01-05,phone,UK,A B,12345,,,,,", "phone"),
        ("erasure,2026-01-05,phone,UK,A B,,not-an-address,,,,", "email"),
        ("erasure,2026-01-05,phone,UK,A B,,,,,,", "phone"),
        ("erasure,2026-01-05,phone,UK,A B,07700 900199,,,half,,", "scope"),
        ("erasure,2026-01-05,phone,UK,A B,07700 900199,,,,soon,", "date_from"),
        ("erasure,2026-01-05,phone,UK,A B,07700 900199,,,,2026-01-02,2026-01-01", "date_to"),
        ("erasure,2026-01-05,phone,UK,A B,07700 900199", ""),
        ("erasure,2026-01-05,phone,UK,A B,07700 900199,,,,,,,,", ""),
    ],
)
def test_each_fault_is_reported_with_its_column(line, column):
    result = run(line)
    assert [(p.line, p.column) for p in result.problems] == [(2, column)]
    assert "900199" not in str(result.problems[0])
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "import_empty"),
        (b"  \n", "import_empty"),
        (b"PK\x03\x04 a workbook", "import_spreadsheet"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "import_spreadsheet"),
        (b"%PDF-1.7", "import_not_text"),
        (b"right\0,received_at", "import_not_text"),
        (HEADER.encode() + b"\nerasure,2026-01-05,phone,UK,Andr\xe9,07700 900199,,,,,", "import_encoding"),
        (b"name,phone\nA,1", "import_header"),
        ((HEADER + ",shoe_size\n" + GOOD + ",44").encode(), "import_header"),
        ((HEADER + ",name\n" + GOOD + ",x").encode(), "import_header"),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(data, code):
    with pytest.raises(Refused) as refused:
        csv_import.import_file(data, dry_run=False)
    assert refused.value.code == code


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(csv_import, "MAX_BYTES", 10)
    with pytest.raises(Refused, match="Split it"):
        run(GOOD)


def test_an_unclosed_quotation_mark_is_a_problem_of_its_line():
    result = run(GOOD, 'erasure,2026-01-05,phone,UK,"A B,07700 900124,,,,,')
    assert result.good == 1
    assert "quotation" in result.problems[0].message


def test_the_same_line_twice_in_a_file_is_reported():
    result = run(GOOD, GOOD)
    assert (result.good, result.problems[0].line) == (1, 3)
    assert "same as line 2" in result.problems[0].message


def test_semicolons_a_byte_order_mark_and_windows_line_ends_are_read():
    text = "\r\n".join((HEADER, GOOD, "")).replace(",", ";")
    assert csv_import.import_file(b"\xef\xbb\xbf" + text.encode(), dry_run=False).good == 1


def test_duplicates_of_an_open_request_are_linked():
    result = run(GOOD, GOOD.replace("2026-01-05", "2026-01-07"))
    assert (result.good, result.linked) == (2, 1)


HISTORY = HEADER + ",outcome,closed_at"


def test_closed_history_comes_in_read_only():
    result = run(GOOD + ",completed,2026-01-20", header=HISTORY)
    request = Request.objects.get()
    assert (result.good, request.origin, request.state, request.outcome) == (1, "history", "closed", "completed")


@pytest.mark.parametrize(
    ("end", "column"),
    [
        (",completed,", "closed_at"),
        (",,2026-01-20", "outcome"),
        (",vanished,2026-01-20", "outcome"),
        (",completed,2026-01-01", "closed_at"),
        (",completed,2099-01-01", "closed_at"),
        (",completed,someday", "closed_at"),
    ],
)
def test_history_needs_outcome_and_a_sane_date(end, column):
    assert column in {problem.column for problem in run(GOOD + end, header=HISTORY).problems}


def mini(*lines):
    return run(*lines, dry_run=True, header="right,received_at,channel,jurisdiction,name,email")


def test_a_cell_beyond_all_measure_is_called_by_its_name():
    endless = "x" * (csv.field_size_limit() + 1)
    result = mini(
        "erasure,2026-01-05,phone,UK,Ines Example,ines@example.org", f"erasure,2026-01-05,phone,UK,{endless},a@b.org"
    )
    (problem,) = result.problems
    assert (result.good, problem.line) == (1, 3)
    assert "too long" in problem.message
    assert "not read" in problem.message


def test_a_quotation_mark_that_never_ends_is_reported_where_it_begins():
    good = "erasure,2026-01-05,phone,UK,Ines Example,ines@example.org"
    result = mini(good, 'erasure,2026-01-05,phone,UK,"Ines,a@example.org', good, good)
    assert [problem.line for problem in result.problems] == [3]
    assert result.good == 1
