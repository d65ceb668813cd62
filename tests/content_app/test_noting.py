"""One contact that ties to two people is nobody's by the match alone, and the ledger tells who was doubted."""

import json

import pytest

from content_app import discovery, planning, windows
from requests_app import validation
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests import story
from tests.centre import PHONE

pytestmark = pytest.mark.django_db

#: German, and in a British account the national spelling is a British number as well.
GERMAN, NATIONAL = ("phone", "+49 7700 900123"), "07700900123"


@pytest.fixture(autouse=True, params=[10, 1_000_000], ids=["in one pass", "each alone"])
def either_way(request, monkeypatch):
    monkeypatch.setattr(windows, "GUESS", request.param)


def doubted():
    leaves = LedgerLeaf.objects.filter(type="candidate.chosen").order_by("id")
    return [(leaf.object_id, json.loads(bytes(leaf.leaf))["facts"]) for leaf in leaves]


def state_of(request):
    return list(request.candidates.values_list("included", "link", "doubt", "shared"))


UNDECIDED = {"choice": "undecided", "reason": "shared"}


def test_a_number_that_two_who_wait_have_is_undecided_for_both(system, centre, rooms):
    one, other = rooms.take(name="One"), rooms.take(name="Other")
    centre.hold("a", "voicemail", "transcript")
    rooms.search(one), rooms.search(other)
    assert state_of(one) == state_of(other) == [(None, "", "shared", True)] * 2


def test_a_spelling_that_is_two_peoples_is_undecided_for_both_and_whoever_came_first_has_an_entry(
    system, centre, rooms, clock
):
    british = rooms.take(name="British")
    centre.hold("a", "voicemail", "transcript", connect_from=NATIONAL)
    centre.hold("b", "voicemail", connect_from=PHONE)
    assert rooms.search(british)
    assert state_of(british) == [(True, "own_identifier", "", False)] * 3
    german = rooms.take(name="German", identifiers=[GERMAN])
    assert rooms.search(german)
    assert set(german.candidates.values_list("external_id", "included", "doubt", "shared")) == {
        ("a", None, "ambiguous", True)
    }
    assert set(british.candidates.values_list("external_id", "included", "doubt")) == {
        ("a", None, "shared"), ("b", True, ""),
    }  # fmt: skip
    assert doubted() == [(str(british.pk), UNDECIDED | {"items": 2})]


def test_the_order_in_which_the_two_come_makes_no_difference(system, centre, rooms):
    german = rooms.take(name="German", identifiers=[GERMAN])
    centre.hold("a", "voicemail", connect_from=NATIONAL)
    assert rooms.search(german)
    british = rooms.take(name="British")
    assert rooms.search(british)
    assert state_of(british) == [(None, "", "shared", True)]
    assert state_of(german) == [(None, "", "ambiguous", True)]


def test_what_a_person_has_said_stands(system, centre, rooms, validator):
    british = rooms.take(name="British")
    centre.hold("a", "voicemail", connect_from=NATIONAL)
    rooms.search(british)
    planning.choose(british.pk, actor=validator, candidate_ids=[british.candidates.get().pk], link="said_so")
    rooms.search(rooms.take(name="German", identifiers=[GERMAN]))
    assert state_of(british) == [(True, "said_so", "", True)]


def test_whose_request_is_over_is_not_asked_about(system, centre, rooms, staff):
    british = rooms.take(name="British")
    centre.hold("a", "voicemail", connect_from=NATIONAL)
    rooms.search(british)
    validation.withdraw(british.pk, actor=staff, reason="person_withdrew")
    rooms.search(rooms.take(name="German", identifiers=[GERMAN]))
    assert state_of(british) == [(True, "own_identifier", "", False)]


def test_a_call_between_two_who_wait_is_the_first_ones_who_stands_on_the_persons_side(system, centre, rooms):
    """The other one's address is on the company's side: that waits for a person anyway, and holds nobody else up."""
    caller, called = rooms.take(name="Caller"), rooms.take(name="Called", identifiers=[("phone", "+447700900999")])
    centre.hold("a", "voicemail", connect_to="+447700900999")
    rooms.search(caller), rooms.search(called)
    assert state_of(caller) == [(True, "own_identifier", "", False)]
    assert state_of(called) == [(None, "", "company_side", False)]


def test_before_a_list_is_frozen_whoever_has_come_since_is_looked_for_with_an_entry(system, centre, rooms, staff):
    request = rooms.take()
    centre.hold("a", "voicemail", "transcript")
    rooms.search(request)
    story.received(staff, name="Somebody Else")
    with pytest.raises(Refused, match="2 items wait"):
        rooms.freeze(request)
    assert doubted() == [(str(request.pk), UNDECIDED | {"items": 2})]
    discovery.doubt_newly_shared(request.pk)
    assert len(doubted()) == 1


def test_two_workers_who_could_not_see_each_others_rows_are_caught_before_the_list_is_frozen(system, centre, rooms):
    british = rooms.take(name="British")
    centre.hold("a", "voicemail", connect_from=NATIONAL)
    rooms.search(british)
    rooms.search(rooms.take(name="German", identifiers=[GERMAN]))
    british.candidates.update(included=True, link="own_identifier", doubt="", shared=False)
    with pytest.raises(Refused, match="1 items wait"):
        rooms.freeze(british)
