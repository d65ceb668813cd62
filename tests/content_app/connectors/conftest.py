"""An account at two hosts that do not exist, a mocked network, and a real server that misbehaves as told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from content_app.connectors.base import Account, ContentConnector, Purpose
from content_app.connectors.registry import connect

GATEWAY = "https://gateway.example"
AUTH = "https://auth.example"
TOKEN_URL = f"{AUTH}/Auth/connect/token"
INTERACTIONS = f"{GATEWAY}/interaction-content/interactions"
SECRET = "s3cr3t-of-the-account"  # noqa: S105
PERSON = "+447911123456"
GUID = "2480fc2c-bbd7-427c-9439-02f76583aef5"

ACCOUNT = Account(
    name="emea",
    gateway_url=GATEWAY,
    auth_url=AUTH,
    client_id="id-of-the-account",
    client_secret=SECRET,
    read_only=False,
    deadline=5.0,
)


class Ledger:
    """A gate that writes down who passed, and whether one entered while another was inside."""

    def __init__(self) -> None:
        self.passed: list[Purpose] = []
        self.errors: list[BaseException] = []
        self.inside = 0
        self.nested = False

    @contextmanager
    def __call__(self, purpose: Purpose) -> Iterator[None]:
        self.nested = self.nested or self.inside > 0
        self.inside += 1
        self.passed.append(purpose)
        try:
            yield
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.inside -= 1


def grant(token: str = "t0ken-1", **changes: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "expires_in": 7200, "token_type": "Bearer"} | changes)


def content(**changes: Any) -> dict[str, Any]:
    return {
        "contentKey": "callRecording",
        "type": "callRecording",
        "contentType": "audio/wav",
        "contentLength": 359,
        "lastModified": "2020-02-16T14:19:35Z",
        "properties": {},
    } | changes


def interaction(**changes: Any) -> dict[str, Any]:
    return {
        "guid": GUID,
        "start": "2020-02-16T14:11:56Z",
        "connectFrom": PERSON,
        "connectTo": "22222",
        "direction": "inbound",
        "handlingAgents": [{"id": "1342"}],
        "content": [content()],
    } | changes


def page(*items: Any, token: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "meta": {"nextContinuationToken": token}}


@pytest.fixture
def gate() -> Ledger:
    return Ledger()


@pytest.fixture
def network() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        router.post(TOKEN_URL, name="token").mock(return_value=grant())
        yield router


@pytest.fixture
def vcc(network: respx.MockRouter, gate: Ledger) -> Iterator[ContentConnector]:
    connector = connect("vcc", ACCOUNT, gate)
    yield connector
    connector.close()


@pytest.fixture
def shadow(network: respx.MockRouter, gate: Ledger) -> Iterator[ContentConnector]:
    connector = connect("vcc", replace(ACCOUNT, read_only=True), gate)
    yield connector
    connector.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a server that reads one request a connection and then does with the socket as the test says."""
    listeners: list[socket.socket] = []

    def start(behave: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_accept, args=(listener, behave), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def _accept(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                behave(connection)
