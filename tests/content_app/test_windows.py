"""Windows leave no gap, and an estimate is as good as what was seen."""

from datetime import UTC, datetime, timedelta

import pytest

from content_app import windows
from content_app.connectors import registry
from content_app.models import DayCount
from tests.factories import SystemFactory

pytestmark = pytest.mark.django_db

LONGEST = registry.manifest("vcc").window
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("days", [0.5, 1, 7, 28, 365])
def test_windows_follow_each_other_without_gap_or_overlap(days):
    start = NOON - days * DAY
    cuts = windows.windows(start, NOON, LONGEST)
    assert (cuts[0][0], cuts[-1][1]) == (start, NOON)
    assert all(one[1] == following[0] for one, following in zip(cuts, cuts[1:], strict=False))
    assert all(timedelta(0) < end - begin <= LONGEST for begin, end in cuts)


def test_no_time_has_no_window_and_still_counts_as_a_call():
    system = SystemFactory.create()
    assert windows.windows(NOON, NOON, LONGEST) == []
    assert windows.expected_pages(system.pk, NOON, NOON) == 1


def test_an_account_of_which_nothing_is_known_is_guessed():
    system = SystemFactory.create()
    assert windows.expected_pages(system.pk, NOON - 7 * DAY, NOON) == 7 + 1
    assert windows.expected_pages(system.pk, NOON - timedelta(minutes=5), NOON) == 1


def test_each_window_takes_at_least_a_page():
    system = SystemFactory.create()
    windows.learn(system.pk, (NOON - 70 * DAY, NOON), [])
    assert windows.expected_pages(system.pk, NOON - 365 * DAY, NOON) == 53


def test_what_a_window_has_shown_is_what_it_is_expected_to_have():
    system, other = SystemFactory.create(), SystemFactory.create()
    start = NOON - 2 * DAY
    windows.learn(system.pk, (start, NOON), [start + timedelta(minutes=number) for number in range(2880)])
    assert dict(DayCount.objects.values_list("day", "interactions")) == {
        (NOON - 2 * DAY).date(): 1440, (NOON - DAY).date(): 1440, NOON.date(): 1440,
    }  # fmt: skip
    assert windows.expected_pages(system.pk, start, NOON) == 3
    assert windows.expected_pages(system.pk, NOON - 12 * DAY, NOON - 10 * DAY) == 3, "unknown days are like the known"
    assert windows.expected_pages(other.pk, start, NOON) == 2, "another account is another account"


def test_a_day_of_which_little_was_seen_teaches_nothing():
    system = SystemFactory.create()
    windows.learn(system.pk, (NOON - timedelta(hours=3), NOON), [NOON - timedelta(hours=1)])
    assert not DayCount.objects.exists()


def test_a_day_that_is_read_again_is_known_by_the_later_reading(clock):
    system = SystemFactory.create()
    midnight = NOON - timedelta(hours=12)
    windows.learn(system.pk, (midnight, midnight + DAY), [NOON, NOON])
    clock.shift(timedelta(hours=1))
    windows.learn(system.pk, (midnight, midnight + DAY), [NOON])
    row = DayCount.objects.get()
    assert (row.day, row.interactions, row.system) == (NOON.date(), 1, system)
