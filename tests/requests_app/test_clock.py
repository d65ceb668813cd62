"""The clock that all hosts share, and the dates of what is written down."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from requests_app import clock
from requests_app.models import LedgerLeaf
from tests import story

pytestmark = pytest.mark.django_db
#: What a slow machine needs for a step of a test.
SOON = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def nothing_was_read(monkeypatch):
    monkeypatch.setattr(clock, "_reading", None)


def test_one_reading_dates_much(django_assert_num_queries):
    with django_assert_num_queries(1):
        dates = [clock.stamp() for _ in range(1000)]
    assert dates == sorted(dates)
    assert dates[-1] - dates[0] < SOON


def test_a_reading_that_has_become_old_is_not_carried_on(django_assert_num_queries, monkeypatch):
    clock.now()
    moment, arrived = clock._reading
    monkeypatch.setattr(clock, "_reading", (moment - timedelta(days=1), arrived - clock.FRESH))
    with django_assert_num_queries(1):
        assert abs(clock.stamp() - moment) < SOON


def test_nothing_is_dated_before_the_moment_at_which_it_was_found_to_be_due():
    for _ in range(200):
        due = clock.now()
        assert clock.stamp() >= due


@pytest.mark.parametrize("days", [-1, 1], ids=["a-day-behind", "a-day-ahead"])
def test_a_host_whose_clock_is_off_dates_as_its_neighbours_do(days, staff):
    with time_machine.travel(datetime.now(UTC) + timedelta(days=days)):
        story.received(staff)
    dates = LedgerLeaf.objects.values_list("at", flat=True)
    assert dates
    assert all(abs(at - clock.now()) < SOON for at in dates)
