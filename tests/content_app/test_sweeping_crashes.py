"""A pass for all who wait survives any crash: nobody is forgotten, nothing is read in vain, no dead worker writes."""

from datetime import timedelta

import pytest

from content_app import discovery, sweeping, turns, windows
from content_app.connectors.base import ConnectorError
from content_app.models import Search, Sweep
from requests_app import clock
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests.content_app.sweeping_story import call, found, pages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_quiet_account")]


@pytest.fixture
def history_days():
    """Four weeks of windows."""
    return 28


@pytest.mark.parametrize("page_size", [1000, 1])
def test_a_pass_that_dies_at_any_call_goes_on_at_its_window_and_loses_nothing(system, centre, rooms, people, page_size):
    centre.page_size = page_size
    requests = people(2)
    for n, ago in ((10, 1), (11, 1), (10, 13), (11, 27)):
        call(centre, f"of-{n}-{ago}", n, ago=timedelta(days=ago, minutes=n))
    dies_at = 1
    while not discovery.is_finished(requests[0]):
        calls = []

        def crash(entry, calls=calls, dies_at=dies_at):
            calls.append(entry)
            if entry[0] == "find" and len(calls) == dies_at:
                raise ZeroDivisionError

        cursor = Sweep.objects.values_list("cursor", flat=True).first() or 0
        centre.before, centre.log = crash, []
        try:
            rooms.search(requests[0])
        except ZeroDivisionError:
            assert Sweep.objects.get().lease_until is None, "the lease is given back"
            dies_at = dies_at % 3 + 1
        if cursor and centre.asked("find"):
            assert pages(centre)[0][2] == windows.unpacked(Sweep.objects.get().windows)[cursor][0]
    assert [found(one) for one in requests] == [{"of-10-1", "of-10-13"}, {"of-11-1", "of-11-27"}]
    assert LedgerLeaf.objects.filter(type="search.finished").count() == 2


def test_a_worker_that_was_killed_holds_the_account_no_longer_than_its_lease(system, centre, rooms, people):
    requests = people(2)
    assert not rooms.search(requests[0], budget=2)
    Sweep.objects.update(lease_until=clock.now() + timedelta(seconds=30))
    asked = len(centre.asked("find"))
    with pytest.raises(ConnectorError) as error:
        rooms.search(requests[1])
    assert (error.value.code, error.value.retry_after) == ("shared", turns.LOOK_AGAIN)
    assert len(centre.asked("find")) == asked
    Sweep.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert rooms.search(requests[1])
    assert len(pages(centre)) == 5
    assert discovery.is_finished(requests[0])


def test_a_worker_that_was_presumed_dead_writes_nothing_any_more(system, centre, rooms, people):
    """It reads a page while another has taken its pass over."""
    requests = people(2)
    call(centre, "a", 10)
    taken = []

    def take_over(entry):
        if entry[0] == "find" and not taken:
            taken.append(1)
            Sweep.objects.update(lease_until=clock.now() - timedelta(seconds=1))
            assert rooms.search(requests[1])

    centre.before = take_over
    with pytest.raises(Refused) as refused:
        rooms.search(requests[0])
    assert refused.value.code == "lost_lease"
    sweep = Sweep.objects.get()
    assert (sweep.cursor, sweep.fence, sweep.ending) == (5, 2, "finished")
    assert set(Search.objects.values_list("calls_made", "cursor")) == {(5, 5)}
    assert found(requests[0]) == {"a"}
    assert LedgerLeaf.objects.filter(type="search.finished").count() == 2


def test_a_crash_before_the_end_is_written_finishes_everybody_once(system, centre, rooms, people, monkeypatch):
    requests, real, died = people(3), sweeping.noting.finish, []

    def dies(search):
        real(search)
        if not died:
            died.append(1)
            raise ZeroDivisionError

    monkeypatch.setattr(sweeping.noting, "finish", dies)
    with pytest.raises(ZeroDivisionError):
        rooms.search(requests[0])
    assert rooms.search(requests[1])
    assert all(discovery.is_finished(one) for one in requests)
    assert LedgerLeaf.objects.filter(type="search.finished").count() == 3
    assert len(pages(centre)) == 5, "what was read is not read again"
