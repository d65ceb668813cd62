"""The ten golden cases of the interface."""

from datetime import timedelta
from uuid import uuid4

import pytest

from content_app.sandbox.clock import iso

from .centre import BATCH, ICS, NOW, Centre

pytestmark = pytest.mark.pure


def test_a_batch_with_an_unknown_guid_has_no_failures(centre):
    answer = centre.batch(str(uuid4()), centre.rich_call()["guid"])
    assert (answer.status_code, answer.json()) == (200, {"failures": []})


def test_a_batch_with_a_forbidden_guid_reports_it_with_403(centre):
    guid = centre.rich_call()["guid"]
    plain = next(
        one
        for one in centre.subjects()[1]["interactions"]
        if one["content"] and "screenRecording" not in one["content"].values()
    )
    answer = centre.batch(guid, plain["guid"], client="sandbox-no-screen")
    assert answer.status_code == 200
    assert answer.json() == {
        "failures": [{"guid": guid, "message": "Not authorized to remove GUID", "statusCode": 403}]
    }
    assert centre.remaining(guid)
    assert not centre.remaining(plain["guid"])


def test_of_two_parallel_batches_one_answers_429():
    centre = Centre(batch_seconds=0.02)
    call = ("POST", BATCH, {"headers": centre.headers(), "json": {"guids": [str(uuid4())]}})
    assert sorted(answer.status_code for answer in centre.send_all(call, call)) == [200, 429]
    assert [entry["overlapped"] for entry in centre.log() if entry["path"] == BATCH] == [False, True]
    assert centre.batch(str(uuid4())).status_code == 200


def test_an_accept_header_without_a_version_answers_400(centre):
    answer = centre.search(accept="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid api-version! Valid values: 'application/vnd.newvoicemedia.v2")


def test_a_window_of_eight_days_answers_400(centre):
    assert centre.search(start=iso(NOW - timedelta(days=8))).status_code == 400
    assert centre.search(start=iso(NOW - timedelta(days=7))).status_code == 200


def test_an_expired_token_answers_401_until_a_new_one_is_fetched():
    centre = Centre(token_lifetime=60)
    assert centre.search().status_code == 200
    centre.control("POST", "clock", json={"seconds": 61})
    assert centre.search().status_code == 401
    centre.tokens.clear()
    assert centre.search().status_code == 200


def test_a_second_delete_of_the_same_file_answers_404(centre):
    path = f"{ICS}/{centre.rich_call()['guid']}/content/transcript"
    first, second = centre.call("DELETE", path), centre.call("DELETE", path)
    assert (first.status_code, first.content, second.status_code) == (204, b"", 404)


def test_an_interaction_without_its_last_content_answers_404(centre):
    one = centre.rich_call()
    for key in one["content"]:
        centre.call("DELETE", f"{ICS}/{one['guid']}/content/{key}")
    answer = centre.call("GET", f"{ICS}/{one['guid']}")
    assert (answer.status_code, answer.json()) == (404, {"message": "Interaction not found"})


def test_a_search_by_prefix_returns_strangers(centre):
    subject = centre.subjects()[0]
    stranger = next(s for s in subject["strangers"] if s["collision"].startswith("begins"))
    for written, longer in zip(
        subject["identifiers"][0]["formats"], stranger["identifiers"][0]["formats"], strict=True
    ):
        found = centre.sweep(connectFrom=written) + centre.sweep(connectTo=written)
        parties = {party for one in found for party in (one["connectFrom"], one["connectTo"])}
        assert {written, longer} <= parties


def test_a_supervisor_asking_for_the_delete_scope_gets_invalid_scope(centre):
    answer = centre.ask_token("sandbox-supervisor", "interaction-content:delete")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
