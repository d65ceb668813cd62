"""The corridor: which request is due, which room is next, who must look, and when it is looked at again."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import discovery, pipeline, systems
from content_app.connectors.base import ConnectorError
from content_app.models import Candidate, Errand, ReceiptItem, System
from requests_app import audit, transitions
from requests_app.errors import Refused
from requests_app.states import State
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def history_days():
    """Four weeks of windows."""
    return 28


@pytest.fixture
def request_(clock, system, centre, rooms):
    centre.hold("a", "voicemail")
    return rooms.take()


def fails(error):
    """Something to put in the place of a room's function."""

    def room(*args, **kwargs):
        raise error

    return room


def errand():
    return Errand.objects.get()


def wait():
    return (errand().next_at - timezone.now()).total_seconds()


# --- due -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State.values)
def test_a_request_that_nobody_has_looked_at_is_due_in_the_working_states_alone(state):
    trait = {f"is_{state}": True} if state in ("validated", "planned", "approved", "executed", "verified") else {}
    digest = {"plan_digest": "d" * 64} if state == "closed" else {}
    request = factories.RequestFactory.create(**(trait or {"state": state} | digest))
    assert request.state == state
    assert pipeline.due() == ([request.pk] if state in pipeline.WORKING else [])


@pytest.mark.parametrize("state", ["verified", "closed"])
def test_a_later_read_back_makes_it_due_again(state, clock):
    request = factories.RequestFactory.create(**{f"is_{state}": True})
    now = timezone.now()
    Errand.objects.create(request=request, next_at=now, seen=state, again_at=now + timedelta(days=7))
    assert pipeline.due() == []
    clock.shift(timedelta(days=7))
    assert pipeline.due() == [request.pk]


def test_it_is_due_when_its_time_comes_or_its_state_has_changed(clock):
    request = factories.RequestFactory.create(is_validated=True)
    Errand.objects.create(request=request, next_at=timezone.now() + timedelta(seconds=30), seen="validated")
    assert pipeline.due() == []
    Errand.objects.update(seen="received")
    assert pipeline.due() == [request.pk]
    Errand.objects.update(seen="validated")
    clock.shift(timedelta(seconds=30))
    assert pipeline.due() == [request.pk]


def test_it_is_not_queued_in_vain_while_a_worker_has_it_and_at_once_when_that_worker_is_dead(clock, settings):
    request = factories.RequestFactory.create(is_validated=True)
    assert pipeline._take_lease(request.pk)
    assert pipeline.due() == []
    clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS))
    assert pipeline.due() == [request.pk]


def test_closed_history_is_never_due_and_the_oldest_comes_first():
    factories.RequestFactory.create(is_validated=True, origin="history")
    now = timezone.now()
    new, old = (
        factories.RequestFactory.create(is_validated=True, received_at=now - timedelta(days=days)) for days in (1, 9)
    )
    assert pipeline.due() == [old.pk, new.pk]
    assert pipeline.due(limit=1) == [old.pk]


def test_it_is_claimed_for_the_queue_once_until_its_time_or_its_state_comes(clock, settings):
    request = factories.RequestFactory.create(is_validated=True)
    assert [pipeline.claim_for_queue(request.pk) for _ in range(2)] == [True, False]
    assert pipeline.due() == []
    clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS))
    assert [pipeline.claim_for_queue(request.pk) for _ in range(2)] == [True, False], "a lost message costs a while"
    transitions.move(request.pk, seen="validated", to="withdrawn", actor=audit.WORKER)
    assert [pipeline.claim_for_queue(request.pk) for _ in range(2)] == [True, False]


# --- from room to room -----------------------------------------------------------------------------------------------


def test_it_walks_a_request_through_the_rooms(request_, rooms, centre, system, clock, settings):
    assert pipeline.advance(request_.pk)
    assert discovery.is_finished(request_)
    assert not pipeline.advance(request_.pk), "staff must freeze the list"
    rooms.freeze(request_)
    assert not pipeline.advance(request_.pk), "a second person must approve it"
    request_.refresh_from_db()
    assert request_.state == "planned"
    rooms.approve(request_, request_.plans.get())
    for state in ("executed", "verified"):
        assert pipeline.advance(request_.pk)
        request_.refresh_from_db()
        assert request_.state == state
    assert not pipeline.advance(request_.pk)
    assert errand().again_at == timezone.now() + timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS)
    clock.shift(timedelta(days=settings.PORTAL_VERIFY_AGAIN_DAYS))
    assert pipeline.advance(request_.pk)
    assert errand().again_at is None
    assert pipeline.due() == []


