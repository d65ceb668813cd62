"""Which error a caller meets first."""

import pytest

from .centre import ICS, V3, Centre

pytestmark = pytest.mark.pure
BAD = {"Accept": "text/html", "Authorization": "Bearer nonsense"}


def test_an_unknown_route_answers_404_whatever_else_is_wrong(centre):
    assert centre.send("GET", "/interaction-content/nowhere", headers=BAD).json() == {"message": "Not Found"}
    assert centre.send("PUT", ICS, headers=BAD).status_code == 404


def test_a_bad_accept_header_comes_before_a_bad_token(centre):
    assert centre.send("GET", ICS, headers=BAD).status_code == 400
    assert centre.send("GET", ICS, headers=BAD | {"Accept": V3}).status_code == 401


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer", "Bearer nonsense"])
def test_anything_but_a_living_bearer_token_answers_401(centre, authorization):
    answer = centre.send("GET", ICS, headers={"Accept": V3, "Authorization": authorization})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_lower_case_bearer_is_a_bearer(centre):
    token = centre.ask_token().json()["access_token"]
    assert centre.send("GET", ICS, headers={"Accept": V3, "Authorization": f"bearer {token}"}).status_code == 400


def test_a_missing_scope_comes_before_bad_parameters(centre):
    centre.tokens["sandbox-admin"] = centre.ask_token(scope="stats").json()["access_token"]
    assert centre.call("GET", ICS).status_code == 403
    assert centre.call("DELETE", f"{ICS}/x").status_code == 403


def test_the_rate_limit_comes_before_bad_parameters_and_after_the_scope():
    centre = Centre(rate_limit=True)
    assert [centre.call("GET", ICS).status_code for _ in range(161)] == [400] * 160 + [429]
    assert centre.call("GET", ICS, "sandbox-supervisor").json() == {"message": "Too Many Requests"}
    assert centre.call("DELETE", f"{ICS}/x", "sandbox-supervisor").status_code == 403
    centre.control("POST", "clock", json={"seconds": 60})
    assert centre.call("GET", ICS).status_code == 400


def test_the_seventeenth_batch_of_a_minute_answers_429():
    centre = Centre(rate_limit=True)
    assert [centre.batch("x").status_code for _ in range(17)] == [400] * 16 + [429]


def test_an_unsupported_version_names_the_supported_one(centre):
    answer = centre.search(accept="application/vnd.newvoicemedia.v1+json")
    assert answer.json() == {"message": "Invalid api-version! Valid values: 'application/vnd.newvoicemedia.v3+json'"}
    stats = centre.call("GET", "/stats/interactions", accept="application/json")
    assert stats.json() == {"statusCode": 400, "error": "Bad Request", "message": "Invalid Accept header!"}


@pytest.mark.parametrize(
    ("guid", "message"),
    [
        ("111414121313", "GUID must be 36 characters in length"),
        ("x" * 36, f"GUID '{'x' * 36}' is not a valid UUID string"),
    ],
)
def test_a_malformed_guid_answers_400(centre, guid, message):
    for method in ("GET", "DELETE"):
        answer = centre.call(method, f"{ICS}/{guid}")
        assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert centre.batch(guid).json() == {"message": message}


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": ""}, {"end": "yesterday"}, {"start": "2026-02-25T00:00:00+01:00"}, {"limit": "0"},
        {"limit": "1001"}, {"connectFrom": ""}, {"connectTo": "1" * 51}, {"direction": "Inbound"},
        {"connectEither": "1"}, {"page": "1"}, {"continuationToken": "made-up"}, {"end": "2026-02-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_a_search_with_a_wrong_parameter_answers_400(centre, wrong):
    answer = centre.search(**wrong)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"guids": []}', b'{"guids": "x"}', b'{"guids": [7]}'])
def test_a_batch_without_a_list_of_guids_answers_400(centre, body):
    answer = centre.call("POST", f"{ICS}/delete-batch", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_batch_takes_a_thousand_guids_and_no_more(centre):
    guids = [f"00000000-0000-4000-8000-{number:012}" for number in range(1001)]
    assert centre.batch(*guids[:1000]).json() == {"failures": []}
    assert centre.batch(*guids).status_code == 400
