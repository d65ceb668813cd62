"""Looking at interactions by the cheaper way: page by page, or one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_app import lookups, windows

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def no_beat():
    """Nobody else works on it."""


def filled(centre, count, *, apart=timedelta(minutes=1)):
    """So many interactions from Monday on, and what to ask for to see them."""
    wanted = [(f"call-{number:04}", MONDAY + number * apart) for number in range(count)]
    for external_id, at in wanted:
        centre.hold(external_id, "voicemail", at=at)
    return wanted


def taught(system, *per_day):
    """Days from Monday on with so many interactions each."""
    for number, count in enumerate(per_day):
        day = MONDAY + timedelta(days=number)
        moments = [day + timedelta(hours=12)] * count
        windows.learn(system.pk, (day, day + timedelta(days=1)), moments)


moments = st.lists(st.integers(0, 60 * 24 * 40), max_size=60)


@pytest.mark.pure
@given(moments=moments, days=st.integers(1, 9))
def test_stretches_are_as_few_as_there_must_be_and_lose_nothing(moments, days):
    wanted = [(str(number), MONDAY + timedelta(minutes=minute)) for number, minute in enumerate(moments)]
    within = timedelta(days=days)
    parts = list(lookups.spans(wanted, within=within))
    assert sorted(one for part in parts for one in part) == sorted(wanted)
    assert all(part[-1][1] - part[0][1] <= within for part in parts)
    # Each part begins with one that the part before could not have held.
    assert all(after[0][1] - before[0][1] > within for before, after in zip(parts, parts[1:], strict=False))


@pytest.mark.django_db
class TestSee:
    def test_many_are_seen_by_page(self, centre, system):
        wanted = filled(centre, 40)
        taught(system, 40)
        del centre.held["call-0007"]
        seen = lookups.see(centre, system.pk, wanted, beat=no_beat)
        assert set(seen) == {external_id for external_id, _ in wanted}
        assert [external_id for external_id, one in seen.items() if one is None] == ["call-0007"]
        assert len(centre.asked("find")) == 1
        assert centre.asked("get") == []

    def test_few_among_many_are_asked_for_one_by_one(self, centre, system):
        wanted = filled(centre, 4, apart=timedelta(days=2))
        taught(system, *[1000] * 7)
        seen = lookups.see(centre, system.pk, [wanted[0], wanted[3]], beat=no_beat)
        assert all(seen.values())
        assert centre.asked("find") == []
        assert len(centre.asked("get")) == 2

    def test_reading_by_page_ends_where_it_turns_out_the_dearer_way(self, centre, system):
        wanted = filled(centre, 40)
        taught(system, 1)
        centre.page_size = 5
        seen = lookups.see(centre, system.pk, wanted[-3:], beat=no_beat)
        assert all(seen[external_id] for external_id, _ in wanted[-3:])
        assert len(centre.asked("find")) <= 3
        assert len(centre.asked("find")) + len(centre.asked("get")) <= 6

    def test_what_a_page_shows_is_what_asking_for_it_shows(self, centre, system):
        wanted = filled(centre, 3)
        centre.hold("call-0001", "callRecording", "screenRecording", at=wanted[1][1])
        taught(system, 3)
        by_page = lookups.see(centre, system.pk, wanted, beat=no_beat)
        assert len(centre.asked("find")) == 1
        assert by_page == {external_id: centre.get(external_id) for external_id, _ in wanted}

    def test_others_on_the_page_are_of_no_interest(self, centre, system):
        wanted = filled(centre, 30)
        taught(system, 30)
        assert set(lookups.see(centre, system.pk, wanted[::2], beat=no_beat)) == {one for one, _ in wanted[::2]}

    def test_a_read_stretch_is_learnt(self, centre, system):
        wanted = filled(centre, 30, apart=timedelta(hours=5))
        before = windows.expected_pages(system.pk, MONDAY, MONDAY + WEEK)
        lookups.see(centre, system.pk, wanted, beat=no_beat)
        assert windows.expected_pages(system.pk, MONDAY, MONDAY + WEEK) <= max(before, 1.0)
        assert len(centre.asked("find")) < 30

    def test_a_beat_comes_before_every_call(self, centre, system):
        wanted, beats = filled(centre, 4, apart=timedelta(days=2)), []
        taught(system, *[1000] * 7)
        lookups.see(centre, system.pk, wanted, beat=lambda: beats.append(len(centre.log)))
        assert beats == [0, 1, 2, 3]
