"""One pass for all who wait finds what each search alone would find, in fewer calls, through any crash."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import discovery, pipeline, sweeping, systems, turns, windows
from content_app.connectors.base import ConnectorError
from content_app.models import Candidate, DayCount, Errand, Search, Sweep
from requests_app import approval, clock, validation
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests.centre import COMPANY_LINE, Centre, plug
from tests.content_app.sweeping_story import call, found, number, pages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_quiet_account")]


@pytest.fixture
def history_days():
    """Four weeks of windows."""
    return 28


WINDOW = Centre.manifest.window
BUSY = 1_000_000


# --- one pass for all ------------------------------------------------------------------------------------------------


def test_one_pass_serves_everybody_who_waits(system, centre, rooms, people):
    requests = people(3)
    for n, ago in ((10, 1), (11, 13), (12, 27)):
        call(centre, f"of-{n}", n, ago=timedelta(days=ago))
    call(centre, "a-neighbours", 50)
    assert rooms.search(requests[0])
    assert [found(one) for one in requests] == [{"of-10"}, {"of-11"}, {"of-12"}]
    assert all(discovery.is_finished(one) for one in requests)
    assert len(centre.asked("find")) == len(pages(centre)) == 5, "one page for each window, and nothing else"
    sweep = Sweep.objects.get()
    assert (sweep.ending, sweep.calls_made, sweep.calls_expected, sweep.sharers, sweep.cursor) == (
        "finished",
        5,
        5,
        3,
        5,
    )
    assert set(Search.objects.values_list("way", "calls_made", "calls_expected", "sharers")) == {("sweep", 5, 5, 3)}
    assert LedgerLeaf.objects.filter(type="search.finished").count() == 3


def test_the_windows_cover_the_history_without_gap_or_overlap(connect, centre, rooms, people):
    system = connect(history_days=60)
    rooms.search(people(1)[0])
    spans = [(start, end) for _, _, start, end, _ in pages(centre)]
    run = Search.objects.get()
    assert (spans[0][0], spans[-1][1]) == (run.until - timedelta(days=system.history_days), run.until)
    assert all(one[1] == following[0] for one, following in zip(spans, spans[1:], strict=False))
    assert all(timedelta(0) < end - start <= WINDOW for start, end in spans)


def test_what_was_read_teaches_how_much_a_day_has(system, centre, rooms, people):
    for n in range(40):
        call(centre, f"call-{n}", 50, ago=timedelta(days=3, minutes=n))
    rooms.search(people(1)[0])
    day = (timezone.now() - timedelta(days=3)).date()
    assert sum(DayCount.objects.values_list("interactions", flat=True)) == 40
    assert DayCount.objects.get(day=day).interactions > 0


def test_everybody_gets_the_files_of_their_own_request_s_dates(system, centre, rooms, people):
    """A request whose history begins later than the pass has nothing from before its own beginning."""
    first = people(1)[0]
    Search.objects.create(
        request=first, system=system, way="sweep", until=timezone.now(), basis=systems.basis(system),
        spans=windows.packed([(timezone.now() - timedelta(days=5), timezone.now())]),
    )  # fmt: skip
    call(centre, "before", 10, ago=timedelta(days=6))
    call(centre, "within", 10, ago=timedelta(days=4))
    second = rooms.take(name="Second", identifiers=[("phone", number(11))])
    call(centre, "of-second", 11, ago=timedelta(days=6))
    assert rooms.search(second)
    assert (found(first), found(second)) == ({"within"}, {"of-second"})


def test_an_interaction_that_was_named_is_looked_up_for_whoever_named_it(system, centre, rooms, people):
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    centre.hold(guid, "voicemail", connect_from=number(50), ago=timedelta(days=300))
    one, other = (
        people(1)[0],
        rooms.take(name="Names it", identifiers=[("phone", number(30)), ("interaction_guid", guid)]),
    )
    assert rooms.search(one)
    assert centre.asked("get") == [(guid,)]
    assert (found(one), found(other)) == (set(), {guid})
    assert other.candidates.get().doubt == "named"
    assert dict(Search.objects.values_list("request", "calls_made")) == {one.pk: 5, other.pk: 6}


# --- who gets aboard, and who leaves ---------------------------------------------------------------------------------


def test_whoever_comes_in_the_middle_gets_aboard_and_what_they_missed_is_read_once_more(
    system, centre, rooms, people, clock
):
    first = people(1)[0]
    assert not rooms.search(first, budget=3)
    clock.shift(timedelta(minutes=1))
    late = rooms.take(name="Late", identifiers=[("phone", number(40))])
    for ago in (1, 12, 27):
        call(centre, f"late-{ago}", 40, ago=timedelta(days=ago))
    assert rooms.search(late)
    assert found(late) == {"late-1", "late-12", "late-27"}
    assert discovery.is_finished(first)
    first_pass, second_pass = Sweep.objects.order_by("started_at")
    assert (first_pass.cursor, first_pass.sharers) == (5, 2)
    assert second_pass.calls_made == 3 + 1, "the three windows that were read before, and the minute since"
    assert Search.objects.get(request=first).calls_made == 5
    assert Search.objects.get(request=late).calls_made == 2 + 4


def test_whoever_would_have_to_have_nearly_all_read_again_asks_alone(system, centre, rooms, people, monkeypatch):
    first, *_ = people(1)
    assert not rooms.search(first, budget=4)
    monkeypatch.setattr(sweeping.ways, "calls_of_a_sweep", lambda system, spans: BUSY)
    late = rooms.take(name="Late", identifiers=[("phone", number(40))])
    assert rooms.search(late)
    assert Search.objects.get(request=late).way == "subject"


def test_whoever_has_withdrawn_is_left_alone(system, centre, rooms, people, staff):
    requests = people(2)
    call(centre, "a", 11, ago=timedelta(days=1))
    assert not rooms.search(requests[0], budget=2)
    validation.withdraw(requests[1].pk, actor=staff, reason="person_withdrew")
    assert rooms.search(requests[0])
    assert found(requests[1]) == set()
    assert Search.objects.get(request=requests[1]).finished_at is None


def test_whoever_withdraws_while_a_page_is_read_is_left_alone_too(system, centre, rooms, people, staff):
    requests = people(2)
    call(centre, "a", 11, ago=timedelta(days=1))

    def withdraw(entry):
        requests[1].refresh_from_db()
        read_now = entry[0] == "find" and entry[3] <= centre.contacts["a"].at < entry[4]
        if read_now and requests[1].state == "validated":
            validation.withdraw(requests[1].pk, actor=staff, reason="person_withdrew")

    centre.after = withdraw
    assert rooms.search(requests[0])
    assert found(requests[1]) == set()


def test_a_pass_that_nobody_waits_for_any_more_ends(system, centre, rooms, people, staff):
    first, second = people(2)
    assert not rooms.search(first, budget=2)
    for one in (first, second):
        validation.withdraw(one.pk, actor=staff, reason="person_withdrew")
    third = rooms.take(name="Third", identifiers=[("phone", number(40))])
    assert rooms.search(third)
    assert discovery.is_finished(third)
    assert Sweep.objects.filter(ended_at=None).count() == 0


def test_a_request_that_may_have_made_a_run_die_is_not_taken_along(system, centre, rooms, people):
    requests = people(3)
    for one, attention in zip(requests[1:], ("poisoned", "crashed"), strict=True):
        Errand.objects.create(request=one, next_at=clock.now(), attention=attention)
    rooms.search(requests[0])
    assert set(Search.objects.values_list("request", flat=True)) == {requests[0].pk}


def test_settings_that_change_in_the_middle_lose_no_window(system, centre, rooms, people):
    requests = people(2)
    call(centre, "oldest", 11, ago=timedelta(days=50))
    assert not rooms.search(requests[0], budget=2)
    system.history_days = 60
    system.save()
    assert rooms.search(requests[0])
    assert found(requests[1]) == {"oldest"}


# --- budget and beat -------------------------------------------------------------------------------------------------


def test_a_budget_ends_a_run_cleanly_and_anybody_goes_on(system, centre, rooms, people):
    requests = people(3)
    for turn in range(1, 3):
        assert not rooms.search(requests[turn], budget=2)
        assert len(pages(centre)) == 2 * turn
    assert rooms.search(requests[0], budget=2)
    assert len(pages(centre)) == len(set(pages(centre))) == 5


def test_the_beat_is_asked_before_every_page_and_a_lost_lease_ends_the_run(system, centre, rooms, people):
    centre.page_size = 1
    for n in range(3):
        call(centre, f"call-{n}", 50, ago=timedelta(days=27, hours=12, minutes=n))
    request, beats = people(1)[0], []

    def beat():
        beats.append(len(pages(centre)))
        if len(beats) == 5:
            raise Refused("lost_lease", "")

    with pytest.raises(Refused):
        discovery.search(request.pk, budget=1000, beat=beat)
    assert beats == [0, 1, 2, 3, 4]
    sweep = Sweep.objects.get()
    assert (sweep.cursor, sweep.lease_until) == (2, None)


def test_contacts_that_come_while_pages_are_read_are_found(system, centre, rooms, people):
    centre.page_size = 2
    request = people(1)[0]
    for n in range(4):
        call(centre, f"call-{n}", 50, ago=timedelta(days=3, minutes=n))

    def grow(entry):
        if entry[0] == "find" and entry[-1] == "2":
            centre.before = lambda entry: None
            call(centre, "came-late", 10, ago=timedelta(days=3))

    centre.before = grow
    assert rooms.search(request)
    assert found(request) == {"came-late"}


def test_a_contact_that_moves_to_the_next_page_is_one_contact(system, centre, rooms, people):
    centre.page_size = 2
    request = people(1)[0]
    for n in range(3):
        call(centre, f"call-{n}", 10, ago=timedelta(days=3, minutes=n))

    def shift(entry):
        if entry[0] == "find" and entry[-1] is None and "came-first" not in centre.held:
            call(centre, "came-first", 50, ago=timedelta(days=3))
            centre.contacts = {"came-first": centre.contacts.pop("came-first"), **centre.contacts}

    centre.after = shift
    rooms.search(request)
    assert found(request) == {"call-0", "call-1", "call-2"}
    assert request.candidates.count() == 3


def test_a_window_with_more_pages_than_a_run_can_read_is_cut(system, centre, rooms, people, monkeypatch):
    monkeypatch.setattr(sweeping, "MOST_PAGES", 3)
    monkeypatch.setattr(sweeping._Pass, "_alone_is_cheaper", lambda self, ahead: False)
    centre.page_size = 1
    requests = people(2)
    for n in range(12):
        call(centre, f"call-{n}", 10 + n % 2, ago=timedelta(days=1, hours=n))
    assert rooms.search(requests[0])
    assert found(requests[0]) | found(requests[1]) == {f"call-{n}" for n in range(12)}
    spans = windows.unpacked(Sweep.objects.get().windows)
    assert len(spans) > 5
    assert all(one[1] == following[0] for one, following in zip(spans, spans[1:], strict=False))


# --- giving up -------------------------------------------------------------------------------------------------------


def test_an_account_that_turns_out_to_be_busy_is_asked_for_each_alone(system, centre, rooms, people):
    requests = people(2)
    for n, ago in ((10, 26), (11, 26), (10, 1), (11, 1)):
        call(centre, f"of-{n}-{ago}", n, ago=timedelta(days=ago))
    assert not rooms.search(requests[0], budget=1)
    DayCount.objects.update(interactions=BUSY)
    assert rooms.search(requests[0])
    assert rooms.search(requests[1])
    assert [found(one) for one in requests] == [{"of-10-26", "of-10-1"}, {"of-11-26", "of-11-1"}]
    sweep = Sweep.objects.get()
    assert (sweep.ending, sweep.cursor) == ("given_up", 1)
    assert set(Search.objects.values_list("way", flat=True)) == {"subject"}
    first_window = windows.unpacked(sweep.windows)[0]
    assert all(start >= first_window[1] for side, _, start, _, _ in centre.asked("find") if side), "not read again"


# --- the pipeline ----------------------------------------------------------------------------------------------------


def test_one_worker_searches_for_all_and_the_others_need_no_call(system, centre, people, monkeypatch):
    requests = people(4)
    assert pipeline.advance(requests[2].pk)
    assert len(pages(centre)) == 5
    assert all(pipeline.advance(one.pk) in (True, False) for one in requests)
    assert len(centre.asked("find")) == 5
    assert all(discovery.is_finished(one) for one in requests)


def test_who_waits_for_another_workers_pass_is_looked_at_later_and_woken_at_its_end(system, centre, people):
    requests = people(2)
    pipeline.claim_for_queue(requests[1].pk)
    attempts = []

    def meanwhile(entry):
        if entry[0] == "find" and not attempts:
            attempts.append(pipeline.advance(requests[1].pk))
            errand = Errand.objects.get(request=requests[1])
            assert (errand.attention, errand.failures) == ("", 0)
            assert errand.next_at > clock.now() + timedelta(seconds=turns.LOOK_AGAIN / 2)

    centre.before = meanwhile
    assert pipeline.advance(requests[0].pk)
    assert attempts == [False]
    assert requests[1].pk in pipeline.due()


def test_a_system_that_fails_while_it_is_read_is_tried_again_by_whoever_comes(system, centre, rooms, people):
    requests = people(2)
    call(centre, "a", 10)

    def fail(entry):
        if len(pages(centre)) == 3:
            centre.before = lambda entry: None
            raise ConnectorError("unreachable", permanent=False)

    centre.before = fail
    with pytest.raises(ConnectorError):
        rooms.search(requests[0])
    assert rooms.search(requests[1])
    assert found(requests[0]) == {"a"}


def test_two_systems_have_a_pass_each(connect, monkeypatch, rooms, people):
    first, second = Centre(), Centre()
    plug(monkeypatch, by_name={"A": first, "B": second})
    connect(name="A"), connect(name="B")
    requests = people(2)
    call(first, "a", 10)
    call(second, "b", 11)
    assert rooms.search(requests[0])
    assert [found(one) for one in requests] == [{"a"}, {"b"}]
    assert Sweep.objects.filter(ending="finished").count() == 2


def test_nothing_of_a_stranger_is_kept(system, centre, rooms, people):
    centre.hold("a-neighbours", "voicemail", connect_from="+447700900777", connect_to=COMPANY_LINE)
    rooms.search(people(1)[0])
    kept = [
        *Candidate.objects.values(),
        *Search.objects.values(),
        *Sweep.objects.values(),
        *LedgerLeaf.objects.values(),
    ]
    assert "neighbours" not in str(kept)
    assert "7700900" not in str(kept)


def test_a_list_that_was_sent_back_is_searched_for_again_beside_others(
    system, centre, rooms, people, supervisor, clock
):
    one, other = people(2)
    call(centre, "a", 10)
    assert rooms.search(one)
    rooms.freeze(one)
    clock.shift(timedelta(minutes=1))
    approval.send_back(one.pk, actor=supervisor, reason="missing_items")
    call(centre, "b", 10)
    newcomer = rooms.take(name="New", identifiers=[("phone", number(40))])
    assert rooms.search(newcomer)
    one.refresh_from_db()
    assert discovery.is_finished(one)
    assert found(one) == {"a", "b"}
    assert Search.objects.filter(request=other).count() == 1
