"""What is said to a witness, and what is made of its answers. A real one is asked in `tests/outsiders`."""

import base64
from collections.abc import Callable

import httpx
import pytest
import respx

from content_app.connectors import witness
from content_app.connectors.base import ConnectorError

URL = "https://witness.test/w1"
NOTE = "portal.test/audit/2026\n20\nroot\n\n— portal.test/audit/2026 c2ln\n"
LINE = "— witness.test c2ln\n"


@pytest.fixture
def asked() -> respx.Route:
    with respx.mock() as router:
        yield router.post(f"{URL}/add-checkpoint", name="asked").mock(return_value=httpx.Response(200, text=LINE))


def cosign(**more):
    return witness.cosign(**({"url": URL, "old": 10, "proof": [b"\1" * 32, b"\2" * 32], "note": NOTE} | more))


def test_it_is_told_what_it_saw_last_the_proof_and_the_checkpoint(asked):
    assert cosign() == witness.Answer(LINE, 10)
    sent = asked.calls.last.request
    first, second = (base64.b64encode(one * 32).decode() for one in (b"\1", b"\2"))
    assert sent.content.decode() == f"old 10\n{first}\n{second}\n\n{NOTE}"
    assert sent.headers["content-type"] == "text/plain; charset=utf-8"


def test_without_a_proof_the_empty_line_stays(asked):
    cosign(old=0, proof=[], url=f"{URL}/")
    assert asked.calls.last.request.content.decode() == f"old 0\n\n{NOTE}"


def test_a_witness_that_saw_another_size_says_which(asked):
    asked.mock(return_value=httpx.Response(409, text="15\n", headers={"content-type": "text/x.tlog.size"}))
    assert cosign() == witness.Answer("", 15)


@pytest.mark.parametrize(("status", "body"), [(409, "fifteen"), (409, ""), (200, b"\xff")])
def test_an_answer_that_makes_no_sense_is_malformed(asked, status, body):
    asked.mock(return_value=httpx.Response(status, content=body))
    with pytest.raises(ConnectorError) as error:
        cosign()
    assert (error.value.code, error.value.permanent) == ("malformed", False)


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, "rejected", True),
        (422, "rejected", True),
        (403, "forbidden", True),
        (404, "not_found", True),
        (429, "rate_limited", False),
        (503, "server_error", False),
        (302, "malformed", False),
    ],
)
def test_a_refusal_has_its_code(asked, status, code, permanent):
    asked.mock(return_value=httpx.Response(status, text="secret words of a stranger"))
    with pytest.raises(ConnectorError) as error:
        cosign()
    assert (error.value.code, error.value.permanent, error.value.status) == (code, permanent, status)
    assert "stranger" not in repr(error.value)


def test_a_witness_that_is_away_is_unreachable(asked):
    asked.mock(side_effect=httpx.ConnectError("no"))
    with pytest.raises(ConnectorError) as error:
        cosign()
    assert error.value.code == "unreachable"


def test_a_real_connection_that_is_shut_was_cut_off(serve: Callable[..., str]):
    with pytest.raises(ConnectorError) as error:
        cosign(url=serve(lambda talk: talk.close()))
    assert error.value.code == "cut_off"
