"""What the network can do to one call."""

from __future__ import annotations

import gzip
import logging
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import respx

from content_app.connectors.base import ConnectorError, Purpose
from content_app.connectors.http import MAX_BODY, Answer, Http

pytestmark = pytest.mark.pure

URL = "https://host.example/x"
Serve = Callable[[Callable[[socket.socket], None]], str]


def call(gate, url: str = URL, *, deadline: float = 5.0, purpose: Purpose = "read") -> Answer:
    http = Http(gate, deadline=deadline)
    try:
        return http.call("GET", url=url, purpose=purpose, expect=(200,), headers={})
    finally:
        http.close()


def refused(gate, url: str = URL, *, deadline: float = 5.0) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        call(gate, url, deadline=deadline)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (201, "malformed", False),
        (202, "malformed", False),
        (204, "malformed", False),
        (206, "malformed", False),
        (301, "malformed", False),
        (302, "malformed", False),
        (307, "malformed", False),
        (400, "rejected", True),
        (401, "unauthorised", True),
        (403, "forbidden", True),
        (404, "not_found", True),
        (405, "rejected", True),
        (408, "timeout", False),
        (409, "rejected", True),
        (429, "rate_limited", False),
        (500, "server_error", False),
        (503, "server_error", False),
        (504, "server_error", False),
    ],
)
def test_every_status_has_one_code(gate, status: int, code: str, permanent: bool) -> None:
    with respx.mock:
        respx.get(URL).mock(return_value=httpx.Response(status, text="echo of +447911123456"))
        error = refused(gate)
    assert (error.code, error.permanent, error.status) == (code, permanent, status)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (httpx.ConnectError("no"), "unreachable"),
        (httpx.ConnectTimeout("no"), "unreachable"),
        (httpx.ReadTimeout("no"), "timeout"),
        (httpx.WriteTimeout("no"), "timeout"),
        (httpx.PoolTimeout("no"), "timeout"),
        (httpx.ReadError("no"), "cut_off"),
        (httpx.WriteError("no"), "cut_off"),
        (httpx.RemoteProtocolError("no"), "cut_off"),
        (httpx.DecodingError("no"), "cut_off"),
    ],
)
def test_every_failure_of_the_network_has_one_code_and_can_be_tried_again(gate, failure, code: str) -> None:
    with respx.mock:
        respx.get(URL).mock(side_effect=failure)
        error = refused(gate)
    assert (error.code, error.permanent) == (code, False)
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize(
    "url", ["", "host.example/x", "ftp://host.example/x", "https://", "https://a..b/x", "http://host.example:port/"]
)
def test_an_address_that_cannot_be_called_is_permanent(gate, url: str) -> None:
    error = refused(gate, url)
    assert (error.code, error.permanent) == ("unreachable", True)


def test_a_redirect_is_not_followed(gate) -> None:
    with respx.mock:
        respx.get(URL).mock(return_value=httpx.Response(302, headers={"location": "https://other.example/"}))
        other = respx.get("https://other.example/")
        refused(gate)
    assert not other.called


