"""An auditor's day in the demo: the check, the ledger, a reason, a sample and its evidence, the reconciliation."""

import hashlib
import json
import zipfile
from uuid import UUID

import pytest

CHECK, SAMPLES = "/admin/requests_app/ledgerleaf/", "/admin/requests_app/sample/"


@pytest.fixture
def closed(demo):
    """The id of the request of the story that was closed with a reply."""
    rows = demo.rows("SELECT id FROM requests_app_request WHERE state = 'closed' AND origin = 'live'")
    return UUID(rows[0][0])


@pytest.fixture
def auditor(visit):
    return visit("auditor")


def heading(auditor):
    return auditor.page.locator(".standing h2").inner_text()


def test_the_first_thing_is_what_the_last_check_found(auditor):
    auditor.open("/admin/")
    auditor.press("Check now")
    auditor.open("/admin/")
    first = auditor.page.locator("main .card").first
    assert "The ledger holds" in first.inner_text()
    assert "No independent witness" in first.inner_text()
    auditor.look("audit-first-page")


def test_the_ledger_is_narrowed_down_and_leafed_through(auditor):
    auditor.open(CHECK)
    auditor.look("audit-ledger")
    auditor.page.get_by_label("Type").select_option(label="Deletion receipt")
    auditor.press("Show")
    titles = set(
        auditor.page.locator("#ledger-entries >> xpath=ancestor::section >> .rows a.reference").all_inner_texts()
    )
    assert titles == {"Deletion receipt"}
    auditor.open(CHECK)
    auditor.page.get_by_role("link", name="Older entries").click()
    auditor.settle()
    auditor.page.get_by_role("link", name="Newer entries").click()
    auditor.settle()
    assert auditor.page.get_by_role("link", name="Newer entries").count() == 0


def test_a_request_s_page_of_the_ledger_has_its_proofs(auditor, closed):
    auditor.open(f"/admin/requests_app/request/{closed}/ledger/")
    assert "Not cosigned" in auditor.page.inner_text("main")
    auditor.look("audit-request-ledger")
    with auditor.page.expect_download() as told:
        auditor.page.get_by_role("link", name="Download all proofs").click()
    with zipfile.ZipFile(told.value.path()) as archive:
        assert any(name.endswith(".tlog-proof") for name in archive.namelist())


def test_a_person_is_shown_after_a_reason_was_chosen(auditor, closed):
    auditor.open(f"/admin/requests_app/request/{closed}/change/")
    person = auditor.page.locator("section", has=auditor.page.locator("#person-title"))
    assert "••••" in person.inner_text()
    auditor.page.get_by_text("Show in clear").click()
    auditor.page.get_by_label("Reason").select_option(label="Checking a sample")
    auditor.press("Show for 15 minutes")
    assert "••••" not in person.inner_text()
    assert "checking a sample" in person.inner_text()
    auditor.look("audit-revealed")
    auditor.open("/admin/requests_app/accesslogentry/")
    assert "Checking a sample" in auditor.page.inner_text("main")
    auditor.look("audit-access-log")


def test_a_sample_is_drawn_and_its_evidence_taken_out_in_one_click(auditor):
    auditor.open(SAMPLES)
    auditor.look("audit-samples")
    auditor.page.get_by_label("Requests").fill("3")
    auditor.page.get_by_label("Seed").fill("browser-2718")
    auditor.press("Draw")
    assert "Draws the same again" in auditor.page.inner_text("main")
    auditor.look("audit-sample")
    with auditor.page.expect_download() as told:
        auditor.page.get_by_role("button", name="Download the evidence").click()
    with zipfile.ZipFile(told.value.path()) as archive:
        record = json.loads(archive.read("sample.json"))
        population = archive.read("population.txt")
        reports = [name for name in archive.namelist() if name.endswith("report.pdf")]
    assert len(reports) == 3
    assert hashlib.sha256(population).hexdigest() == record["population_digest"]
    assert auditor.page.get_by_role("button", name="Download the evidence").is_enabled(), "and once more, if wanted"


def test_the_accounts_of_the_story_agree(auditor, closed):
    auditor.open("/admin/content_app/plan/reconciliation/")
    assert heading(auditor) == "The accounts agree"
    auditor.look("audit-reconciliation")
    auditor.open(f"/admin/content_app/plan/of/{closed}/reconciliation/")
    assert heading(auditor) == "The accounts agree"
    auditor.look("audit-reconciliation-of-request")


def test_what_is_not_there_has_a_page_that_says_so(auditor):
    auditor.open("/admin/content_app/system/00000000-0000-7000-8000-000000000000/change/")
    assert auditor.faults, "the browser reports the answer itself"
    auditor.faults.clear()
    auditor.look("audit-not-found")
