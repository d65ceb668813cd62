"""Somebody kills the worker while it deletes: the demo starts it again, and the request goes on to its end."""

import time
from collections import Counter
from uuid import UUID

from playwright.sync_api import expect

#: The lease of a dead worker has to run out before another asks what became of its call.
PATIENCE = 90
PLANNED = """SELECT r.id, r.reference FROM requests_app_request r WHERE r.state = 'planned' AND r.id NOT IN (
                 SELECT b.request_id FROM requests_app_approvalbar b JOIN auth_user u ON u.id = b.user_id
                 WHERE u.username = 'supervisor2') ORDER BY r.received_at DESC LIMIT 1"""
UNKNOWN = """SELECT count(*) FROM content_app_intent i LEFT JOIN content_app_receipt c ON c.intent_id = i.id
             WHERE c.id IS NULL"""


def wait_until(holds, what):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.1)


def test_a_killed_worker_is_started_again_and_nothing_is_deleted_twice(visit, demo):
    ((request_id, reference),) = demo.rows(PLANNED)
    supervisor = visit("supervisor2")
    demo.control("POST", "faults", kind="slow", seconds=5, path="*/delete-batch")
    before = demo.control("GET", "log")["calls"][-1]["number"]
    page = supervisor.open(f"/admin/content_app/plan/of/{UUID(request_id)}/review/")
    page.locator("input[name=confirmed]").check()
    supervisor.press("Approve the deletion")
    wait_until(lambda: demo.rows(UNKNOWN) == [(1,)], "a call is in flight")
    demo.kill("worker")
    assert demo.rows(UNKNOWN) == [(1,)], "killed between the intent and its receipt"
    supervisor.look("worker-killed")

    def state():
        return demo.rows("SELECT state FROM requests_app_request WHERE reference = ?", reference)[0][0]

    wait_until(lambda: state() == "verified", "the request goes on to its end")
    assert demo.rows(UNKNOWN) == [(0,)]
    calls = demo.control("GET", f"log?after={before}")["calls"]
    gone = Counter((one["guid"], c["contentKey"]) for call in calls for one in call["deleted"] for c in one["content"])
    assert gone
    assert set(gone.values()) == {1}
    expect(page.get_by_text("verified absent")).to_be_visible(timeout=30_000)
    supervisor.look("after-the-kill")
    assert demo.manage("verify_audit").returncode == 0
