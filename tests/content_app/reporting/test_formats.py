"""The three formats say the same, and none of them names the person."""

import io
import json
from collections import Counter

import jsonschema
import pypdf
import pytest

from content_app import reporting
from content_app.models import System
from content_app.reporting import pdf, proof_page, sheet, wording
from requests_app import approval, publisher, validation
from requests_app.models import StaffPseudonym
from tests.content_app.reporting.desk import COMPANY_LINE, EMAIL, SCHEMA, THEIRS, A, Centre, rows_of, text_of


@pytest.mark.parametrize("fmt", reporting.FORMATS)
def test_no_format_names_the_person(walk, staff, fmt):
    request = walk.to(to="closed", contact=EMAIL)
    data = reporting.export(request.pk, actor=staff, fmt=fmt).data
    text = text_of(data) if fmt == "pdf" else data.decode()
    assert request.reference in text
    assert not [spelling for spelling in (*THEIRS, COMPANY_LINE, staff.username, staff.last_name) if spelling in text]


def test_interactions_are_in_the_json_alone(walk, staff):
    request = walk.to()
    exported = {fmt: reporting.export(request.pk, actor=staff, fmt=fmt).data for fmt in reporting.FORMATS}
    assert A in exported["json"].decode()
    assert A not in exported["csv"].decode()
    assert A not in text_of(exported["pdf"])


def test_the_same_facts_give_the_same_bytes(walk, staff):
    request = walk.to(to="closed")
    for fmt in ("csv", "json"):
        first = reporting.export(request.pk, actor=staff, fmt=fmt).data
        assert reporting.export(request.pk, actor=staff, fmt=fmt).data == first
    told = reporting.facts(request.pk)
    page = wording.page(told) | {"proof": proof_page.page(told), "signature": {"text": "", "fingerprint": ""}}
    once, twice = (pdf.typeset(page, attached="{}", at=request.closed_at) for _ in range(2))
    assert once == twice


def test_the_json_is_the_facts(walk, staff):
    request = walk.to()
    exported = reporting.export(request.pk, actor=staff, fmt="json")
    assert json.loads(exported.data) == reporting.facts(request.pk)
    assert exported.name == f"{request.reference}-report.json"


def test_the_csv_has_a_row_for_each_class_and_each_limit(walk, staff):
    request = walk.to()
    rows = rows_of(reporting.export(request.pk, actor=staff, fmt="csv").data)
    assert Counter(row["row"] for row in rows) == {
        "content": len(Centre.manifest.content_classes), "out_of_reach": len(Centre.manifest.out_of_reach), "limit": 7,
    }  # fmt: skip
    assert {row["reference"] for row in rows} == {request.reference}
    assert {row["approved_role"] for row in rows} == {"supervisor"}
    assert sum(int(row["deleted"] or 0) for row in rows) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula(walk, staff, start):
    System.objects.update(name=f"{start}HYPERLINK(1)")
    request = walk.to()
    assert sheet.neutral(f"{start}1") == f"'{start}1"
    rows = rows_of(reporting.export(request.pk, actor=staff, fmt="csv").data)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(sheet.FORMULA)]


def test_the_pdf_is_tagged_for_the_archive_and_for_screen_readers(walk, staff):
    data = reporting.export(walk.to(to="closed").pk, actor=staff, fmt="pdf").data
    reader = pypdf.PdfReader(io.BytesIO(data))
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="3" pdfaid:conformance="A" pdfuaid:part="1"' in metadata
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en-GB"
    assert len(reader.pages) <= 4


def test_the_pdf_tells_the_story(walk, staff):
    request = walk.to(to="closed")
    text = " ".join(text_of(reporting.export(request.pk, actor=staff, fmt="pdf").data).split())
    assert "3 pieces of content were found in 1 connected system: 3 deleted. All 3 were looked for again" in text
    assert request.plan_digest in text
    assert "What this report cannot vouch for" in text
    assert str(StaffPseudonym.objects.get(user=staff).pseudonym) in text


@pytest.mark.parametrize(
    "name", ['#read("/etc/passwd") $x$ *b* \\', "</w:t> <script>", "日本 😀", "a\x01b", "#panic()"]
)
def test_hostile_and_strange_text_stays_text(walk, staff, name):
    System.objects.update(name=name)
    data = reporting.export(walk.to().pk, actor=staff, fmt="pdf").data
    text = "".join(text_of(data).split())
    assert "".join(pdf.spell_out(name).split()) in text or "".join(name.split()) in text


def test_an_end_without_a_deletion_has_a_short_report(walk, staff, validator, privacy_manager, supervisor):
    ends = {
        "refused": lambda one: approval.refuse(one.pk, actor=privacy_manager, reason="legal_claims"),
        "withdrawn": lambda one: validation.withdraw(one.pk, actor=validator, reason="person_withdrew"),
        "not_identified": lambda one: validation.not_identified(one.pk, actor=validator, reason="no_answer"),
    }
    for state, end in ends.items():
        request = walk.to(to="validated")
        end(request)
        publisher.publish()
        told = reporting.facts(request.pk)
        jsonschema.validate(told, SCHEMA)
        assert (told["request"]["outcome"], told["lists"], told["totals"]["found"]) == (state, [], 0)
        assert [limit["code"] for limit in told["cannot_vouch_for"]] == ["own_record", "no_witness"]
        assert wording.summary(told).endswith("Nothing was deleted.")
        assert reporting.export(request.pk, actor=staff, fmt="pdf").data.startswith(b"%PDF")


def test_nothing_held_says_so(walk):
    told = reporting.facts(walk.to(contents=()).pk)
    assert (
        wording.summary(told) == "The connected systems were searched, and no content of the person was found in them."
    )
