"""How a token is asked for, kept, renewed and refused."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from content_app.connectors.base import ConnectorError
from content_app.connectors.registry import connect
from tests.content_app.connectors.vendor import ACCOUNT, GUID, INTERACTIONS, SECRET, grant

pytestmark = pytest.mark.pure

ONE = f"{INTERACTIONS}/{GUID}"
GONE = httpx.Response(404, json={"message": "Interaction not found"})


@pytest.fixture(autouse=True)
def nothing_there(network) -> None:
    network.get(ONE, name="one").mock(return_value=GONE)


def refused(connector) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        connector.get(GUID)
    return caught.value


def test_basic_authentication_keeps_the_secret_out_of_the_form(vcc, network) -> None:
    vcc.get(GUID)
    request = network["token"].calls.last.request
    pair = base64.b64encode(f"id-of-the-account:{SECRET}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {pair}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["interaction-content:read interaction-content:delete"],
    }


def test_body_authentication_sends_no_header(network, gate) -> None:
    connect("vcc", replace(ACCOUNT, client_auth="body"), gate).get(GUID)
    request = network["token"].calls.last.request
    assert "authorization" not in request.headers
    form = parse_qs(request.content.decode())
    assert (form["client_id"], form["client_secret"]) == (["id-of-the-account"], [SECRET])


@pytest.mark.parametrize("missing", [{"client_id": ""}, {"client_secret": ""}, {"client_secret": " \n"}])
def test_without_credentials_nothing_is_asked(network, gate, missing: dict[str, Any]) -> None:
    error = refused(connect("vcc", replace(ACCOUNT, **missing), gate))
    assert (error.code, error.permanent) == ("missing_credentials", True)
    assert not network.calls


def test_one_token_serves_many_calls_and_every_call_is_counted(vcc, network, gate) -> None:
    for _ in range(3):
        vcc.get(GUID)
    assert network["token"].call_count == 1
    assert vcc.calls == 4
    assert gate.passed == ["read"] * 4
    assert not gate.nested


def test_a_token_is_renewed_after_nine_tenths_of_its_life(vcc, network, monkeypatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("content_app.connectors.http.time.monotonic", lambda: now)
    vcc.get(GUID)
    now += 7200 * 0.9 - 1
    vcc.get(GUID)
    assert network["token"].call_count == 1
    now += 2
    vcc.get(GUID)
    assert network["token"].call_count == 2


def test_a_401_is_answered_with_one_fresh_token(vcc, network, gate) -> None:
    network["token"].mock(side_effect=[grant("old"), grant("new")])
    network["one"].mock(side_effect=[httpx.Response(401), GONE])
    assert vcc.get(GUID) is None
    sent = [call.request.headers["authorization"] for call in network["one"].calls]
    assert sent == ["Bearer old", "Bearer new"]
    assert vcc.calls == 4
    assert not gate.nested


def test_a_second_401_is_unauthorised(vcc, network) -> None:
    network["one"].mock(return_value=httpx.Response(401, text="for +447911123456"))
    error = refused(vcc)
    assert (error.code, error.permanent) == ("unauthorised", True)
    assert (network["token"].call_count, network["one"].call_count) == (2, 2)


def test_a_delete_with_an_old_token_is_repeated_once_outside_of_the_first_gate(vcc, network, gate) -> None:
    network.post(f"{INTERACTIONS}/delete-batch").mock(
        side_effect=[httpx.Response(401), httpx.Response(200, json={"failures": []})]
    )
    assert [outcome.result for outcome in vcc.delete_interactions([GUID])] == ["deleted"]
    assert gate.passed == ["read", "batch", "read", "batch"]
    assert not gate.nested


def test_many_threads_fetch_one_token(vcc, network) -> None:
    def slowly(request: httpx.Request) -> httpx.Response:
        time.sleep(0.1)
        return grant()

    network["token"].mock(side_effect=slowly)
    threads = [threading.Thread(target=vcc.get, args=(GUID,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network["token"].call_count == 1
    assert vcc.calls == 9


def test_a_failed_login_is_not_remembered(vcc, network) -> None:
    network["token"].mock(side_effect=[httpx.Response(503), grant()])
    assert refused(vcc).code == "server_error"
    assert vcc.get(GUID) is None


@pytest.mark.parametrize(
    ("answer", "code", "permanent"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), "bad_credentials", True),
        (httpx.Response(400, json={"error": "invalid_grant"}), "bad_credentials", True),
        (httpx.Response(400, json={"error": "unauthorized_client"}), "bad_credentials", True),
        (httpx.Response(401, json={"error": "invalid_client"}), "bad_credentials", True),
        (httpx.Response(401), "bad_credentials", True),
        (httpx.Response(401, text="<html>"), "bad_credentials", True),
        (httpx.Response(400, json={"error": "invalid_scope"}), "scope_refused", True),
        (httpx.Response(401, json={"error": "invalid_scope"}), "scope_refused", True),
        (httpx.Response(400, json={"error": "unsupported_grant_type"}), "rejected", True),
        (httpx.Response(400, json={"error": ["invalid_scope"]}), "rejected", True),
        (httpx.Response(400, text="<html>"), "rejected", True),
        (httpx.Response(403), "forbidden", True),
        (httpx.Response(404), "not_found", True),
        (httpx.Response(429, headers={"retry-after": "5"}), "rate_limited", False),
        (httpx.Response(500), "server_error", False),
        (httpx.Response(302, headers={"location": "https://other.example"}), "malformed", False),
        (httpx.Response(200, text="<html>Login</html>"), "malformed", False),
        (httpx.Response(200), "malformed", False),
        (httpx.Response(200, json=["t"]), "malformed", False),
        (httpx.Response(200, json={}), "malformed", False),
        (grant(expires_in=-1), "malformed", False),
        (grant(expires_in=0), "malformed", False),
        (grant(expires_in=True), "malformed", False),
        (grant(expires_in="7200"), "malformed", False),
        (grant(expires_in=7200.5), "malformed", False),
        (grant(expires_in=10**30), "malformed", False),
        (grant(expires_in=None), "malformed", False),
        (grant(token_type="mac"), "malformed", False),
        (grant(token_type=None), "malformed", False),
        (grant(access_token=None), "malformed", False),
        (grant(access_token=7), "malformed", False),
        (grant(access_token=""), "malformed", False),
        (grant(access_token="a\r\nx-evil: 1"), "malformed", False),
        (grant(access_token="tökén"), "malformed", False),
        (grant(scope="interaction-content:read"), "scope_refused", True),
    ],
)
def test_what_is_no_token_never_becomes_one(vcc, network, answer, code: str, permanent: bool) -> None:
    network["token"].mock(return_value=answer)
    error = refused(vcc)
    assert (error.code, error.permanent) == (code, permanent)
    assert not network["one"].called


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_kind_of_token_is_compared_in_any_case(vcc, network, kind: str) -> None:
    network["token"].mock(return_value=grant(token_type=kind))
    assert vcc.get(GUID) is None
