"""What the statistics still hold is counted once for everybody and exactly, and nobody is named."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import discovery, leftovers, planning
from content_app.connectors.base import ConnectorError
from content_app.models import Leftover, StatisticsPass
from requests_app import approval
from requests_app.errors import Refused
from tests.centre import COMPANY_LINE, PHONE, Centre
from tests.content_app.statistics_story import call, counted, entries, pages, read
from tests.content_app.sweeping_story import number
from tests.factories import SystemFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(connect):
    return read(connect)


LONGEST = Centre.manifest.statistics[0]


# --- what is counted -------------------------------------------------------------------------------------------------


def test_contacts_without_content_are_counted_from_the_first_to_the_last(system, centre, rooms):
    request = rooms.take()
    call(centre, "oldest", days=69)
    call(centre, "middle", days=40)
    call(centre, "newest", days=2)
    assert rooms.search(request)
    (row,) = leftovers.latest(request)
    assert (row.contacts, row.doubtful) == (3, 0)
    assert (row.earliest, row.latest) == (centre.contacts["oldest"].at, centre.contacts["newest"].at)
    assert not request.candidates.exists(), "there is nothing to choose"


def test_a_contact_whose_content_was_found_is_no_leftover(system, centre, rooms):
    request = rooms.take()
    call(centre, "has-content", days=5, held=True)
    call(centre, "has-none", days=5)
    assert rooms.search(request)
    assert set(request.candidates.values_list("external_id", flat=True)) == {"has-content"}
    assert counted(request) == (1, 0)


def test_a_stranger_whose_number_only_begins_alike_is_never_counted(system, centre, rooms):
    request = rooms.take(identifiers=[("phone", PHONE), ("email", "ines@example.org")])
    call(centre, "begins-with-hers", days=5, connect_from="ines@example.org.uk")
    call(centre, "ends-like-hers", days=5, connect_from=PHONE.replace("+44", "+49"))
    call(centre, "longer", days=5, connect_from=f"{PHONE}4")
    call(centre, "shorter", days=5, connect_from=PHONE[:-1])
    call(centre, "withheld", days=5, connect_from="")
    assert rooms.search(request)
    assert counted(request) == (0, 0)
    (row,) = leftovers.latest(request)
    assert (row.earliest, row.latest) == (None, None)


@pytest.mark.parametrize("written", ["07700900123", "00447700900123", "+44 7700 900123", "447700900123"])
def test_every_spelling_of_the_person_s_number_counts(system, centre, rooms, written):
    request = rooms.take()
    call(centre, "spelt", days=5, connect_from=written)
    rooms.search(request)
    assert counted(request) == (1, 0)


def test_what_the_match_alone_cannot_say_is_counted_apart(system, centre, rooms):
    """The address on the company's side, and a number that somebody else has as well."""
    request = rooms.take()
    call(centre, "company-side", days=5, connect_from=COMPANY_LINE, connect_to=PHONE)
    call(centre, "sure", days=5)
    rooms.search(request)
    assert counted(request) == (1, 1)
    other = rooms.take(name="Somebody Else")
    rooms.search(other)
    assert counted(other) == (0, 2)


def test_a_contact_after_the_scope_or_outside_the_dates_is_no_part_of_the_request(system, centre, rooms, clock):
    request = rooms.take(date_from=(timezone.now() - timedelta(days=20)).date())
    call(centre, "too-early", days=21)
    call(centre, "asked-for", days=10)
    clock.shift(timedelta(hours=1))
    call(centre, "too-late", days=0)
    clock.shift(timedelta(hours=1))
    rooms.search(request)
    assert counted(request) == (1, 0)


def test_a_request_for_named_interactions_alone_reads_no_statistics(system, centre, rooms):
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    request = rooms.take(scope="named_interactions", identifiers=[("interaction_guid", guid), ("phone", PHONE)])
    assert rooms.search(request)
    assert not pages(centre)


def test_where_no_address_of_the_person_is_known_there_is_nothing_to_compare(system, centre, rooms):
    request = rooms.take(identifiers=[("interaction_guid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")])
    assert rooms.search(request)
    assert not pages(centre)


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_one_pass_serves_everybody_who_waits(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11, 12)]
    for n, days in ((10, 1), (11, 40), (11, 41), (12, 69)):
        call(centre, f"of-{n}-{days}", n, days=days)
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    assert rooms.search(requests[1])
    assert all(discovery.is_finished(one) for one in requests)
    assert [counted(one) for one in requests] == [(1, 0), (2, 0), (1, 0)]
    assert len(pages(centre)) == 3, "a page for each window, however many wait"
    read = StatisticsPass.objects.get()
    assert (read.ending, read.calls_made, read.contacts, read.sharers) == ("finished", 3, 4, 3)
    assert set(Leftover.objects.values_list("calls_made", "calls_expected")) == {(3, read.calls_expected)}
    assert entries() == 3


