"""Room 3, first half: which questions a search asks, what survives a crash, and which ties a person must settle."""

from datetime import UTC, date, datetime, timedelta

import pytest

from content_app import discovery, noting, planning, windows
from content_app.connectors.base import ConnectorError
from content_app.models import Candidate, Search
from requests_app import approval
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests import story
from tests.centre import COMPANY_LINE, PHONE, Centre, plug

pytestmark = pytest.mark.django_db


@pytest.fixture
def history_days():
    """Four weeks of windows."""
    return 28


@pytest.fixture(autouse=True)
def a_busy_account(monkeypatch):
    """Reading all of it would take more calls than asking for one person alone, which is what these tests look at."""
    monkeypatch.setattr(windows, "GUESS", 1_000_000)


STRANGER = "+4477009001234"  # begins with PHONE's digits
OTHER = "+447700900999"
WINDOW = Centre.manifest.window


def finds(centre):
    """Every search call as (side, address, start, end, token)."""
    return centre.asked("find")


def found(request):
    return dict(request.candidates.values_list("external_id", "doubt"))


def crash_at(number):
    """Something to put ``before`` the calls: the numberth search call dies, once."""
    seen = []

    def crash(entry):
        if entry[0] == "find":
            seen.append(entry)
            if len(seen) == number:
                raise ConnectorError("unreachable", permanent=False)

    return crash


# --- windows, pages, cursors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 7, 28, 365])
def test_the_windows_cover_the_accounts_history_without_gap_or_overlap(connect, centre, rooms, days):
    system = connect(history_days=days)
    request = rooms.take()
    assert rooms.search(request)
    run = Search.objects.get()
    assert run.until >= request.scope_as_of
    for question in {(side, address) for side, address, *_ in finds(centre)}:
        spans = [(start, end) for side, address, start, end, _ in finds(centre) if (side, address) == question]
        assert spans[0][0] == run.until - timedelta(days=system.history_days)
        assert spans[-1][1] == run.until
        assert all(one[1] == following[0] for one, following in zip(spans, spans[1:], strict=False))
        assert all(timedelta(0) < end - start <= WINDOW for start, end in spans)


def test_it_asks_for_every_spelling_on_both_sides(system, centre, rooms):
    rooms.search(rooms.take(identifiers=[story.PHONE, ("email", "ines@example.org"), ("handle", "@ines_q")]))
    asked = {(side, address) for side, address, *_ in finds(centre)}
    addresses = {address for _, address in asked}
    assert {PHONE, PHONE[1:], "00447700900123", "07700900123", "ines@example.org", "ines_q", "@ines_q"} <= addresses
    assert asked == {(side, address) for address in addresses for side in ("from", "to")}
    run = Search.objects.get()
    assert run.calls_expected == run.calls_made == len(finds(centre)) == run.cursor


def test_a_run_that_dies_in_any_window_goes_on_there_and_asks_nothing_twice(system, centre, rooms):
    centre.hold("old", "voicemail", ago=timedelta(days=27))
    centre.hold("new", "voicemail", ago=timedelta(hours=1))
    request = rooms.take()
    work = 5 * 2 * len({"+44", "44", "0044", "0"})
    for number in range(1, work + 2):
        centre.before = crash_at(2)
        try:
            rooms.search(request)
        except ConnectorError:
            assert Search.objects.get().cursor == number
    assert discovery.is_finished(request)
    answered = [entry for i, entry in enumerate(finds(centre)) if i + 1 == len(finds(centre)) or i % 2 == 0]
    assert len(answered) == len(set(answered)) == Search.objects.get().calls_expected
    assert set(found(request)) == {"old", "new"}


def test_a_crash_before_the_cursor_moves_reads_the_window_again_and_notes_nothing_twice(
    system, centre, rooms, monkeypatch
):
    centre.hold("a", "voicemail")
    request = rooms.take()
    real, died = noting.note, []

    def dies(run, theirs):
        real(run, theirs)
        if theirs and not died:
            died.append(1)
            raise ZeroDivisionError

    monkeypatch.setattr(noting, "note", dies)
    with pytest.raises(ZeroDivisionError):
        rooms.search(request)
    assert found(request) == {}, "the note and the cursor are one commit"
    assert rooms.search(request)
    assert found(request) == {"a": ""}


