"""The whole story in a browser, against the running demo: taken, validated, frozen, approved, gone, answered, proved.

Each test goes on where the one before it stopped, as the people do. On every page that is opened: no fault in the
console, no breach of the content security policy, no call to another host, nothing that a reader cannot read.
"""

import json
import re
import time
from pathlib import Path

import jsonschema
import pytest

from tests.demo import Demo

PATIENCE = 60
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "report.schema.json").read_text())
#: What the story hands on from one test to the next.
told = {}


@pytest.fixture(scope="module")
def person(demo: Demo):
    """Somebody in the sandbox whom no request is about yet."""
    subject = demo.control("GET", "subjects")["subjects"][1]
    kinds = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}
    known = [(kinds[one["kind"]], one["formats"][0]) for one in subject["identifiers"]]
    return subject | {"known": known}


@pytest.fixture(autouse=True)
def _in_order(request):
    """A chapter makes no sense when one before it failed."""
    if told.get("broken"):
        pytest.fail(f"the story broke off earlier: {told['broken']}")
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        told["broken"] = request.node.name


def state(demo):
    return demo.rows("SELECT state FROM requests_app_request WHERE reference = ?", told["reference"])[0][0]


def wait_for_state(demo, wanted):
    until = time.monotonic() + PATIENCE
    while (now := state(demo)) != wanted:
        assert time.monotonic() < until, f"still {now} after {PATIENCE} seconds"
        time.sleep(0.2)


def test_staff_take_a_request_and_read_its_reference_out(visit, person):
    staff = visit("staff")
    staff.look("story-waiting")
    page = staff.open("/admin/requests_app/request/add/")
    page.get_by_label("Name of the person").fill(person["name"])
    for position, (kind, value) in enumerate(person["known"], 1):
        row = page.get_by_label(f"Identifier {position}", exact=True)
        if not row.is_visible():
            page.get_by_text("Another number or address").click()
        page.get_by_label(f"Kind of identifier {position}", exact=True).select_option(kind)
        row.fill(value)
    staff.look("story-capture")
    staff.press("Take the request")
    told["reference"] = page.locator(".taken-reference").inner_text().strip()
    assert re.fullmatch(r"DSR-\w{4}-\w{4}", told["reference"])
    staff.look("story-taken")
    page.get_by_role("link", name="Open the request").click()
    page.wait_for_url("**/change/")
    told["page"] = page.url
    told["plan"] = f"/admin/content_app/plan/of/{page.url.split('/')[-3]}/"
    staff.settle()
    staff.look("story-received")


def test_staff_check_who_is_asking_and_validate(visit, demo):
    staff = visit("staff")
    page = staff.open(told["page"])
    page.get_by_label("How it was checked").select_option("callback")
    page.get_by_label("Level reached").select_option("IAL-2")
    staff.press("Record the check")
    assert "The identity check is recorded" in page.inner_text("main")
    staff.press("Validate the request")
    assert state(demo) == "validated"


def test_the_worker_finds_the_content_and_staff_decide_what_a_match_alone_does_not(visit, demo, person):
    staff = visit("staff")
    page = staff.open(told["page"])
    page.get_by_role("heading", name="What was found", exact=True).wait_for(timeout=PATIENCE * 1000)
    staff.look("story-found")
    page.get_by_role("link", name="Choose and freeze the list").click()
    staff.settle()
    staff.look("story-choose")
    if page.get_by_role("button", name="Freeze the list").is_disabled():
        staff.open(f"{page.url.partition('?')[0]}?show=open")
        page.locator("input[name=all_matching]").check()
        page.locator("select[name=link]").select_option("said_so")
        staff.press("Decide")
    contents = sum(person["contentCounts"].values())
    query = "SELECT count(*) FROM content_app_candidate c JOIN requests_app_request r ON r.id = c.request_id"
    assert demo.rows(f"{query} WHERE r.reference = ? AND c.included", told["reference"]) == [(contents,)]


