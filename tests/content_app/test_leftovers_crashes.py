"""A count in the statistics survives any crash, and whoever comes or goes: nobody is counted twice or forgotten."""

from datetime import timedelta

import pytest

from content_app import discovery, leftovers, systems, turns
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Leftover, StatisticsPass
from requests_app import validation
from requests_app.errors import Refused
from tests.content_app.statistics_story import call, counted, entries, pages, read
from tests.content_app.sweeping_story import number

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(connect):
    return read(connect)


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_pass_that_dies_at_any_call_goes_on_at_its_page_and_counts_nothing_twice(system, centre, rooms, moment):
    centre.page_size = 2
    request = rooms.take()
    for n in range(9):
        call(centre, f"call-{n}", days=5 + 7 * n)
    dies_at, deaths = 1, 0
    while not discovery.is_finished(request):
        calls = []

        def crash(entry, calls=calls, dies_at=dies_at):
            if entry[0] == "statistics":
                calls.append(entry)
                if len(calls) == dies_at:
                    raise ZeroDivisionError

        under_way = StatisticsPass.objects.first()
        setattr(centre, moment, crash)
        centre.log = []
        try:
            rooms.search(request)
        except ZeroDivisionError:
            deaths += 1
            assert StatisticsPass.objects.get().lease_until is None, "the lease is given back"
            dies_at = dies_at % 3 + 1
        if under_way is not None and under_way.cursor < 3:
            assert pages(centre)[0][2] == under_way.page
    assert deaths >= 3
    assert counted(request) == (9, 0)
    assert entries() == 1
    assert Leftover.objects.get().counted == [], "no id is kept beyond its window"


def test_a_row_that_moves_to_the_next_page_counts_once_though_the_run_was_killed_between(system, centre, rooms):
    centre.page_size = 2
    request = rooms.take()
    for n in range(4):
        call(centre, f"call-{n}", days=20 - n)

    def crash(entry):
        if entry[0] == "statistics" and entry[-1] == 2:
            raise ZeroDivisionError

    centre.before = crash
    with pytest.raises(ZeroDivisionError):
        rooms.search(request)
    assert sorted(Leftover.objects.get().counted) == ["call-0", "call-1"]
    call(centre, "written-late", 50, days=21)
    centre.before = lambda entry: None
    assert rooms.search(request)
    assert counted(request) == (4, 0)


def test_a_budget_ends_a_run_cleanly_and_anybody_goes_on(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    call(centre, "of-11", 11, days=69)
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(requests[0], budget=2)
    assert len(pages(centre)) == 2
    assert rooms.search(requests[1], budget=2)
    assert len(pages(centre)) == len(set(pages(centre))) == 3
    assert [counted(one) for one in requests] == [(0, 0), (1, 0)]


def test_one_worker_at_a_time_reads_and_one_that_was_presumed_dead_writes_nothing(system, centre, rooms):
    request = rooms.take()
    call(centre, "gone", days=5)
    taken = []

    def take_over(entry):
        if entry[0] == "statistics" and not taken:
            taken.append(1)
            with pytest.raises(ConnectorError) as error:
                rooms.search(request)
            assert (error.value.code, error.value.retry_after) == ("shared", turns.LOOK_AGAIN)
            StatisticsPass.objects.update(lease_until=systems.limits.clock.now() - timedelta(seconds=1))
            assert rooms.search(request)

    centre.before = take_over
    with pytest.raises(Refused) as refused:
        rooms.search(request)
    assert refused.value.code == "lost_lease"
    assert counted(request) == (1, 0)
    assert entries() == 1


def test_a_crash_before_the_end_is_written_finishes_everybody_once(system, centre, rooms, monkeypatch):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    real, died = leftovers._finish, []

    def dies(row):
        real(row)
        if not died:
            died.append(1)
            raise ZeroDivisionError

    monkeypatch.setattr(leftovers, "_finish", dies)
    with pytest.raises(ZeroDivisionError):
        rooms.search(requests[0])
    for one in requests:
        assert rooms.search(one)
    for row in Leftover.objects.all():
        real(row)
    assert entries() == 2
    assert len(pages(centre)) == 3, "what was read is not read again"


# --- who gets aboard, and who leaves ---------------------------------------------------------------------------------


def test_whoever_comes_while_a_pass_is_read_has_the_next(system, centre, rooms, clock):
    first = rooms.take(name="First", identifiers=[("phone", number(10))])
    discovery._search_system(first, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(first, budget=2)
    clock.shift(timedelta(minutes=1))
    late = rooms.take(name="Late", identifiers=[("phone", number(11))])
    call(centre, "of-late", 11, days=69)
    discovery._search_system(late, system, budget=1000, beat=rooms.beat)
    assert leftovers._begin(system, [late]) == StatisticsPass.objects.get(), "who loses a race begins none"
    assert not late.leftovers.exists()
    assert rooms.search(late)
    assert (counted(first), counted(late)) == ((0, 0), (1, 0))
    assert list(StatisticsPass.objects.values_list("calls_made", "sharers")) == [(3, 1), (3, 1)]


def test_whoever_has_withdrawn_is_left_alone_and_a_pass_for_nobody_ends(system, centre, rooms, staff):
    request = rooms.take()
    call(centre, "gone", days=5)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)

    def withdraw(entry):
        if entry[0] == "statistics":
            request.refresh_from_db()
            if request.state == "validated":
                validation.withdraw(request.pk, actor=staff, reason="person_withdrew")

    centre.after = withdraw
    rooms.search(request)
    assert StatisticsPass.objects.get().ending == "moot"
    assert len(pages(centre)) == 1
    assert not Leftover.objects.exists()
    assert entries() == 0


def test_a_request_that_may_have_made_a_run_die_is_counted_for_itself_alone(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    Errand.objects.create(request=requests[1], next_at=systems.limits.clock.now(), attention="crashed")
    assert rooms.search(requests[0])
    assert not discovery.is_finished(requests[1])
    assert rooms.search(requests[1])


def test_settings_that_change_in_the_middle_begin_the_count_anew(system, centre, rooms):
    request = rooms.take()
    call(centre, "newest", days=5)
    call(centre, "oldest", days=95)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(request, budget=2)
    type(system).objects.update(history_days=100)
    assert rooms.search(request)
    assert counted(request) == (2, 0)
    assert list(StatisticsPass.objects.order_by("started_at").values_list("ending", flat=True)) == ["moot", "finished"]