@pytest.mark.parametrize("state", ["received", "refused", "withdrawn", "not_identified"])
def test_there_is_no_room_for_a_request_in_another_state(centre, state):
    request = factories.RequestFactory.create(state=state)
    assert not pipeline.advance(request.pk)
    assert centre.log == []


def test_a_list_that_keeps_everything_needs_no_approval(request_, rooms):
    rooms.search(request_)
    request_.candidates.update(included=False, link="other_person")
    rooms.freeze(request_)
    assert pipeline.advance(request_.pk)
    request_.refresh_from_db()
    assert (request_.state, request_.approved_by) == ("verified", None)


def test_what_is_still_there_keeps_it_from_being_verified(request_, rooms, centre, clock):
    rooms.search(request_)
    rooms.approve(request_, rooms.freeze(request_))
    assert pipeline.advance(request_.pk)
    centre.hold("a", "voicemail")
    clock.shift(timedelta(seconds=1))
    assert pipeline.advance(request_.pk)
    assert not pipeline.advance(request_.pk)
    request_.refresh_from_db()
    assert (request_.state, errand().attention) == ("executed", "supplement")


# --- one worker at a time --------------------------------------------------------------------------------------------


def test_only_one_worker_at_a_time_and_a_dead_ones_lease_runs_out(request_, clock, settings, monkeypatch):
    second = []
    monkeypatch.setattr(discovery, "search", lambda *args, **kwargs: second.append(pipeline.advance(request_.pk)))
    assert pipeline.advance(request_.pk)
    assert second == [False]
    assert errand().lease_until is None
    Errand.objects.update(lease_until=timezone.now() + timedelta(seconds=settings.PORTAL_LEASE_SECONDS))
    assert not pipeline.advance(request_.pk)
    clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS))
    assert pipeline.advance(request_.pk)


def test_a_worker_that_lost_its_lease_in_the_middle_stops_and_changes_nothing_of_its_successors(
    request_, centre, clock, settings
):
    def overtaken(entry):
        if len(centre.asked("find")) == 3:
            Errand.objects.update(fence=99, lease_until=timezone.now() + timedelta(hours=1), attention="stopped")

    centre.before = overtaken
    assert not pipeline.advance(request_.pk)
    assert len(centre.asked("find")) == 3
    assert (errand().fence, errand().attention) == (99, "stopped")
    assert errand().lease_until > timezone.now()


def test_every_call_extends_the_lease(request_, centre, clock, settings):
    ends = []

    def step(entry):
        ends.append(errand().lease_until - timezone.now())
        clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS - 1))

    centre.before = step
    assert pipeline.advance(request_.pk)
    assert set(ends) == {timedelta(seconds=settings.PORTAL_LEASE_SECONDS)}


# --- who must look ---------------------------------------------------------------------------------------------------

ATTENTION = {
    "busy": "", "read_only": "shadow", "stopped": "stopped", "bad_credentials": "credentials",
    "missing_credentials": "credentials", "scope_refused": "credentials", "unauthorised": "credentials",
    "forbidden": "credentials", "unreachable": "unreachable", "timeout": "unreachable", "server_error": "unreachable",
    "rate_limited": "unreachable", "malformed": "unreachable", "cut_off": "unreachable",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(ATTENTION))
def test_what_the_system_says_becomes_what_a_person_reads(request_, monkeypatch, code):
    monkeypatch.setattr(discovery, "search", fails(ConnectorError(code, permanent=False)))
    assert not pipeline.advance(request_.pk)
    assert errand().attention == ATTENTION[code]
    request_.refresh_from_db()
    assert request_.state == "validated"


@pytest.mark.parametrize(
    ("code", "attention"),
    [
        ("lease_runs", ""), ("lost_lease", ""), ("moved_on", ""), ("wrong_state", ""), ("digest", "digest"),
        ("trial_failed", "needs_person"), ("barred", "needs_person"), ("credentials", "credentials"),
        ("no_statistics", "statistics"),
        ("something_else", "needs_person"),
    ],
)  # fmt: skip
def test_what_a_room_refuses_becomes_what_a_person_reads(request_, monkeypatch, code, attention):
    monkeypatch.setattr(discovery, "search", fails(Refused(code, "")))
    assert not pipeline.advance(request_.pk)
    assert errand().attention == attention


def test_an_approval_that_may_still_be_withdrawn_is_looked_at_when_its_time_is_over(
    request_, rooms, settings, clock, centre
):
    rooms.search(request_)
    plan = rooms.freeze(request_)
    settings.PORTAL_APPROVAL_DELAY_HOURS = 2
    rooms.approve(request_, plan)
    assert not pipeline.advance(request_.pk)
    assert (wait(), errand().attention) == (7200, "")
    clock.shift(timedelta(hours=2))
    assert pipeline.advance(request_.pk)


