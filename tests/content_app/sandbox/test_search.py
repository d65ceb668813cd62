"""What a search returns, and what it silently does not."""

from datetime import datetime, timedelta

import pytest

from content_app.sandbox.clock import iso

from .centre import ICS, NOW, V2, Centre

pytestmark = pytest.mark.pure


def guids(answer) -> list[str]:
    return [item["guid"] for item in answer.json()["items"]]


def test_every_interaction_with_content_is_found_and_no_other(centre):
    truth = {guid for subject in centre.subjects() for guid in subject["guidsWithContent"]}
    found = centre.sweep()
    assert truth <= {one["guid"] for one in found}
    assert all(one["content"] for one in found)
    abandoned = {guid for subject in centre.subjects() for guid in subject["guids"]} - truth
    assert len(abandoned) >= len(centre.subjects())
    assert not abandoned & {one["guid"] for one in found}


def test_a_subject_is_complete_only_when_every_format_was_searched_in_both_fields(centre):
    subject = centre.subjects()[0]
    formats = [text for identifier in subject["identifiers"] for text in identifier["formats"]]
    found = [one for text in formats for field in ("connectFrom", "connectTo") for one in centre.sweep(**{field: text})]
    theirs = {one["guid"] for one in found if {one["connectFrom"], one["connectTo"]} & set(formats)}
    assert theirs == set(subject["guidsWithContent"])
    assert {one["guid"] for one in found} - theirs


def test_pages_follow_one_another_without_gap_or_repeat_beyond_a_thousand():
    centre = Centre(interactions=1800, days=6, subjects=1)
    first = centre.search()
    second = centre.search(continuationToken=first.json()["meta"]["nextContinuationToken"])
    assert len(guids(first)) == 1000
    assert second.json()["meta"] == {"nextContinuationToken": None}
    assert len(set(guids(first) + guids(second))) == len(guids(first)) + len(guids(second)) > 1200


def test_a_page_has_25_items_unless_asked_otherwise(centre):
    window = {"start": iso(NOW - timedelta(days=7)), "end": iso(NOW)}
    assert len(centre.call("GET", ICS, params=window).json()["items"]) == 25


def test_a_continuation_token_serves_once_and_only_its_own_query(centre):
    token = centre.search(limit=5).json()["meta"]["nextContinuationToken"]
    assert centre.search(limit=5, continuationToken=token).status_code == 200
    assert centre.search(limit=5, continuationToken=token).status_code == 400
    other = centre.search(limit=5).json()["meta"]["nextContinuationToken"]
    assert centre.search(limit=5, continuationToken=other, direction="inbound").status_code == 400


def test_deleting_between_two_pages_loses_nothing(centre):
    whole = guids(centre.search())
    first = centre.search(limit=10)
    centre.batch(*guids(first))
    token = first.json()["meta"]["nextContinuationToken"]
    assert guids(centre.search(continuationToken=token)) == whole[10:]


@pytest.mark.parametrize(("end", "found"), [("inclusive", True), ("exclusive", False)])
def test_the_end_of_a_window_is_read_as_the_tester_chose(end, found):
    centre = Centre(end=end)
    one = centre.rich_call()
    start = datetime.fromisoformat(one["start"])
    at_end = centre.search(start=iso(start - timedelta(days=1)), end=iso(start))
    assert (one["guid"] in guids(at_end)) is found
    assert one["guid"] in guids(centre.search(start=iso(start), end=iso(start + timedelta(seconds=1))))


def test_direction_and_agent_narrow_a_search(centre):
    agent = centre.search().json()["items"][0]["handlingAgents"][0]["id"]
    theirs = centre.search(handlingAgentId=agent, direction="inbound").json()["items"]
    assert theirs
    assert all(one["direction"] == "inbound" and {"id": agent} in one["handlingAgents"] for one in theirs)


def test_an_object_has_the_documented_fields(centre):
    one = centre.call("GET", f"{ICS}/{centre.rich_call()['guid'].upper()}").json()
    assert set(one) == {"guid", "start", "connectFrom", "connectTo", "direction", "handlingAgents", "content"}
    recording = next(content for content in one["content"] if content["type"] == "callRecording")
    fields = {"contentKey", "type", "contentType", "contentLength", "lastModified", "properties"}
    assert set(recording) == fields
    assert recording["contentKey"] == "callRecording"
    assert next(content for content in one["content"] if content["type"] == "ivrAudioRecording")[
        "owningInteractionPlan"
    ]


def test_version_two_pages_by_number_and_knows_either_party(centre):
    number = centre.subjects()[0]["identifiers"][0]["formats"][0]
    answer = centre.search(accept=V2, limit=2, page=2, sort="handlingAgents:desc").json()
    assert answer["meta"]["page"] == 2
    assert answer["meta"]["pageCount"] == -(-answer["meta"]["totalCount"] // 2)
    either = centre.search(accept=V2, connectEither=number).json()["items"]
    assert all(number in one["connectFrom"] + one["connectTo"] for one in either)


@pytest.mark.parametrize(
    ("client", "content_type"), [("sandbox-no-screen", "screenRecording"), ("sandbox-no-ivr", "ivrAudioRecording")]
)
def test_a_content_type_without_permission_is_silently_absent(centre, client, content_type):
    def types(who: str) -> set[str]:
        return {content["type"] for one in centre.sweep(who) for content in one["content"]}

    assert types("sandbox-admin") - types(client) == {content_type}


@pytest.mark.parametrize(
    ("client", "direction"), [("sandbox-no-inbound", "outbound"), ("sandbox-no-outbound", "inbound")]
)
def test_a_direction_without_permission_is_silently_absent(centre, client, direction):
    assert {one["direction"] for one in centre.sweep(client)} == {direction}


def test_a_single_line_and_a_deleted_agent_narrow_what_is_seen(centre):
    everything = centre.sweep()
    line = centre.sweep("sandbox-one-line")
    assert {one["connectTo" if one["direction"] == "inbound" else "connectFrom"] for one in line} == {"+448081570110"}
    groups = {one["guid"] for one in centre.sweep("sandbox-groups")}
    lost = [one for one in everything if one["guid"] not in groups]
    assert lost
    assert {agent["id"] for one in lost for agent in one["handlingAgents"]} == {"1462", "1469"}


def test_what_is_invisible_answers_404_when_read(centre):
    one = centre.rich_call()
    key = next(key for key, kind in one["content"].items() if kind == "screenRecording")
    path = f"{ICS}/{one['guid']}"
    assert centre.call("GET", path, "sandbox-no-inbound").status_code == 404
    assert centre.call("GET", f"{path}/content/{key}", "sandbox-no-screen").status_code == 404
    assert centre.call("GET", f"{path}/content/{key}").status_code == 200
