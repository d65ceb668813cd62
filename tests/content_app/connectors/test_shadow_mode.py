"""The promise of shadow mode: nothing that could delete leaves the house."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from content_app.connectors.base import Check, ConnectorError
from tests.content_app.connectors.vendor import GUID, INTERACTIONS, page

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "delete",
    [
        lambda shadow: shadow.delete_content(GUID, "callRecording"),
        lambda shadow: shadow.delete_content("", ""),
        lambda shadow: shadow.delete_interactions([GUID]),
        lambda shadow: shadow.delete_interactions([]),
    ],
)
def test_every_delete_is_refused_before_any_call(shadow, network, gate, delete) -> None:
    with pytest.raises(ConnectorError) as caught:
        delete(shadow)
    assert (caught.value.code, caught.value.permanent) == ("read_only", True)
    assert not network.calls
    assert gate.passed == []
    assert shadow.calls == 0


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH"])
def test_no_verb_to_come_can_send_anything_but_a_read(shadow, network, method: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        shadow._ask(method, path="/interactions", expect=(200,), purpose="read")
    assert caught.value.code == "read_only"
    assert not network.calls


def test_reading_asks_for_the_read_scope_only(shadow, network) -> None:
    network.get(f"{INTERACTIONS}/{GUID}").mock(return_value=httpx.Response(404, json={"message": "x"}))
    assert shadow.get(GUID) is None
    assert _scopes(network) == ["interaction-content:read"]


def test_an_account_that_may_delete_asks_for_both_scopes(vcc, network) -> None:
    network.get(f"{INTERACTIONS}/{GUID}").mock(return_value=httpx.Response(404, json={"message": "x"}))
    vcc.get(GUID)
    assert _scopes(network) == ["interaction-content:read interaction-content:delete"]


def test_the_self_test_asks_for_a_token_that_may_delete_and_never_uses_it(shadow, network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        token = "may-delete" if b"delete" in request.content else "may-read"
        return httpx.Response(200, json={"access_token": token, "expires_in": 7200, "token_type": "Bearer"})

    network["token"].mock(side_effect=answer)
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    assert shadow.self_test() == [Check("login", True), Check("read", True), Check("delete_scope", True)]
    assert {call.request.headers["authorization"] for call in route.calls} == {"Bearer may-read"}
    assert any("delete" in scope for scope in _scopes(network))


def _scopes(network) -> list[str]:
    return [parse_qs(call.request.content.decode())["scope"][0] for call in network["token"].calls]
