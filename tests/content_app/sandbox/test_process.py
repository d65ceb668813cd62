"""A real process, over HTTP."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parents[3]
MODULE = [sys.executable, "-m", "content_app.sandbox"]
OPTIONS = ["vcc", "--port", "0", "--interactions", "300", "--subjects", "2", "--now", "2026-03-01T09:00:00Z"]


@pytest.fixture
def process():
    with subprocess.Popen([*MODULE, *OPTIONS], cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_process_says_when_it_is_ready_answers_and_ends_when_told(process, sign):
    word, _, address = process.stdout.readline().strip().partition(" ")
    assert word == "ready"
    assert address.startswith("http://127.0.0.1:")
    form = {"grant_type": "client_credentials", "scope": "interaction-content:read"}
    with httpx.Client(base_url=address) as client:
        token = client.post("/Auth/connect/token", data=form, auth=("sandbox-admin", "sandbox-admin-secret")).json()
        client.headers = {
            "Authorization": f"Bearer {token['access_token']}",
            "Accept": "application/vnd.newvoicemedia.v3+json",
        }
        query = {"start": "2026-02-25T00:00:00Z", "end": "2026-03-01T09:00:00Z"}
        assert client.get("/interaction-content/interactions", params=query).json()["items"]
        client.post("/sandbox/faults", json={"kind": "truncate"})
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/interaction-content/interactions", params=query)
    process.send_signal(sign)
    assert process.wait(10) == 0


def test_a_wrong_option_ends_with_a_usage_message():
    ended = subprocess.run([*MODULE, "vcc", "--errors", "2"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "usage:" in ended.stderr


def test_the_sandbox_loads_without_django_and_without_the_portal():
    forbidden = ("django", "requests_app", "content_app.connectors", "content_app.models")
    code = f"import content_app.sandbox.server, sys; sys.exit(any(m.startswith({forbidden}) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
