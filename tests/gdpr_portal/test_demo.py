"""`make demo` comes up, lets people in, restarts what dies, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from uuid import UUID

import httpx
import pytest
from django.core.management import CommandError, call_command

from gdpr_portal.demo_cast import CAST
from gdpr_portal.roles import ROLES
from requests_app.states import State
from tests.demo import COMMAND, environment, free_port, running


def processes_of(directory):
    """Every process that works in this demo's folder, by its environment."""
    found = {}
    for entry in os.scandir("/proc"):
        try:
            with open(f"/proc/{entry.name}/environ", "rb") as file:
                if f"PORTAL_VAR_DIR={directory}".encode() in file.read():
                    with open(f"/proc/{entry.name}/cmdline", "rb") as command:
                        found[int(entry.name)] = command.read().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One running demo."""
    with running(tmp_path_factory.mktemp("demo") / "here") as one:
        yield one


@contextmanager
def signed_in(port, username, password):
    """(client, the page that it is shown first)."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
        page = client.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        told = {"login": username, "password": password, "csrfmiddlewaretoken": token}
        yield client, client.post("/accounts/login/", data=told)


def test_every_role_has_one_and_the_supervisor_a_second():
    assert {player.role for player in CAST} == set(ROLES)
    assert sum(player.role == "supervisor" for player in CAST) == 2


@pytest.mark.parametrize("username", ["staff", "supervisor2"])
def test_people_get_in_with_what_it_printed(demo, username):
    with signed_in(demo.port, username, demo.password) as (_, page):
        assert page.status_code == 200
        assert page.url.path == "/admin/"


def test_its_secrets_are_its_owners_alone(demo):
    directory = demo.directory
    assert (directory / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_second_one_in_the_same_folder_is_refused(demo):
    env = environment(demo.directory, free_port())
    second = subprocess.run(COMMAND, env=env, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "running from this folder already" in second.stdout


def test_a_taken_port_is_said_before_anything_is_touched(demo, tmp_path):
    second = subprocess.run(
        COMMAND, env=environment(tmp_path / "other", demo.port), capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"Port {demo.port} is taken" in second.stdout
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = subprocess.run(
        COMMAND, env=environment(tmp_path / "mine", free_port()), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_its_story_has_a_request_in_every_state(demo):
    states = {state for (state,) in demo.rows("SELECT state FROM requests_app_request WHERE origin = 'live'")}
    assert states == set(State)


def test_the_workers_leave_the_story_as_it_was_told(demo):
    """What waits does so for a reason that is true: the workers look at it, and it stays."""
    query = """SELECT r.state, e.attention FROM requests_app_request r JOIN content_app_errand e ON e.request_id = r.id
               WHERE r.state IN ('approved', 'executed') ORDER BY r.state"""
    assert demo.rows(query) == [("approved", "shadow"), ("executed", "supplement")]


def test_it_says_what_waits_for_whom(demo):
    (reference,) = re.findall(r"Sign in as supervisor +(\S+) waits for your approval", demo.said)
    assert demo.rows("SELECT state FROM requests_app_request WHERE reference = ?", reference) == [("planned",)]
    assert "barred to you" in demo.said
    assert "Branch office is in shadow mode" in demo.said


def test_nobody_but_the_branchs_own_is_known_at_the_branch(demo):
    """Else a visitor's first list would rest in shadow mode."""
    query = """SELECT DISTINCT r.state FROM content_app_candidate c JOIN content_app_system s ON s.id = c.system_id
               JOIN requests_app_request r ON r.id = c.request_id WHERE s.name = 'Branch office'"""
    assert demo.rows(query) == [("approved",)]


def test_what_a_visitor_approves_first_is_verified_within_a_minute(demo):
    (reference,) = re.findall(r"Sign in as supervisor +(\S+) waits for your approval", demo.said)
    query = "SELECT id, state FROM requests_app_request WHERE reference = ?"
    ((pk, _),) = demo.rows(query, reference)
    with signed_in(demo.port, "supervisor", demo.password) as (supervisor, _):
        page = supervisor.get(f"/admin/content_app/plan/of/{UUID(pk)}/review/").text
        form = page[page.index('id="decision"') :]
        action = re.search(r'<form[^>]* action="([^"]+)"', form)[1]
        told = re.findall(r'name="(csrfmiddlewaretoken|plan_id|digest|confirmed)" value="([^"]+)"', form)
        assert supervisor.post(action, data=dict(reversed(told))).status_code == 200
    until = time.monotonic() + 60
    while (now := demo.rows(query, reference)[0][1]) != "verified":
        assert time.monotonic() < until, f"still {now} after a minute"
        time.sleep(0.2)


def test_its_ledger_holds(demo):
    verdict = demo.manage("verify_audit")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_the_story_is_told_under_demo_only(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        call_command("demo_story")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_it_restarts_the_loop_and_stops_without_leaving_anyone(demo):
    demo.kill("loop")
    demo.read_until("the loop has ended; starting it again")

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0
    assert processes_of(demo.directory) == {}


def test_with_keep_it_goes_on_where_it_stopped(demo):
    if demo.process.poll() is None:
        demo.process.send_signal(signal.SIGINT)
        demo.process.wait(20)
    before = demo.rows("SELECT reference, state FROM requests_app_request ORDER BY reference")
    with running(demo.directory, KEEP="1") as again:
        assert again.password == demo.password
        assert again.rows("SELECT reference, state FROM requests_app_request ORDER BY reference") == before
        (address,) = again.rows("SELECT gateway_url FROM content_app_system WHERE credential = 'VCC'")[0]
        assert address == again.sandbox