def test_a_budget_ends_a_run_cleanly_and_the_next_goes_on(system, centre, rooms):
    centre.hold("a", "voicemail", ago=timedelta(hours=1))
    request = rooms.take()
    runs = 1
    while not rooms.search(request, budget=7):
        assert len(finds(centre)) == 7 * runs
        runs += 1
    assert len(finds(centre)) == len(set(finds(centre))) == Search.objects.get().calls_expected
    assert runs == -(-len(finds(centre)) // 7)
    assert set(found(request)) == {"a"}


def test_the_beat_is_asked_before_every_window_and_a_lost_lease_ends_the_run(system, centre, rooms):
    request, beats = rooms.take(), []

    def beat():
        beats.append(len(finds(centre)))
        if len(beats) == 4:
            raise Refused("lost_lease", "")

    with pytest.raises(Refused):
        discovery.search(request.pk, budget=1000, beat=beat)
    assert beats == [0, 1, 2, 3]
    assert Search.objects.get().cursor == len(finds(centre)) == 3


def test_every_page_of_a_window_is_read(system, centre, rooms):
    centre.page_size = 2
    for number in range(5):
        centre.hold(f"call-{number}", "voicemail")
    request = rooms.take()
    rooms.search(request)
    assert [token for *_, token in finds(centre) if token] == ["2", "4"]
    assert len(found(request)) == 5
    assert Search.objects.get().calls_made == Search.objects.get().calls_expected + 2


def test_what_several_spellings_and_both_sides_find_is_one_candidate(system, centre, rooms):
    centre.hold("itself", "voicemail", "transcript", connect_from=PHONE, connect_to=PHONE)
    rooms.search(request := rooms.take(identifiers=[story.PHONE, ("phone", "+44 7700 900124")]))
    assert list(request.candidates.values_list("external_id", "content_key")) == [
        ("itself", "transcript"),
        ("itself", "voicemail"),
    ]
    assert LedgerLeaf.objects.filter(type="search.finished").count() == 1
    assert Search.objects.get().interactions == 1


def test_settings_that_change_in_the_middle_of_a_search_lose_no_window(system, centre, rooms):
    centre.hold("oldest", "voicemail", ago=timedelta(days=50))
    request = rooms.take()
    assert not rooms.search(request, budget=20)
    system.history_days = 60
    system.save()
    assert rooms.search(request)
    assert set(found(request)) == {"oldest"}


def test_an_identifier_that_comes_with_a_later_request_is_searched_for_there_and_not_here(
    system, centre, rooms, staff, clock
):
    """The later request is not validated: whoever makes it could name a stranger's number."""
    centre.hold("theirs", "voicemail", ago=timedelta(days=27))
    centre.hold("not-checked", "voicemail", connect_from=OTHER)
    request = rooms.take()
    assert not rooms.search(request, budget=5)
    clock.shift(timedelta(minutes=1))
    later = story.received(staff, identifiers=[story.PHONE, ("phone", OTHER)])
    assert later.subject == request.subject
    assert rooms.search(request)
    assert set(found(request)) == {"theirs"}
    assert OTHER not in {address for _, address, *_ in finds(centre)}


def test_two_systems_are_both_searched_and_one_that_fails_loses_nothing_of_the_other(connect, monkeypatch, rooms):
    first, second = Centre(), Centre()
    plug(monkeypatch, by_name={"A": first, "B": second})
    one, two = connect(name="A"), connect(name="B", region="DE")
    first.hold("a", "voicemail")
    second.hold("b", "voicemail")
    request = rooms.take()
    second.before = crash_at(3)
    with pytest.raises(ConnectorError):
        rooms.search(request)
    assert not discovery.is_finished(request)
    asked = len(finds(first))
    assert rooms.search(request)
    assert len(finds(first)) == asked
    assert set(request.candidates.values_list("system", "external_id")) == {(one.pk, "a"), (two.pk, "b")}
    assert {address for _, address, *_ in finds(first)} == {address for _, address, *_ in finds(second)}


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_a_stranger_whose_number_begins_alike_is_counted_and_left_alone(system, centre, rooms):
    centre.hold("theirs", "voicemail")
    centre.hold("strangers", "voicemail", connect_from=STRANGER)
    request = rooms.take()
    rooms.search(request)
    assert found(request) == {"theirs": ""}
    assert Search.objects.get().strangers == 1


def test_their_own_number_is_included_at_once(system, centre, rooms):
    centre.hold("in", "voicemail")
    centre.hold("out", "voicemail", connect_from=COMPANY_LINE, connect_to=PHONE, direction="outbound", agents=("7",))
    request = rooms.take()
    rooms.search(request)
    row = request.candidates.get(external_id="out")
    assert (row.included, row.link, row.line, row.agents) == (True, "own_identifier", COMPANY_LINE, ["7"])
    assert row.found_by == request.subject.identifiers.get()
    assert request.candidates.filter(included=True, doubt="").count() == 2


def test_a_spelling_that_can_be_another_persons_waits_for_a_person(system, centre, rooms):
    centre.hold("a", "voicemail", connect_from="01711234567")
    rooms.search(request := rooms.take(identifiers=[("phone", "+49 171 1234567")]))
    row = request.candidates.get()
    assert (row.doubt, row.included, row.shared) == ("ambiguous", None, False)


def test_a_match_on_the_companys_side_waits_and_the_address_is_not_kept(system, centre, rooms):
    centre.hold("a", "voicemail", connect_from=OTHER, connect_to=PHONE, direction="inbound")
    rooms.search(request := rooms.take())
    row = request.candidates.get()
    assert (row.doubt, row.included, row.line) == ("company_side", None, "")


@pytest.mark.parametrize("kind", ["customer_number", "crm_record_id"])
def test_a_key_of_a_record_is_nobodys_address(system, centre, rooms, kind):
    """A call from the person to somebody whose number has the digits of the person's customer number."""
    centre.hold("a", "voicemail", connect_from=PHONE, connect_to="07700900999", direction="outbound")
    rooms.search(request := rooms.take(identifiers=[story.PHONE, (kind, "07700900999")]))
    assert (row := request.candidates.get()).included is None
    assert row.doubt == "company_side"


# --- named interactions ----------------------------------------------------------------------------------------------

GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def named(rooms, **told):
    return rooms.take(identifiers=[story.PHONE, ("interaction_guid", GUID)], **told)


def test_a_named_interaction_that_is_not_there_is_no_candidate(system, centre, rooms):
    request = named(rooms, scope="named_interactions")
    assert rooms.search(request)
    assert centre.asked("get") == [(GUID,)]
    assert finds(centre) == []
    assert not request.candidates.exists()


def test_a_named_interaction_with_their_number_is_theirs(system, centre, rooms):
    centre.hold(GUID, "voicemail")
    centre.hold("unnamed", "voicemail")
    request = named(rooms, scope="named_interactions")
    assert rooms.search(request)
    assert found(request) == {GUID: ""}


def test_a_named_interaction_with_other_addresses_waits_and_keeps_no_line(system, centre, rooms):
    centre.hold(GUID, "voicemail", connect_from=OTHER)
    request = named(rooms)
    assert rooms.search(request)
    row = request.candidates.get()
    assert (row.doubt, row.included, row.line) == ("named", None, "")
    assert finds(centre), "everything else is searched for as well"
    assert Search.objects.get().calls_made == Search.objects.get().calls_expected


# --- when it was -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-03-28T23:59:59+00:00", False),
        ("2026-03-29T00:00:00+00:00", True),
        ("2026-03-31T22:59:59+00:00", True),
        ("2026-03-31T23:00:00+00:00", False),  # midnight in London, after the change of the clocks
    ],
)
def test_a_date_range_begins_and_ends_at_midnight_where_the_portal_is(system, centre, rooms, clock, at, inside):
    clock.move_to(datetime(2026, 4, 10, 9, tzinfo=UTC))
    centre.hold("a", "voicemail", at=datetime.fromisoformat(at))
    rooms.search(request := rooms.take(date_from=date(2026, 3, 29), date_to=date(2026, 3, 31)))
    row = request.candidates.get()
    assert (row.included, row.link) == ((True, "own_identifier") if inside else (False, "out_of_scope"))


