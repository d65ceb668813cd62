"""When work stops by itself: runs that die each time, and failures near the deadline. A person then starts it again."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from content_app import discovery, limits, pipeline
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Search
from requests_app import deadlines
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf

pytestmark = pytest.mark.django_db


class Died(BaseException):
    """A worker that is killed writes nothing down."""


@pytest.fixture
def request_(clock, system, centre, rooms):
    centre.hold("a", "voicemail")
    return rooms.take()


@pytest.fixture
def dies(monkeypatch, request_, settings):
    """``dies(run)`` lets each search end its worker, after ``run`` did something."""

    def told(run=lambda: None):
        def room(*args, **kwargs):
            run()
            raise Died

        monkeypatch.setattr(discovery, "search", room)

    return told


def start(request, clock):
    """One run of a worker that is killed; the lease of the one before has run out."""
    clock.shift(timedelta(minutes=10))
    with pytest.raises(Died):
        pipeline.advance(request.pk)


def errand():
    return Errand.objects.get()


def test_work_that_kills_every_worker_is_given_up(request_, dies, clock, settings):
    dies()
    for _ in range(settings.PORTAL_MAX_STARTS):
        start(request_, clock)
        assert errand().attention == Errand.Attention.NONE
    clock.shift(timedelta(minutes=10))
    assert not pipeline.advance(request_.pk)
    assert errand().attention == Errand.Attention.POISONED
    clock.shift(timedelta(days=1))
    assert pipeline.due() == []
    assert not pipeline.advance(request_.pk), "a stray message from the queue starts nothing either"


def test_work_that_gets_on_before_it_dies_is_not_given_up(request_, dies, clock, settings):
    def get_on():
        Search.objects.filter(request=request_).update(cursor=Search.objects.get().cursor + 1)

    discovery.search(request_.pk, budget=1, beat=lambda: None)
    dies(get_on)
    for _ in range(3 * settings.PORTAL_MAX_STARTS):
        start(request_, clock)
    assert errand().attention == Errand.Attention.NONE


def test_a_run_that_ends_orderly_counts_as_no_death(request_, clock, monkeypatch, settings):
    def fails(*args, **kwargs):
        raise ConnectorError("unreachable", permanent=False)

    monkeypatch.setattr(discovery, "search", fails)
    for _ in range(3 * settings.PORTAL_MAX_STARTS):
        clock.shift(timedelta(minutes=20))
        pipeline.advance(request_.pk)
    assert errand().attention == Errand.Attention.UNREACHABLE
    assert errand().starts == 0


def test_started_again_it_has_as_many_tries_as_before(request_, dies, clock, supervisor, settings):
    dies()
    for _ in range(settings.PORTAL_MAX_STARTS):
        start(request_, clock)
    clock.shift(timedelta(minutes=10))
    pipeline.advance(request_.pk)
    pipeline.restart(request_.pk, actor=supervisor, reason="looked_into")
    assert LedgerLeaf.objects.filter(type="work.restarted").count() == 1
    assert pipeline.due() == [request_.pk]
    for _ in range(settings.PORTAL_MAX_STARTS):
        start(request_, clock)
    clock.shift(timedelta(minutes=10))
    pipeline.advance(request_.pk)
    assert errand().attention == Errand.Attention.POISONED


def test_near_its_deadline_work_that_keeps_failing_is_handed_to_a_person(request_, clock, monkeypatch, settings):
    def fails(*args, **kwargs):
        raise ConnectorError("unreachable", permanent=False)

    monkeypatch.setattr(discovery, "search", fails)
    last = deadlines.working_days_before(
        deadlines.careful_due(request_.received_at), settings.PORTAL_HAND_OVER_DAYS
    )  # fmt: skip
    early = last - timezone.localdate() - timedelta(days=1)
    clock.shift(early)
    for _ in range(pipeline.ENOUGH_FAILURES + 2):
        clock.shift(timedelta(minutes=20))
        pipeline.advance(request_.pk)
    assert errand().attention == Errand.Attention.UNREACHABLE, "there is time yet"
    clock.shift(timedelta(days=1))
    pipeline.advance(request_.pk)
    assert errand().attention == Errand.Attention.DEADLINE
    assert pipeline.due() == []


def test_no_more_is_tried_again_than_the_account_bears(request_, clock, monkeypatch, centre, system):
    def unreachable(entry):
        raise ConnectorError("unreachable", permanent=False)

    centre.before = unreachable
    pipeline.advance(request_.pk)
    assert errand().failed_at_id == system.pk
    monkeypatch.setattr(limits, "may_retry", lambda system_id: False)
    calls, failures = len(centre.log), errand().failures
    clock.shift(timedelta(minutes=20))
    pipeline.advance(request_.pk)
    assert (len(centre.log), errand().failures) == (calls, failures)
    assert errand().attention == Errand.Attention.UNREACHABLE
    assert 5 <= (errand().next_at - timezone.now()).total_seconds() <= 15


@pytest.mark.parametrize("attention", ["", "crashed", "unreachable"])
def test_work_that_goes_on_by_itself_needs_no_start(request_, supervisor, attention):
    Errand.objects.create(request=request_, attention=attention, next_at=timezone.now())
    with pytest.raises(Refused) as caught:
        pipeline.restart(request_.pk, actor=supervisor, reason="mended")
    assert caught.value.code == "not_parked"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("day", "count", "before"),
    [
        (date(2026, 3, 6), 0, date(2026, 3, 6)),
        (date(2026, 3, 6), 4, date(2026, 3, 2)),
        (date(2026, 3, 6), 5, date(2026, 2, 27)),
        (date(2026, 3, 8), 1, date(2026, 3, 6)),
        (date(2026, 3, 9), 1, date(2026, 3, 6)),
    ],
)
def test_working_days_leave_weekends_out(day, count, before):
    assert deadlines.working_days_before(day, count) == before


@pytest.mark.pure
@pytest.mark.parametrize(
    ("received", "due"),
    [
        ((2026, 1, 5), (2026, 2, 4)),
        ((2026, 1, 31), (2026, 2, 27)),
        ((2026, 12, 31), (2027, 1, 30)),
        ((2027, 12, 30), (2028, 1, 29)),
        ((2028, 1, 30), (2028, 2, 28)),
    ],
)
def test_the_careful_deadline_is_a_month_less_a_day(received, due):
    noon = timezone.make_aware(datetime(*received, 12))
    assert deadlines.careful_due(noon) == date(*due)
