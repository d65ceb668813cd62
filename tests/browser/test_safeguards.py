"""Somebody stops everything: every page says so, nothing is sent, and once it is lifted the work goes on by itself."""

import time
from uuid import UUID

import pytest
from playwright.sync_api import expect

PATIENCE = 60
PAGE = "/admin/safeguards/"
PLANNED = """SELECT r.id, r.reference FROM requests_app_request r WHERE r.state = 'planned' AND r.id NOT IN (
                 SELECT b.request_id FROM requests_app_approvalbar b JOIN auth_user u ON u.id = b.user_id
                 WHERE u.username = 'supervisor') AND NOT EXISTS (
                 SELECT 1 FROM content_app_plan p JOIN content_app_item i ON i.plan_id = p.id
                 JOIN content_app_system s ON s.id = i.system_id WHERE p.request_id = r.id AND s.shadow)
             ORDER BY r.received_at LIMIT 1"""
ATTENTION = "SELECT attention FROM content_app_errand WHERE request_id = ?"
STATE = "SELECT state FROM requests_app_request WHERE id = ?"


def wait_until(holds, what):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.1)


@pytest.fixture
def calls(demo):
    """The calls that reached the contact centre after the one with this number."""
    return lambda number: demo.control("GET", f"log?after={number}")["calls"]


def test_the_stop_of_all_systems_holds_an_approved_list_until_it_is_lifted(visit, demo, calls):
    ((request_id, _),) = demo.rows(PLANNED)
    supervisor = visit("supervisor")
    supervisor.open(PAGE)
    supervisor.look("safeguards")
    supervisor.press("Stop all systems now")
    supervisor.look("safeguards-stopped")
    before = calls(0)[-1]["number"]

    staff = visit("staff")
    expect(staff.open("/admin/").get_by_role("alert")).to_contain_text("nothing is sent to any system")
    staff.look("stopped")

    page = supervisor.open(f"/admin/content_app/plan/of/{UUID(request_id)}/review/")
    page.locator("input[name=confirmed]").check()
    supervisor.press("Approve the deletion")
    wait_until(lambda: demo.rows(ATTENTION, request_id) == [("stopped",)], "the worker notices the stop")
    page = supervisor.open(page.url)
    expect(page.locator("#workshop")).to_contain_text("The emergency stop is set")
    supervisor.look("stopped-request")
    assert calls(before) == []
    assert demo.rows(STATE, request_id) == [("approved",)]

    page = supervisor.open(PAGE)
    page.get_by_label("Lift it because").first.select_option("false_alarm")
    supervisor.press("Lift the stop of all systems")
    wait_until(lambda: demo.rows(STATE, request_id) == [("verified",)], "the work goes on")
    assert any(call["deleted"] for call in calls(before))
    assert staff.open("/admin/").get_by_text("nothing is sent to any system").count() == 0
    supervisor.open(PAGE)
    supervisor.look("safeguards-lifted")
