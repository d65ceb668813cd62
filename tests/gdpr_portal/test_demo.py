"""`make demo` comes up, lets people in, restarts what dies, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from gdpr_portal.demo_cast import CAST
from gdpr_portal.roles import ROLES

DEMO = [sys.executable, "-u", "-m", "gdpr_portal.demo"]
PATIENCE = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(directory, port, **more):
    """A shell's environment, without what the tests have put there."""
    mine = ("PORTAL_", "DJANGO_", "DATABASE_URL", "KEEP")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return shell | {"DEMO_DIR": str(directory), "PORT": str(port)} | more


def read_until(process, pattern):
    """What the demo said, up to the line that matches."""
    said = ""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and (line := process.stdout.readline()):
        said += line
        if re.search(pattern, line):
            return said
    pytest.fail(f"the demo never said {pattern!r}:\n{said}")


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
    """One running demo: its process, its folder, its port, and all that it said."""
    directory, port = tmp_path_factory.mktemp("demo") / "here", free_port()
    with subprocess.Popen(DEMO, env=environment(directory, port), stdout=subprocess.PIPE, text=True) as process:
        yield process, directory, port, read_until(process, "╰")
        process.kill()


def sign_in(port, username, password):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
        page = client.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        return client.post(
            "/accounts/login/", data={"login": username, "password": password, "csrfmiddlewaretoken": token}
        )


def test_every_role_has_one_and_the_supervisor_a_second():
    assert {player.role for player in CAST} == set(ROLES)
    assert sum(player.role == "supervisor" for player in CAST) == 2


@pytest.mark.parametrize("username", ["staff", "supervisor2"])
def test_people_get_in_with_what_it_printed(demo, username):
    _, _, port, said = demo
    page = sign_in(port, username, re.search(r"password  (\S+)", said)[1])
    assert page.status_code == 200
    assert page.url.path == "/admin/"


def test_its_secrets_are_its_owners_alone(demo):
    _, directory, _, _ = demo
    assert (directory / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_second_one_in_the_same_folder_is_refused(demo):
    _, directory, _, _ = demo
    second = subprocess.run(DEMO, env=environment(directory, free_port()), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "running from this folder already" in second.stdout


def test_a_taken_port_is_said_before_anything_is_touched(demo, tmp_path):
    _, _, port, _ = demo
    second = subprocess.run(
        DEMO, env=environment(tmp_path / "other", port), capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"Port {port} is taken" in second.stdout
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = subprocess.run(
        DEMO, env=environment(tmp_path / "mine", free_port()), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_it_restarts_the_loop_and_stops_without_leaving_anyone(demo):
    process, directory, _, _ = demo
    loop = next(pid for pid, command in processes_of(directory).items() if "pick_up" in command)
    os.kill(loop, signal.SIGKILL)
    read_until(process, "the loop has ended; starting it again")

    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert processes_of(directory) == {}
