"""Room 6: what is gone is read back once a round, and what is not becomes a candidate again."""

import pytest

from content_app import receipts, verification
from content_app.connectors.base import ConnectorError
from content_app.models import Candidate, Verification
from requests_app import approval
from requests_app.models import LedgerLeaf
from tests.centre import Centre, plug

pytestmark = pytest.mark.django_db


def results(round_number=1):
    rows = Verification.objects.filter(round=round_number)
    return dict(rows.values_list("item__external_id", "result"))


@pytest.fixture
def executed(system, centre, rooms):
    """``executed(*names)`` is a request whose voicemails were deleted, by a system that then put some ``back``."""

    def made(*names, back=()):
        for name in names:
            centre.hold(name, "voicemail")
        request = rooms.approved()
        rooms.executed(request)
        for name in back:
            centre.hold(name, "voicemail")
        centre.log.clear()
        return request

    return made


def test_everything_is_read_back_once_a_round(executed, rooms, centre):
    request = executed("a", "b")
    assert not verification.is_done(request.pk, round_number=1)
    assert rooms.read_back(request)
    assert results() == {"a": "verified_absent", "b": "verified_absent"}
    assert rooms.read_back(request)
    assert len(centre.asked("find")) == 1, "and not twice"
    assert rooms.read_back(request, round_number=2)
    assert results(2) == results(1)
    assert not verification.still_there(request.pk)


def test_it_deletes_nothing(executed, rooms, centre):
    request = executed("a", "b", back="ab")
    rooms.read_back(request)
    assert {entry[0] for entry in centre.log} == {"find", "close"}
    assert set(centre.held) == {"a", "b"}


def test_a_budget_counts_interactions_and_the_next_run_goes_on(executed, rooms, centre):
    names = [f"call-{number}" for number in range(5)]
    request = executed(*names)
    assert [rooms.read_back(request, budget=2) for _ in range(3)] == [False, False, True]
    assert sorted(results()) == names
    assert len(centre.asked("find")) + len(centre.asked("get")) == 3, "two pages, and one that was looked up"


def test_each_chunk_has_one_entry_in_the_ledger(executed, rooms, monkeypatch):
    monkeypatch.setattr(verification, "PART", 2)
    request = executed("a", "b", "c", back="c")
    entries = LedgerLeaf.objects.filter(type="deletion.verified").count()
    rooms.read_back(request)
    assert LedgerLeaf.objects.filter(type="deletion.verified").count() == entries + 2


def test_a_run_that_dies_reads_back_the_rest_afterwards(executed, rooms, centre, monkeypatch):
    monkeypatch.setattr(verification, "PART", 1)
    request = executed("a", "b", "c")

    def dies(entry):
        if entry == ("get", "b"):
            raise ConnectorError("unreachable", permanent=False)

    centre.before = dies
    with pytest.raises(ConnectorError):
        rooms.read_back(request)
    assert results() == {"a": "verified_absent"}
    centre.before = lambda entry: None
    assert rooms.read_back(request)
    assert len(results()) == 3


def test_what_is_there_again_becomes_a_candidate_and_waits_for_a_list(executed, rooms):
    request = executed("a", "b", back="b")
    assert rooms.read_back(request)
    assert results() == {"a": "verified_absent", "b": "reappeared"}
    row = receipts.waiting(request).get()
    assert (row.external_id, row.kind, row.included, row.link) == ("b", "reappeared", True, "own_identifier")
    assert verification.still_there(request.pk)


def test_one_file_that_is_still_there_does_not_hide_that_the_other_is_gone(system, centre, rooms):
    centre.hold("a", "voicemail", "transcript")
    request = rooms.approved()
    rooms.executed(request)
    centre.hold("a", "transcript")
    rooms.read_back(request)
    rows = Verification.objects.filter(round=1).values_list("item__content_key", "result")
    assert dict(rows) == {"voicemail": "verified_absent", "transcript": "reappeared"}


def test_content_that_nobody_has_seen_is_noted_when_it_is_read_back(executed, rooms, centre):
    request = executed("a")
    centre.hold("a", "conversationSummary")
    assert rooms.read_back(request)
    assert results() == {"a": "verified_absent"}
    assert receipts.waiting(request).get().content_key == "conversationSummary"
    assert not verification.still_there(request.pk)


def test_a_later_list_that_was_read_back_settles_what_was_still_there(executed, rooms):
    request = executed("a", "b", back="ab")
    rooms.read_back(request)
    second = rooms.freeze(request)
    assert verification.still_there(request.pk), "a list that is not approved settles nothing"
    rooms.approve(request, second)
    rooms.executed(request)
    assert verification.still_there(request.pk), "nor one that was not read back"
    assert rooms.read_back(request)
    assert not verification.still_there(request.pk)


def test_a_later_list_that_keeps_it_settles_it_as_well(executed, rooms):
    request = executed("a", back="a")
    rooms.read_back(request)
    Candidate.objects.update(included=False, link="other_person")
    rooms.freeze(request)
    assert not verification.still_there(request.pk)


def test_a_later_list_after_which_it_is_still_there_settles_nothing(executed, rooms, centre):
    request = executed("a", back="a")
    rooms.read_back(request)
    rooms.approve(request, rooms.freeze(request))
    rooms.executed(request)
    centre.hold("a", "voicemail")
    assert rooms.read_back(request)
    assert verification.still_there(request.pk)


def test_a_list_whose_approval_was_withdrawn_is_not_read_back(system, centre, rooms, supervisor):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    approval.withdraw_approval(request.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)
    assert list(verification.approved_plans(request.pk)) == []
    assert rooms.read_back(request)
    assert results() == {}


def test_every_system_is_asked_about_its_own(connect, monkeypatch, rooms):
    first, second = Centre(), Centre()
    plug(monkeypatch, by_name={"A": first, "B": second})
    connect(name="A")
    connect(name="B")
    first.hold("a", "voicemail")
    second.hold("b", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    second.hold("a", "voicemail")
    for one in (first, second):
        one.log.clear()
    assert rooms.read_back(request)
    assert (first.asked("get"), second.asked("get")) == ([("a",)], [("b",)])
    assert set(results().values()) == {"verified_absent"}
