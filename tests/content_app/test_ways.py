"""The cheaper way is taken, whichever it is, and both find exactly the same."""

from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings

from content_app import discovery, ways, windows
from content_app.connectors import registry
from content_app.models import DayCount, Errand, Search, Sweep
from requests_app import approval
from requests_app.identifiers import Kind, formats, left_out
from tests.centre import COMPANY_LINE, Centre, plug
from tests.content_app.conftest import no_beat
from tests.factories import RequestFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def history_days():
    """Four weeks of windows."""
    return 28


DAY = timedelta(days=1)


def busy(system, a_day):
    """Let the account be known to have so many interactions a day."""
    today = timezone.now().date()
    DayCount.objects.all().delete()
    DayCount.objects.bulk_create(
        DayCount(system=system, day=today - n * DAY, interactions=a_day, learnt_at=timezone.now()) for n in range(40)
    )


def ways_taken():
    return set(Search.objects.values_list("way", flat=True))


# --- the choice ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "a_day", "way"),
    [
        (1, 10, "sweep"),  # five pages instead of forty questions
        (1, 2000, "subject"),  # fifty-eight pages
        (2, 2000, "sweep"),  # instead of eighty questions
        (2, 4000, "subject"),
    ],
)
def test_the_way_that_takes_fewer_calls_is_taken(system, centre, rooms, waiting, a_day, way):
    busy(system, a_day)
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", f"+4477009001{n:02d}")]) for n in range(waiting)]
    pages = ways.calls_of_a_sweep(system, [ways.history(system, until=timezone.now())])
    assert not rooms.search(requests[0], budget=1)
    assert ways_taken() == {way}
    assert Sweep.objects.count() == (way == "sweep")
    each = 5 * 2 * 4
    assert (way == "sweep") == (pages < waiting * each)
    assert Search.objects.first().calls_expected == (pages if way == "sweep" else each)


def test_where_both_cost_the_same_nobody_elses_contacts_are_read(system, centre, rooms, monkeypatch):
    monkeypatch.setattr(ways, "calls_of_a_sweep", lambda system, spans: 40)
    request = rooms.take()
    rooms.search(request)
    assert ways_taken() == {"subject"}
    assert (None, None) not in {entry[:2] for entry in centre.asked("find")}


def test_a_system_that_cannot_be_read_without_an_address_is_not(system, centre, rooms, monkeypatch):
    one_by_one = replace(Centre.manifest, sweeps=False)
    monkeypatch.setattr(registry, "manifest", lambda kind: one_by_one)
    rooms.search(rooms.take())
    assert ways_taken() == {"subject"}


def test_a_request_about_named_interactions_alone_takes_no_pass(system, centre, rooms):
    named = ("interaction_guid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    rooms.search(rooms.take(identifiers=[named], scope="named_interactions"))
    assert ways_taken() == {"subject"}
    assert centre.asked("find") == []


def test_whom_nothing_can_be_asked_about_takes_no_pass(system, centre, rooms):
    request = rooms.take(identifiers=[("customer_number", "C-1234567")])
    assert rooms.search(request)
    assert ways_taken() == {"subject"}
    assert centre.asked("find") == []


# --- who waits -------------------------------------------------------------------------------------------------------


def test_only_whoever_has_not_been_searched_for_since_the_list_was_sent_back_waits(
    system, centre, rooms, supervisor, clock
):
    busy(system, 1_000_000)
    searched, sent_back, fresh, begun = (
        rooms.take(name=f"Person {n}", identifiers=[("phone", f"+44770090012{n}")]) for n in range(4)
    )
    rooms.search(searched), rooms.search(sent_back)
    rooms.freeze(sent_back)
    clock.shift(timedelta(minutes=1))
    approval.send_back(sent_back.pk, actor=supervisor, reason="missing_items")
    rooms.search(begun, budget=3)
    assert list(ways.waiting(system)) == [sent_back, fresh]
    rooms.search(sent_back)
    assert list(ways.waiting(system)) == [fresh]


def test_only_living_requests_that_were_validated_wait(system):
    for told in ({"is_planned": True}, {"is_closed": True}, {}):
        RequestFactory.create(**told)
    RequestFactory.create(is_validated=True, scope="named_interactions")
    forgotten = RequestFactory.create(is_validated=True)
    forgotten.subject.forgotten_at = timezone.now()
    forgotten.subject.save()
    unsound = RequestFactory.create(is_validated=True)
    Errand.objects.create(request=unsound, next_at=timezone.now(), attention="poisoned")
    one = RequestFactory.create(is_validated=True)
    assert list(ways.waiting(system)) == [one]


# --- both ways find the same -----------------------------------------------------------------------------------------

QUIET, BUSY = 1, 1_000_000
COLUMNS = (
    "external_id", "content_key", "doubt", "shared", "included", "link", "kind", "line", "direction",
    "found_by__blind_index",
)  # fmt: skip
PEOPLE = (
    [("phone", "+447700900123")],
    [("phone", "+447700900124"), ("email", "ines@example.org")],
    [("phone", "+447700900123"), ("handle", "@ines_q")],  # shares a number with the first
    [("phone", "+49 7700 900125")],  # its national spelling is a British number
    [("phone", "+447700900125")],
)
NORMAL = [("phone", "+447700900123"), ("phone", "+447700900124"), ("phone", "+497700900125"),
          ("phone", "+447700900125"), ("email", "ines@example.org"), ("handle", "ines_q")]  # fmt: skip
SPELLED = sorted({
    one for kind, value in NORMAL
    for one in (*formats(Kind(kind), value, region="GB"), *left_out(Kind(kind), value, region="GB"))
})  # fmt: skip
STRANGERS = ["+4477009001234", "07700900", "+44770090012", "ines@example.org.uk", "ines_q2", "anonymous", ""]
ADDRESS = st.sampled_from([*SPELLED, *STRANGERS, COMPANY_LINE])
CONTACT = st.tuples(
    ADDRESS, ADDRESS, st.sampled_from(["inbound", "outbound"]), st.integers(0, 30 * 24 * 60), st.integers(1, 3)
)


def undone(act):
    """What ``act`` gives, with nothing of it left in the database."""
    before = transaction.savepoint_create()
    told = act()
    transaction.savepoint_rollback(before)
    return told


@given(
    world=st.lists(CONTACT, max_size=25),
    crowd=st.sets(st.integers(0, len(PEOPLE) - 1), min_size=1),
    page=st.integers(1, 5),
)
@with_settings(
    max_examples=15, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_a_pass_and_a_search_for_each_alone_find_exactly_the_same(system, rooms, monkeypatch, world, crowd, page):
    centre, now = Centre(page_size=page), timezone.now()
    plug(monkeypatch, centre)
    for number, (connect_from, connect_to, direction, ago, files) in enumerate(world):
        centre.hold(
            f"{number}", *("callRecording", "transcript", "voicemail")[:files], connect_from=connect_from,
            connect_to=connect_to, direction=direction, at=now - timedelta(minutes=ago),
        )  # fmt: skip

    def found_when(guess):
        monkeypatch.setattr(windows, "GUESS", guess)
        requests = {n: rooms.take(name=f"Person {n}", identifiers=PEOPLE[n]) for n in sorted(crowd)}
        for request in requests.values():
            while not discovery.search(request.pk, budget=7, beat=no_beat):
                pass
        assert ways_taken() == {"sweep" if guess == QUIET else "subject"}
        return {n: set(one.candidates.values_list(*COLUMNS)) for n, one in requests.items()}

    assert undone(lambda: found_when(QUIET)) == undone(lambda: found_when(BUSY))
