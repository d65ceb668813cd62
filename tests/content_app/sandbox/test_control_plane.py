"""What a tester may order."""

import pytest

from content_app.sandbox.faults import KINDS

from .centre import ICS, Centre

pytestmark = pytest.mark.pure


def test_health_tells_the_seed_and_the_size(centre):
    health = centre.control("GET", "health")
    assert {key: health[key] for key in ("status", "seed", "interactions", "subjects")} == {
        "status": "ok", "seed": 1, "interactions": 600, "subjects": 4,
    }  # fmt: skip


def test_a_new_contact_is_found_by_a_search(centre):
    made = centre.control("POST", "contact", json={"subject": "subject-2", "kind": "email", "direction": "outbound"})
    centre.control("POST", "clock", json={"seconds": 1})
    end = centre.control("GET", "health")["now"]
    found = centre.search(start="2026-02-28T00:00:00Z", end=end, connectTo=made["address"]).json()["items"]
    assert made["guid"] in {one["guid"] for one in found}


def test_late_content_arrives_where_it_is_ordered(centre):
    guid = centre.rich_call()["guid"]
    centre.batch(guid)
    assert centre.control("POST", "late-content", json={"guid": guid})["contentKey"] == "transcript"
    assert centre.remaining(guid) == ["transcript"]
    centre.control("POST", "late-content", json={"guid": guid, "type": "attachment", "afterSeconds": 60})
    assert centre.remaining(guid) == ["transcript"]
    centre.control("POST", "clock", json={"seconds": 60})
    assert len(centre.control("POST", "remaining", json={"guids": [guid]})["remaining"][guid]) == 2


def test_a_planned_fault_befalls_as_many_calls_as_ordered_and_only_on_its_path(centre):
    order = {"kind": "status", "status": 503, "times": 2, "path": f"{ICS}/*", "retryAfter": "7"}
    assert centre.control("POST", "faults", json=order)["planned"][0]["times"] == 2
    path = f"{ICS}/{centre.rich_call()['guid']}"
    assert centre.search().status_code == 200
    assert [centre.call("GET", path).status_code for _ in range(3)] == [503, 503, 200]
    assert [entry["fault"] for entry in centre.log()][-3:] == ["status", "status", ""]


@pytest.mark.parametrize(
    ("kind", "status", "media_type", "body"),
    [
        ("html", 200, "text/html", b"<!DOCTYPE html>"),
        ("garbage", 200, "application/json", b'{"items": [{'),
        ("empty", 200, "application/json", b""),
        ("wrong-shape", 200, "application/json", b'["unexpected"'),
        ("wrong-type", 200, "text/plain", b'{"items":'),
        ("short", 200, "application/json", b'{"items":'),
    ],
)
def test_a_fault_spoils_the_answer(centre, kind, status, media_type, body):
    centre.headers()
    centre.control("POST", "faults", json={"kind": kind})
    answer = centre.search()
    assert answer.status_code == status
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.content.startswith(body)
    assert (answer.content == b"") is (kind == "empty")


def test_a_lost_answer_was_carried_out_all_the_same(centre):
    guid = centre.rich_call()["guid"]
    centre.headers()
    centre.control("POST", "faults", json={"kind": "lost", "method": "DELETE"})
    assert centre.call("DELETE", f"{ICS}/{guid}").status_code == 504
    assert centre.remaining(guid) == []
    assert centre.log()[-1]["deleted"][0]["guid"] == guid


def test_planned_faults_can_be_seen_and_cleared(centre):
    centre.control("POST", "faults", json={"kind": "slow", "seconds": 0.01})
    assert len(centre.control("GET", "faults")["planned"]) == 1
    assert centre.control("DELETE", "faults") == {"planned": []}


@pytest.mark.parametrize("order", [{"kind": "flood"}, {"kind": KINDS[0], "colour": "red"}, ["kind"]])
def test_an_order_that_cannot_be_followed_answers_400(centre, order):
    assert centre.send("POST", "/sandbox/faults", json=order).status_code == 400


def test_random_trouble_comes_at_the_rate_asked_for():
    centre = Centre(errors=0.3)
    token = next(answer for _ in range(20) if (answer := centre.ask_token()).status_code == 200).json()["access_token"]
    centre.tokens["sandbox-admin"] = token
    statuses = [centre.search(limit=1).status_code for _ in range(100)]
    assert {500, 503, 504} >= set(statuses) - {200} != set()
    assert 10 < sum(status != 200 for status in statuses) < 60


def test_the_control_plane_is_not_in_the_log(centre):
    centre.subjects()
    assert centre.log() == []
