"""A connector on a mocked network, and a real server that misbehaves as told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import respx

from content_app.connectors.base import ContentConnector
from content_app.connectors.registry import connect
from tests.content_app.connectors.vendor import ACCOUNT, TOKEN_URL, Ledger, grant


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