def test_it_says_what_waits_for_a_person(request_, rooms, clock, settings):
    assert pipeline.advance(request_.pk)
    Candidate.objects.update(included=None, link="")
    assert not pipeline.advance(request_.pk)
    assert errand().attention == "undecided"
    Candidate.objects.update(included=True, link="said_so")
    rooms.freeze(request_)
    pipeline.advance(request_.pk)
    assert errand().attention == ""
    clock.shift(timedelta(days=settings.PORTAL_PLAN_VALID_DAYS, seconds=1))
    pipeline.advance(request_.pk)
    assert errand().attention == "expired"


def test_it_says_that_items_could_not_be_deleted_while_the_others_go_on(request_, rooms, centre, settings):
    settings.PORTAL_RUN_BUDGET = 1
    for name in "bc":
        centre.hold(name, "voicemail")
    centre.forbidden.add("a")
    rooms.search(request_)
    rooms.approve(request_, rooms.freeze(request_))
    assert pipeline.advance(request_.pk)
    assert ReceiptItem.objects.get().outcome == "needs_person"
    assert errand().attention == "needs_person"


# --- when it is looked at again --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "seconds"), [("busy", 1), ("read_only", 5), ("stopped", 5)])
def test_where_nothing_was_asked_it_is_looked_at_soon(request_, monkeypatch, clock, code, seconds):
    monkeypatch.setattr(discovery, "search", fails(ConnectorError(code, permanent=False)))
    pipeline.advance(request_.pk)
    assert (wait(), errand().failures) == (seconds, 0)


def test_a_system_that_names_a_time_is_asked_again_then(request_, monkeypatch, clock):
    error = ConnectorError("rate_limited", permanent=False, retry_after=42)
    monkeypatch.setattr(discovery, "search", fails(error))
    pipeline.advance(request_.pk)
    assert wait() == 42


def test_back_off_grows_is_capped_and_begins_anew_after_a_success(request_, monkeypatch, clock):
    monkeypatch.setattr(pipeline.random, "uniform", lambda low, high: high)
    with monkeypatch.context() as patched:
        patched.setattr(discovery, "search", fails(ConnectorError("unreachable", permanent=False)))
        waits = []
        for _ in range(14):
            pipeline.advance(request_.pk)
            waits.append(wait())
            clock.shift(timedelta(seconds=wait()))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]
    assert pipeline.advance(request_.pk)
    assert (errand().failures, errand().attention, wait()) == (0, "", 0)


def test_back_off_has_jitter(request_, monkeypatch, clock):
    monkeypatch.setattr(discovery, "search", fails(ConnectorError("unreachable", permanent=False)))
    pipeline.advance(request_.pk)
    waits = set()
    for _ in range(5):
        Errand.objects.update(failures=5)
        pipeline.advance(request_.pk)
        waits.add(wait())
    assert len(waits) > 1
    assert all(0.5 <= one <= 64 for one in waits)


def test_a_fault_of_ours_is_shown_to_a_person_and_flies_on(request_, monkeypatch, clock, caplog):
    monkeypatch.setattr(discovery, "search", fails(ZeroDivisionError()))
    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
        pipeline.advance(request_.pk)
    assert (errand().attention, errand().failures, errand().lease_until) == ("crashed", 1, None)
    assert 0.5 <= wait() <= 2
    assert str(request_.pk) in caplog.text


def test_a_stop_is_noticed_in_every_room(request_, rooms, centre, supervisor):
    rooms.search(request_)
    rooms.approve(request_, rooms.freeze(request_))
    systems.stop(System.objects.get().pk, actor=supervisor)
    for state in ("approved", "executed"):
        before = len(centre.log)
        assert not pipeline.advance(request_.pk)
        assert errand().attention == "stopped"
        assert [entry for entry in centre.log[before:] if entry != ("close",)] == []
        if state == "approved":
            systems.resume(System.objects.get().pk, actor=supervisor, reason="false_alarm")
            assert pipeline.advance(request_.pk)
            systems.stop(System.objects.get().pk, actor=supervisor)


def test_it_is_known_which_cluster_began_the_last_run(request_, monkeypatch, settings):
    settings.PORTAL_NODE = "blue-1"
    monkeypatch.setattr(pipeline.discovery, "search", lambda *args, **kwargs: True)
    pipeline.advance(request_.pk)
    assert errand().node == "blue-1"


def test_a_system_that_asks_for_a_day_of_silence_is_asked_again_sooner(request_, monkeypatch):
    limited = ConnectorError("rate_limited", permanent=False, retry_after=86_400)
    monkeypatch.setattr(pipeline, "_next_room", fails(limited))
    pipeline.advance(request_.pk)
    assert wait() == pipeline.LONGEST_WAIT
