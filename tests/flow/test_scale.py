"""Ten people, five thousand interactions, numbers in every spelling: all of theirs goes, no stranger's does."""

from collections import Counter

import pytest

from content_app import planning, reporting
from content_app.models import Candidate, Lease
from requests_app import audit
from tests.flow.conftest import approve, freeze, run
from tests.flow.test_erasure import contents_of, held

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


def spellings_used(subject):
    """In how many ways the contact centre has written this person's addresses."""
    return {i["connectFrom"] if i["direction"] == "inbound" else i["connectTo"] for i in subject["interactions"]}


def test_ten_people_are_erased_among_five_thousand_interactions(start_sandbox, connect, take, staff, supervisor):
    centre = start_sandbox(seed=5, interactions=5000, days=7, subjects=10)
    connect(centre)
    subjects = centre.ask("/subjects")["subjects"]
    strangers = {
        guid: keys
        for subject in subjects
        for one in subject["strangers"]
        for guid, keys in held(centre, one["guids"]).items()
    }
    assert len(strangers) >= 10
    assert max(len(spellings_used(subject)) for subject in subjects) >= 4

    requests = {subject["id"]: take(subject) for subject in subjects}
    run()
    for request in requests.values():
        doubtful = list(request.candidates.filter(doubt="ambiguous").values_list("pk", flat=True))
        if doubtful:  # a German number without its country code in a British account: staff asked the person
            planning.choose(request.pk, actor=staff, candidate_ids=doubtful, link="said_so")
        approve(request, freeze(request, staff), supervisor)
    assert Candidate.objects.filter(doubt="ambiguous").exists()
    run()
    for request in requests.values():
        reporting.record_reply(request.pk, actor=staff, channel="email")

    log = centre.ask("/log")["calls"]
    assert not any(call["overlapped"] for call in log)
    assert held(centre, [guid for subject in subjects for guid in subject["guids"]]) == {}
    assert held(centre, strangers) == strangers

    deleted = Counter((one["guid"], c["contentKey"]) for call in log for one in call["deleted"] for c in one["content"])
    for subject in subjects:
        told = reporting.facts(requests[subject["id"]].pk)
        theirs = {place for place in deleted if place in contents_of(subject)}
        assert told["request"]["state"] == "closed"
        assert told["totals"]["deleted"] + told["totals"]["already_gone"] == len(theirs) == len(contents_of(subject))
        assert {(i["interaction"], i["key"]) for i in told["items"]} == theirs
        by_class = Counter(key for i in subject["interactions"] for key in i["content"].values())
        assert {row["class"]: row["found"] for row in told["content"] if row["found"]} == by_class
    assert sum(deleted.values()) == sum(len(contents_of(subject)) for subject in subjects), "and nothing else"
    assert Lease.objects.get().until is None
    assert audit.verify().ok