def test_a_contact_after_the_scope_is_listed_apart_and_never_included(system, centre, rooms, clock):
    request = rooms.take()
    centre.hold("before", "voicemail", at=request.scope_as_of)
    centre.hold("after", "voicemail", at=request.scope_as_of + timedelta(seconds=1))
    clock.shift(timedelta(minutes=5))
    rooms.search(request)
    rows = {row.external_id: (row.kind, row.included, row.link) for row in request.candidates.all()}
    assert rows == {"before": ("found", True, "own_identifier"), "after": ("after_scope", False, "out_of_scope")}


# --- again -----------------------------------------------------------------------------------------------------------


def test_a_list_that_was_sent_back_is_searched_for_again_and_choices_stay(
    system, centre, rooms, supervisor, validator, clock
):
    centre.hold("a", "voicemail")
    request = rooms.take()
    rooms.search(request)
    row = request.candidates.get()
    planning.choose(request.pk, actor=validator, candidate_ids=[row.pk], link="other_person")
    rooms.freeze(request)
    clock.shift(timedelta(minutes=1))
    approval.send_back(request.pk, actor=supervisor, reason="missing_items")
    request.refresh_from_db()
    assert not discovery.is_finished(request)
    with pytest.raises(Refused, match="search is not finished"):
        rooms.freeze(request)
    centre.hold("b", "voicemail")
    assert rooms.search(request)
    assert dict(request.candidates.values_list("external_id", "included")) == {"a": False, "b": True}
    assert Search.objects.count() == 2


def test_a_request_for_a_copy_is_searched_for_in_the_same_way(system, centre, rooms):
    centre.hold("a", "voicemail")
    rooms.search(request := rooms.take(right="access"))
    assert found(request) == {"a": ""}


def test_nothing_of_a_person_is_in_a_search_or_its_entry(system, centre, rooms):
    centre.hold("a", "voicemail")
    rooms.search(rooms.take())
    told = str(list(Search.objects.values())) + str(list(LedgerLeaf.objects.values()))
    assert "7700900" not in told
    assert "7700900" not in str(Candidate.objects.values_list("line", flat=True).get())
