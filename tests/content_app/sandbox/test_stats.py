"""The statistics."""

from datetime import timedelta

import pytest

from content_app.sandbox.clock import iso

from .centre import ICS, NOW

pytestmark = pytest.mark.pure
STATS = "/stats/interactions"


def days_back(number: int) -> str:
    return iso(NOW - timedelta(days=number))


def test_statistics_list_interactions_without_content_in_order_of_their_start(centre):
    rows = centre.call("GET", STATS, params={"start": days_back(31), "end": days_back(0), "limit": 5000}).json()
    assert rows["meta"]["totalCount"] == len(rows["items"])
    assert [row["start"] for row in rows["items"]] == sorted(row["start"] for row in rows["items"])
    assert {row["guid"] for row in rows["items"]} - {one["guid"] for one in centre.sweep()}
    assert {row["direction"] for row in rows["items"]} == {"Inbound", "Outbound"}


def test_statistics_keep_the_addresses_of_contacts_whose_content_ran_out_or_was_deleted(centre):
    call = centre.rich_call()
    window = {"start": days_back(31), "end": days_back(0), "limit": 5000}

    def rows():
        told = centre.call("GET", STATS, params=window).json()["items"]
        return {row["guid"]: (row["start"], row["connectFrom"], row["connectTo"]) for row in told}

    before = rows()
    centre.batch(call["guid"])
    assert centre.control("POST", "retention", json={"days": 1})["gone"] > 0
    assert not [one for one in centre.sweep() if one["start"] < days_back(1)]
    assert rows() == before
    assert before[call["guid"]] == (call["start"], call["connectFrom"], call["connectTo"])


def test_a_window_of_32_days_answers_400(centre):
    answer = centre.call("GET", STATS, params={"start": days_back(32), "end": days_back(0)})
    assert (answer.status_code, answer.json()) == (400, {"message": "Request window size limit exceeded 31 days"})


def test_statistics_page_by_number(centre):
    window = {"start": days_back(20), "end": days_back(0), "limit": 10}
    pages = [centre.call("GET", STATS, params=window | {"page": page}).json() for page in (1, 2)]
    assert [page["meta"]["count"] for page in pages] == [10, 10]
    assert not {row["guid"] for row in pages[0]["items"]} & {row["guid"] for row in pages[1]["items"]}


def test_statistics_need_their_own_scope(centre):
    centre.tokens["sandbox-admin"] = centre.ask_token(scope="interaction-content:read").json()["access_token"]
    assert centre.call("GET", STATS).status_code == 403


def test_an_ongoing_interaction_shows_in_the_statistics_and_gets_its_content_when_it_ends(centre):
    order = {"subject": "subject-1", "ongoingSeconds": 60}
    guid = centre.control("POST", "contact", json=order)["guid"]
    ongoing = centre.call("GET", f"{STATS}/ongoing").json()["items"]
    assert guid in {row["guid"] for row in ongoing}
    assert len(ongoing) == 4
    assert centre.call("GET", f"{ICS}/{guid}").status_code == 404
    centre.control("POST", "clock", json={"seconds": 61})
    assert centre.call("GET", f"{ICS}/{guid}").status_code == 200
    assert guid not in {row["guid"] for row in centre.call("GET", f"{STATS}/ongoing").json()["items"]}
