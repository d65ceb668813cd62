"""`docs/testing.md` and the Makefile name the same tiers, and the documents that are compared are all there."""

import re

from tests.docs import tables

DOCUMENT = "docs/testing.md"


def test_the_tiers_are_those_of_the_makefile():
    head = re.findall(r"^#     (\w+) {2,}(.+?) {2,}(.+?) {2,}(\w+)$", tables.text_of("Makefile"), re.MULTILINE)
    told = [(tier, takes, runs) for tier, takes, _, runs in head if tier != "tier"]
    rows = tables.table(DOCUMENT, "Tiers")
    assert [(row["Tier"], row["Takes"], row["Runs in CI"]) for row in rows] == told
    assert told


def test_every_test_of_a_document_is_told():
    rows = tables.table(DOCUMENT, "Tests of documents")
    told = {name for row in rows for name in tables.codes(row["Document"])}
    tested = {path.stem.removeprefix("test_") for path in (tables.ROOT / "tests" / "docs").glob("test_*.py")}
    assert {f"docs/{name.replace('_', '-')}.md" for name in tested - {"mentions"}} == told