def test_the_windows_are_as_long_as_they_may_be_and_every_page_of_each_is_read_once(system, centre, rooms):
    centre.page_size = 2
    for n in range(5):
        call(centre, f"call-{n}", 50, days=40 + n)
    rooms.search(rooms.take())
    spans = list(dict.fromkeys((start, end) for start, end, _ in pages(centre)))
    assert len(spans) == 3
    assert all(end - start == LONGEST for start, end in spans[:-1])
    assert all(one[1] == following[0] for one, following in zip(spans, spans[1:], strict=False))
    assert [page for _, _, page in pages(centre)] == [1, 2, 3, 1, 1]


def test_the_next_pass_expects_what_the_last_one_found(system, centre, rooms):
    rooms.search(rooms.take(name="First", identifiers=[("phone", number(10))]))
    assert StatisticsPass.objects.get().calls_expected == 3, "a page for each window of a quiet account"
    StatisticsPass.objects.update(contacts=70_000)
    rooms.search(rooms.take(name="Third", identifiers=[("phone", number(12))]))
    second = StatisticsPass.objects.latest("started_at")
    assert (second.calls_expected, second.calls_made) == (13 + 13 + 4, 3), "pages of 2500 for a thousand contacts a day"


def test_where_the_switch_is_off_nobody_asks(connect, centre, rooms):
    connect(name="Contact centre")
    request = rooms.take()
    call(centre, "gone", days=5)
    assert rooms.search(request)
    assert not pages(centre)
    assert not Leftover.objects.exists()
    assert entries() == 0


def test_a_retired_system_is_not_asked(system, centre, rooms, connect):
    connect(name="Other")
    type(system).objects.filter(pk=system.pk).update(retired=True)
    assert rooms.search(rooms.take())
    assert not pages(centre)


def test_a_system_in_shadow_mode_is_read_and_a_stopped_one_is_not(centre, rooms, monkeypatch):
    shadowed = SystemFactory.create(name="Shadowed", reads_statistics=True)
    request = rooms.take()
    call(centre, "gone", days=5)
    discovery._search_system(request, shadowed, budget=1000, beat=rooms.beat)
    type(shadowed).objects.filter(pk=shadowed.pk).update(stopped=True)
    with pytest.raises(ConnectorError) as error:
        rooms.search(request)
    assert (error.value.code, pages(centre)) == ("stopped", [])
    type(shadowed).objects.filter(pk=shadowed.pk).update(stopped=False)
    assert rooms.search(request)
    assert counted(request) == (1, 0)


# --- before the list is frozen ---------------------------------------------------------------------------------------


def test_the_list_waits_until_the_leftovers_are_counted(system, centre, rooms):
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)
    assert not discovery.is_finished(request)
    with pytest.raises(Refused) as refused:
        rooms.freeze(request)
    assert refused.value.code == "search_unfinished"
    assert rooms.search(request)
    assert rooms.freeze(request).calls_made == sum(
        sum(rows.values_list("calls_made", flat=True)) for rows in (request.searches.all(), request.leftovers.all())
    )


def test_a_switch_that_is_set_later_lets_what_waits_be_counted_and_holds_no_supplement_up(system, centre, rooms):
    type(system).objects.update(reads_statistics=False)
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    call(centre, "gone", days=5)
    assert rooms.search(request)
    type(system).objects.update(reads_statistics=True)
    assert not discovery.is_finished(request)
    type(system).objects.update(reads_statistics=False)
    rooms.approve(request, rooms.freeze(request))
    rooms.executed(request)
    type(system).objects.update(reads_statistics=True)
    call(centre, "a", days=5, held=True)
    rooms.read_back(request)
    assert planning.open_supplement(request)
    assert rooms.freeze(request).kind == "supplementary"


def test_a_list_that_was_sent_back_is_counted_anew(system, centre, rooms, supervisor):
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    assert rooms.search(request)
    rooms.freeze(request)
    approval.send_back(request.pk, actor=supervisor, reason=approval.SEND_BACK_REASONS[0][0])
    request.refresh_from_db()
    call(centre, "gone", days=8)
    assert not discovery.is_finished(request)
    assert rooms.search(request)
    assert counted(request) == (1, 0)
