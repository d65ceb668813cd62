"""Downloading and deleting."""

from uuid import uuid4

import pytest

from .centre import ICS, Centre

pytestmark = pytest.mark.pure


def path_of(one: dict, kind: str) -> str:
    key = next(key for key, its_kind in one["content"].items() if its_kind == kind)
    return f"{ICS}/{one['guid']}/content/{key}"


def test_every_file_downloads_with_its_type_and_length(centre):
    one = centre.call("GET", f"{ICS}/{centre.rich_call()['guid']}").json()
    for content in one["content"]:
        answer = centre.call("GET", f"{ICS}/{one['guid']}/content/{content['contentKey']}")
        assert answer.headers["content-type"].partition(";")[0] == content["contentType"]
        assert len(answer.content) == content["contentLength"]


def test_a_range_answers_206_with_its_part_and_416_beyond_the_end(centre):
    path = path_of(centre.rich_call(), "callRecording")
    whole = centre.call("GET", path).content
    assert whole[:4] + whole[8:12] == b"RIFFWAVE"
    for asked, part in (("0-1023", whole[:1024]), ("100-", whole[100:]), ("-10", whole[-10:])):
        answer = centre.call("GET", path, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes {len(whole) - 10}-{len(whole) - 1}/{len(whole)}"
    assert centre.call("GET", path, headers={"Range": "bytes=9999999-"}).status_code == 416


def test_a_literal_key_is_found_in_any_case(centre):
    assert centre.call("GET", f"{ICS}/{centre.rich_call()['guid']}/content/callrecording").status_code == 200


@pytest.mark.parametrize("client", ["sandbox-admin", "sandbox-no-screen"])
def test_deleting_a_recording_takes_the_screen_recording_but_not_the_transcript(centre, client):
    one = centre.rich_call()
    assert centre.call("DELETE", path_of(one, "callRecording"), client).status_code == 204
    gone = {key for key, kind in one["content"].items() if kind in ("callRecording", "screenRecording")}
    assert set(centre.remaining(one["guid"])) == set(one["content"]) - gone
    logged = centre.log()[-1]
    assert (logged["path"], logged["status"]) == (f"{ICS}/{{guid}}/content/{{contentKey}}", 204)
    assert {content["contentKey"] for content in logged["deleted"][0]["content"]} == gone


def test_deleting_what_is_invisible_answers_403_and_deletes_nothing(centre):
    one = centre.rich_call()
    assert centre.call("DELETE", path_of(one, "screenRecording"), "sandbox-no-screen").status_code == 403
    assert centre.call("DELETE", f"{ICS}/{one['guid']}", "sandbox-no-screen").status_code == 403
    assert centre.call("DELETE", path_of(one, "transcript"), "sandbox-no-delete").status_code == 403
    assert set(centre.remaining(one["guid"])) == set(one["content"])


def test_deleting_an_interaction_takes_all_content_and_leaves_the_statistics(centre):
    one = centre.rich_call()
    answer = centre.call("DELETE", f"{ICS}/{one['guid']}")
    assert (answer.status_code, answer.json()) == (200, {})
    assert centre.remaining(one["guid"]) == []
    assert centre.call("DELETE", f"{ICS}/{one['guid']}").status_code == 404
    row = centre.call("GET", f"/stats/interactions/{one['guid']}").json()
    assert (row["connectFrom"], row["connectTo"]) == (one["connectFrom"], one["connectTo"])


def test_an_unknown_guid_or_key_answers_404(centre):
    for method in ("GET", "DELETE"):
        assert centre.call(method, f"{ICS}/{uuid4()}").status_code == 404
        assert centre.call(method, f"{ICS}/{centre.rich_call()['guid']}/content/{uuid4()}").status_code == 404


def test_an_old_voicemail_has_its_agents_legacy_key():
    centre = Centre(days=90)
    mails = [
        (key, one["guid"])
        for subject in centre.subjects()
        for one in subject["interactions"]
        for key, kind in one["content"].items()
        if kind == "voicemail"
    ]
    key, guid = next((key, guid) for key, guid in mails if key.startswith("voicemail-"))
    assert any(not key.startswith("voicemail-") for key, _ in mails)
    content = centre.call("GET", f"{ICS}/{guid}").json()["content"][0]
    assert content["owningAgent"] == {"id": key.removeprefix("voicemail-")}
    assert centre.call("DELETE", f"{ICS}/{guid}/content/{key}").status_code == 204


def test_a_transcript_may_arrive_after_everything_was_deleted():
    centre = Centre(late_content=30)
    one = next(one for one in centre.subjects()[0]["interactions"] if one["awaitsTranscript"])
    assert centre.batch(one["guid"]).json() == {"failures": []}
    assert centre.call("GET", f"{ICS}/{one['guid']}").status_code == 404
    centre.control("POST", "clock", json={"seconds": 30})
    assert [content["type"] for content in centre.call("GET", f"{ICS}/{one['guid']}").json()["content"]] == [
        "transcript"
    ]
    centre.batch(one["guid"])
    centre.control("POST", "clock", json={"seconds": 3000})
    assert centre.remaining(one["guid"]) == []
