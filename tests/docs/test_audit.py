"""`docs/audit.md` names every reason and every difference, and its rule draws what the portal draws."""

import hashlib

from content_app import reconciliation
from requests_app import access_log, sampling
from tests.docs import tables

DOCUMENT = "docs/audit.md"


def test_every_reason_is_described():
    rows = {tables.code(row["Reason"]): row for row in tables.table(DOCUMENT, "Reasons")}
    assert {code: row["Means"] for code, row in rows.items()} == dict(access_log.Reason.choices)
    assert {code for code, row in rows.items() if row["Comes"] == "chosen"} == set(dict(access_log.CHOOSABLE))
    for_documents = {code for code, row in rows.items() if row["Comes"] == "chosen for a document"}
    assert for_documents == set(dict(access_log.FOR_EVIDENCE)) - set(dict(access_log.CHOOSABLE))


def test_every_difference_is_described():
    rows = tables.table(DOCUMENT, "Reconciliation")
    told = {tables.code(row["Code"]): row["What is the matter"] for row in rows}
    assert told == {code: words.format(id="…") for code, words in reconciliation.WORDS.items()}


def test_the_rule_draws_what_the_portal_draws():
    ids = [f"00000000-0000-7000-8000-{number:012d}" for number in range(40)]
    ranked = sorted((hashlib.sha256(b"seed" + b"\x00" + one.encode()).hexdigest(), one) for one in ids)
    assert sampling.choose("seed", ids, size=7) == [one for _, one in ranked[:7]]