def http_date(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("0", 0, 0),
        ("7", 7, 7),
        (" 7 ", 7, 7),
        ("90000", 86400, 86400),
        ("9" * 5000, 86400, 86400),
        (100, 40, 100),
        (3 * 86400, 86400, 86400),
        (-3 * 86400, 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
    ],
    # Dates change from run to run, and names of tests must not.
    ids=["none", "short", "spaces", "above a day", "endless", "date", "far date", "past date", "no zone"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_in_both_forms_and_capped_at_a_day(gate, status, value, low, high) -> None:
    header = value if isinstance(value, str) else http_date(value)
    with respx.mock:
        respx.get(URL).mock(return_value=httpx.Response(status, headers={"retry-after": header}))
        pause = refused(gate).retry_after
    assert pause is not None
    assert low <= pause <= high


@pytest.mark.parametrize("value", ["", "-5", "1.5", "soon", "1e9", "NaN", "Wed, 99 Foo 2015", "²", "0x10"])
def test_a_senseless_retry_after_is_no_retry_after(gate, value: str) -> None:
    with respx.mock:
        respx.get(URL).mock(return_value=httpx.Response(429, headers=[(b"retry-after", value.encode("latin-1"))]))
        error = refused(gate)
    assert (error.code, error.retry_after) == ("rate_limited", None)


def test_nothing_listens(gate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refused(gate, f"http://127.0.0.1:{port}/").code == "unreachable"


def test_a_server_that_never_answers_is_left_at_the_deadline(gate, serve: Serve) -> None:
    assert _left_in_time(gate, serve(lambda connection: time.sleep(3)))


def test_a_server_that_drips_its_body_is_left_at_the_deadline(gate, serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert _left_in_time(gate, serve(lambda connection: _drip(connection, head)))


def test_a_server_that_drips_its_headers_is_left_at_the_deadline(gate, serve: Serve) -> None:
    assert _left_in_time(gate, serve(lambda connection: _drip(connection, b"HTTP/1.1 200 OK\r\nX-Long: ")))


def _left_in_time(gate, url: str) -> bool:
    began = time.monotonic()
    error = refused(gate, url, deadline=0.5)
    return error.code == "timeout" and time.monotonic() - began < 1.5


def _drip(connection: socket.socket, head: bytes) -> None:
    connection.sendall(head)
    for _ in range(60):
        connection.sendall(b"a")
        time.sleep(0.05)


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline(gate, serve: Serve) -> None:
    url = serve(lambda connection: _drip(connection, b"")).replace("http:", "https:")
    began = time.monotonic()
    assert refused(gate, url, deadline=0.5).code in ("timeout", "unreachable")
    assert time.monotonic() - began < 1.5


def test_a_plain_server_where_tls_is_expected_is_unreachable(gate, serve: Serve) -> None:
    url = serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert refused(gate, url.replace("http:", "https:")).code == "unreachable"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_server_that_hangs_up_or_does_not_speak_http_has_cut_the_call_off(gate, serve: Serve, sent: bytes) -> None:
    error = refused(gate, serve(lambda connection: connection.sendall(sent)))
    assert (error.code, error.permanent) == ("cut_off", False)


def test_a_connection_reset_in_the_body_was_cut_off(gate, serve: Serve) -> None:
    def reset(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert refused(gate, serve(reset)).code == "cut_off"


def test_a_body_above_the_cap_is_too_large(gate, serve: Serve) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(MAX_BODY // 65536 + 2):
            connection.sendall(b" " * 65536)

    error = refused(gate, serve(flood), deadline=20)
    assert (error.code, error.permanent) == ("too_large", True)


def test_a_body_that_unpacks_to_gigabytes_is_not_unpacked(gate, serve: Serve) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    assert refused(gate, serve(lambda connection: connection.sendall(head + bomb))).code == "malformed"


def test_no_compression_is_asked_for_and_no_proxy_taken_from_the_environment(gate, serve: Serve, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with respx.mock:
        route = respx.get(URL).respond(200)
        call(gate)
    assert route.calls.last.request.headers["accept-encoding"] == "identity"
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert call(gate, serve(lambda connection: connection.sendall(ok))).object() == {}


def test_the_gate_is_entered_for_every_call_and_sees_the_error(gate) -> None:
    with respx.mock:
        respx.get(URL).mock(return_value=httpx.Response(429, headers={"retry-after": "9"}))
        error = refused(gate)
    assert gate.passed == ["read"]
    assert gate.errors == [error]
    assert gate.inside == 0


def test_a_gate_that_forbids_prevents_the_call() -> None:
    def shut(purpose: Purpose):
        raise ConnectorError("stopped", permanent=False)

    http = Http(shut, deadline=5)
    with respx.mock(assert_all_called=False) as router:
        router.get(URL)
        with pytest.raises(ConnectorError) as caught:
            http.call("GET", url=URL, purpose="delete", expect=(200,), headers={})
    assert caught.value.code == "stopped"
    assert http.calls == 0
    assert not router.calls


def test_httpx_does_not_write_addresses_into_the_log() -> None:
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("httpcore").level == logging.WARNING


def test_an_answer_does_not_show_its_body() -> None:
    assert "+44" not in repr(Answer(200, b"+447911123456"))
