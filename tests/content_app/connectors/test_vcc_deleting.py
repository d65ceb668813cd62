"""What deleting asks of Vonage Contact Center, and what it makes of each answer."""

from __future__ import annotations

import json

import httpx
import pytest

from content_app.connectors.base import ConnectorError, Outcome
from tests.content_app.connectors.vendor import GUID, INTERACTIONS, PERSON

pytestmark = pytest.mark.pure

OTHER = "1870c11f-a216-4967-9f84-e5f39aff17f1"
THIRD = "ba11953e-dfdf-4f98-a53b-49ad6c31df58"
BATCH = f"{INTERACTIONS}/delete-batch"
ONE = f"{INTERACTIONS}/{GUID}"
GONE = httpx.Response(404, json={"message": "Interaction not found"})


# --- delete one file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (httpx.Response(204), Outcome(GUID, "transcript", "deleted")),
        (httpx.Response(200, json={}), Outcome(GUID, "transcript", "deleted")),
        (GONE, Outcome(GUID, "transcript", "already_gone")),
        (httpx.Response(403, json={"message": "x"}), Outcome(GUID, "transcript", "forbidden", code="forbidden")),
        (httpx.Response(403, text="<html>"), Outcome(GUID, "transcript", "forbidden", code="forbidden")),
    ],
)
def test_deleting_one_file_has_four_ends(vcc, network, gate, answer, outcome: Outcome) -> None:
    network.delete(f"{ONE}/content/transcript").mock(return_value=answer)
    assert vcc.delete_content(GUID, "transcript") == outcome
    assert gate.passed == ["read", "delete"]


@pytest.mark.parametrize(
    ("answer", "code", "permanent"),
    [
        (httpx.Response(200, text="<html>Maintenance</html>"), "malformed", False),
        (httpx.Response(200), "malformed", False),
        (httpx.Response(200, json=[]), "malformed", False),
        (httpx.Response(200, json={"message": "It could not be deleted"}), "malformed", False),
        (httpx.Response(202), "malformed", False),
        (httpx.Response(302), "malformed", False),
        (httpx.Response(404, text="<html>Not Found</html>"), "malformed", False),
        (httpx.Response(404), "malformed", False),
        (httpx.Response(404, json={"error": "no route"}), "malformed", False),
        (httpx.Response(404, json={"message": None}), "malformed", False),
        (httpx.Response(400, json={"message": "x"}), "rejected", True),
        (httpx.Response(429), "rate_limited", False),
        (httpx.Response(500), "server_error", False),
        (httpx.ReadTimeout("x"), "timeout", False),
    ],
)
def test_what_is_not_the_vendors_word_is_no_outcome(vcc, network, answer, code: str, permanent: bool) -> None:
    network.delete(f"{ONE}/content/transcript").mock(side_effect=[answer])
    with pytest.raises(ConnectorError) as caught:
        vcc.delete_content(GUID, "transcript")
    assert (caught.value.code, caught.value.permanent) == (code, permanent)


@pytest.mark.parametrize(
    ("key", "segment"),
    [("voicemail-123", b"voicemail-123"), ("a b?c#d%2F", b"a%20b%3Fc%23d%252F"), ("(x)!*',", b"%28x%29%21%2A%27%2C")],
)
def test_a_key_stays_inside_its_path_segment(vcc, network, key: str, segment: bytes) -> None:
    route = network.delete(url__startswith=f"{ONE}/content/").mock(return_value=httpx.Response(204))
    assert vcc.delete_content(GUID, key).content_key == key
    path = route.calls.last.request.url.raw_path
    assert path == b"/interaction-content/interactions/" + GUID.encode() + b"/content/" + segment


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "../x", "a\\b", "a\x00", "k" * 65])
def test_a_key_that_would_leave_its_segment_is_refused(vcc, network, key: str) -> None:
    with pytest.raises(ValueError, match="content key"):
        vcc.delete_content(GUID, key)
    assert not network.calls


# --- delete interactions ---------------------------------------------------------------------------------------------


def failure(guid: str, status: int) -> dict[str, object]:
    return {"guid": guid, "message": f"about {PERSON}", "statusCode": status}


def test_a_batch_without_failures_deletes_all_in_the_order_asked(vcc, network, gate) -> None:
    route = network.post(BATCH).mock(return_value=httpx.Response(200, json={"failures": []}))
    outcomes = vcc.delete_interactions([THIRD, GUID.upper(), OTHER])
    assert outcomes == [Outcome(one, None, "deleted") for one in (THIRD, GUID.upper(), OTHER)]
    assert json.loads(route.calls.last.request.content) == {"guids": [THIRD, GUID, OTHER]}
    assert gate.passed == ["read", "batch"]


def test_failures_find_their_interaction_whatever_their_order_and_case(vcc, network) -> None:
    failures = [failure(OTHER.upper(), 503), failure(THIRD, 403)]
    network.post(BATCH).mock(return_value=httpx.Response(200, json={"failures": failures}))
    assert vcc.delete_interactions([THIRD, GUID, OTHER]) == [
        Outcome(THIRD, None, "forbidden", code="forbidden", permanent=True),
        Outcome(GUID, None, "deleted"),
        Outcome(OTHER, None, "failed", code="server_error", permanent=False),
    ]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome(GUID, None, "already_gone")),
        (403, Outcome(GUID, None, "forbidden", code="forbidden", permanent=True)),
        (400, Outcome(GUID, None, "failed", code="rejected", permanent=True)),
        (409, Outcome(GUID, None, "failed", code="rejected", permanent=True)),
        (408, Outcome(GUID, None, "failed", code="timeout", permanent=False)),
        (429, Outcome(GUID, None, "failed", code="rate_limited", permanent=False)),
        (500, Outcome(GUID, None, "failed", code="server_error", permanent=False)),
        (504, Outcome(GUID, None, "failed", code="server_error", permanent=False)),
    ],
)
def test_each_failure_has_one_outcome(vcc, network, status: int, outcome: Outcome) -> None:
    network.post(BATCH).mock(return_value=httpx.Response(200, json={"failures": [failure(GUID, status)]}))
    assert vcc.delete_interactions([GUID]) == [outcome]


def test_a_parallel_batch_is_rate_limited_as_a_whole(vcc, network) -> None:
    network.post(BATCH).mock(return_value=httpx.Response(429, headers={"retry-after": "3"}))
    with pytest.raises(ConnectorError) as caught:
        vcc.delete_interactions([GUID])
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 3)


@pytest.mark.parametrize(
    "asked",
    [[], [GUID, GUID], [GUID, GUID.upper()], [f"00000000-0000-0000-0000-{n:012}" for n in range(51)]],
    ids=["none", "twice", "twice in another case", "too many"],
)
def test_a_senseless_batch_is_refused(vcc, network, asked: list[str]) -> None:
    with pytest.raises(ValueError, match="a batch"):
        vcc.delete_interactions(asked)
    assert not network.calls


def test_a_full_batch_goes_through(vcc, network) -> None:
    network.post(BATCH).mock(return_value=httpx.Response(200, json={"failures": []}))
    asked = [f"00000000-0000-0000-0000-{n:012}" for n in range(vcc.manifest.batch_size)]
    assert [outcome.external_id for outcome in vcc.delete_interactions(asked)] == asked
