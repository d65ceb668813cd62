"""The queue is a hint: whatever happens to its messages, the tables find every request again, and none twice."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Task

from content_app import heartbeats, pipeline, tasks
from content_app.models import Errand, Heartbeat
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_():
    return factories.RequestFactory.create(is_validated=True)


def queued():
    """(function, arguments) of every message that waits."""
    return [(row.task["func"], row.task["args"]) for row in OrmQ.objects.all()]


def test_each_due_request_is_queued_once(request_):
    assert [tasks.pick_up() for _ in range(3)] == [1, 0, 0]
    assert queued() == [(tasks.advance, (str(request_.pk),))]


def test_nothing_due_queues_nothing():
    factories.RequestFactory.create()
    assert tasks.pick_up() == 0
    assert queued() == []


def test_a_lost_message_costs_a_while_and_not_the_request(request_, clock, settings):
    tasks.pick_up()
    OrmQ.objects.all().delete()
    assert tasks.pick_up() == 0
    clock.shift(timedelta(seconds=settings.PORTAL_LEASE_SECONDS))
    assert tasks.pick_up() == 1
    assert len(queued()) == 1


def test_a_request_that_moved_on_is_queued_again_at_once(request_):
    tasks.pick_up()
    Errand.objects.update(seen="received")
    assert tasks.pick_up() == 1


def test_a_doubled_message_works_once(system, centre, rooms):
    centre.hold("a", "voicemail")
    request = rooms.take()
    for _ in range(2):
        tasks.advance(str(request.pk))
    asked = centre.asked("find")
    assert len(asked) == len(set(asked)) > 0
    assert request.candidates.count() == 1


def test_a_doubled_message_in_the_middle_of_the_work_does_nothing(system, centre, rooms):
    request = rooms.take()
    centre.before = lambda entry: tasks.advance(str(request.pk))
    tasks.advance(str(request.pk))
    asked = centre.asked("find")
    assert len(asked) == len(set(asked)) > 0


def test_a_message_that_comes_late_finds_nothing_to_do(system, centre, rooms):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    rooms.read_back(request)
    pipeline.advance(request.pk)
    deleted = [entry for entry in centre.log if entry[0].startswith("delete")]
    tasks.advance(str(request.pk))
    assert [entry for entry in centre.log if entry[0].startswith("delete")] == deleted


@pytest.mark.parametrize("work", [tasks.show_life, lambda: tasks.advance(str(factories.RequestFactory.create().pk))])
def test_a_worker_that_begins_something_shows_that_it_lives(monkeypatch, work):
    monkeypatch.setattr(heartbeats, "_noted", {})
    monkeypatch.setattr(os, "getppid", os.getpid)
    heartbeats.guard_lives(os.getpid(), workers=2, queued=lambda: 0)
    assert Heartbeat.objects.get().worked_at is None
    work()
    assert timezone.now() - Heartbeat.objects.get().worked_at < timedelta(seconds=10)


def test_the_workers_are_asked_for_a_sign_of_life():
    tasks.queue_sign_of_life()
    assert queued() == [(tasks.show_life, ())]


def test_they_are_not_asked_again_and_again_while_nobody_answers(settings):
    for _ in range(200):
        tasks.queue_sign_of_life()
    assert OrmQ.objects.count() <= 10 * settings.TASK_WORKERS + 1


def test_the_queue_says_how_many_wait_and_since_when():
    assert tasks.queue() == tasks.Queue(0, None, 0)
    for _ in range(3):
        tasks.queue_sign_of_life()
    now = timezone.now()
    first, second, third = OrmQ.objects.order_by("pk")
    OrmQ.objects.filter(pk=first.pk).update(lock=now + timedelta(minutes=9))  # a cluster has taken it
    OrmQ.objects.filter(pk=third.pk).update(lock=now - timedelta(minutes=4))
    assert tasks.queue() == tasks.Queue(2, now - timedelta(minutes=4), 1)


def failure_of(request, *, ago=timedelta(0)):
    at = timezone.now() - ago
    return Task.objects.create(
        id=f"{request.pk.hex[-20:]}{ago.days}", name="x", func="content_app.tasks.advance", args=(str(request.pk),),
        started=at, stopped=at, success=False,
    )  # fmt: skip


def test_old_failures_and_those_about_a_forgotten_person_go(request_):
    forgotten = factories.RequestFactory.create(subject__forgotten_at=timezone.now())
    failure_of(request_, ago=timedelta(days=tasks.FAILURE_DAYS + 1))
    failure_of(forgotten)
    stays = failure_of(request_)
    tasks.sweep()
    assert list(Task.objects.values_list("pk", flat=True)) == [stays.pk]