def test_an_administrator_links_the_supervisor_to_an_agent_who_is_heard(visit, demo):
    query = """SELECT c.agents FROM content_app_candidate c JOIN requests_app_request r ON r.id = c.request_id
               WHERE r.reference = ? AND c.included AND c.agents != '[]'"""
    agents = {agent for (row,) in demo.rows(query, told["reference"]) for agent in json.loads(row)}
    linked = {one for (one,) in demo.rows("SELECT external_id FROM requests_app_staffaccount")}
    if agents & linked:
        return
    administrator = visit("administrator")
    page = administrator.open("/admin/requests_app/staffaccount/add/")
    page.get_by_label("Connected system").select_option(label="Contact centre")
    page.get_by_label("Agent id").fill(min(agents))
    page.get_by_label("Colleague").select_option(label="supervisor")
    administrator.look("story-link-an-agent")
    administrator.press("Save")
    administrator.look("story-agents")


def test_staff_freeze_the_exact_list(visit, demo):
    staff = visit("staff")
    page = staff.open(told["page"])
    page.get_by_role("link", name="Choose and freeze the list").click()
    staff.settle()
    staff.press("Freeze the list")
    assert state(demo) == "planned"
    staff.look("story-planned")


def test_the_supervisor_who_is_heard_on_it_sees_why_she_may_not_approve(visit):
    barred = visit("supervisor")
    page = barred.open(f"{told['plan']}review/")
    assert "You may not approve this list: you are heard on an item of its list" in page.inner_text("main")
    assert page.get_by_role("button", name="Approve the deletion").count() == 0
    barred.look("story-review-barred")


def test_another_supervisor_reviews_the_exact_list_and_approves_it(visit, demo):
    supervisor = visit("supervisor2")
    supervisor.look("story-waiting")
    supervisor.open(told["page"])
    supervisor.look("story-request-planned")
    page = supervisor.open(f"{told['plan']}review/")
    supervisor.look("story-review")
    page.locator("input[name=confirmed]").check()
    supervisor.press("Approve the deletion")
    supervisor.look("story-approved")
    wait_for_state(demo, "verified")


def test_everything_is_gone_from_the_contact_centre_and_nothing_of_a_stranger(demo, person):
    held = demo.control("POST", "remaining", guids=person["guids"])["remaining"]
    assert not any(held.values())
    for stranger in person["strangers"]:
        now = demo.control("POST", "remaining", guids=stranger["guids"])["remaining"]
        assert {guid for guid, keys in now.items() if keys} == set(stranger["guidsWithContent"])


def test_staff_export_the_completion_report(visit, demo, tmp_path):
    staff = visit("staff")
    page = staff.open(told["page"])
    staff.look("story-verified")
    files = {}
    for name in ("PDF", "CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        files[name] = path.read_bytes()
    assert files["PDF"].startswith(b"%PDF")
    report = json.loads(files["JSON"])
    jsonschema.validate(report, SCHEMA)
    assert report["request"]["reference"] == told["reference"]
    assert report["proof"]["waiting"] == 0
    assert demo.manage("find_report", str(path)).returncode == 0


def test_staff_record_the_reply_and_the_request_is_closed(visit, demo):
    staff = visit("staff")
    page = staff.open(told["page"])
    page.get_by_label("The reply went out by").select_option("email")
    staff.press("Record the reply and close")
    assert state(demo) == "closed"
    staff.look("story-closed")


def test_the_auditor_finds_the_whole_trail_and_the_ledger_holds(visit, demo):
    auditor = visit("auditor")
    auditor.look("story-waiting")
    auditor.open(told["page"])
    auditor.look("story-request-closed")
    page = auditor.open("/admin/requests_app/ledgerleaf/")
    auditor.look("story-ledger")
    object_id = told["plan"].split("/")[-2].replace("-", "")
    query = "SELECT type FROM requests_app_ledgerleaf WHERE replace(object_id, '-', '') = ? ORDER BY at"
    trail = [kind for (kind,) in demo.rows(query, object_id)]
    for wanted in (
        "request.received", "finding.recorded", "request.moved", "search.finished", "plan.frozen", "approval.barred",
        "approval.given", "deletion.intended", "deletion.receipt", "deletion.verified", "report.exported",
        "reply.recorded",
    ):  # fmt: skip
        assert wanted in trail
    page.locator("#result_list tbody a, .rows a, table a").first.click()
    auditor.settle()
    auditor.look("story-ledger-entry")
    verdict = demo.manage("verify_audit")
    assert verdict.returncode == 0, verdict.stderr
    assert "The ledger holds" in verdict.stdout
