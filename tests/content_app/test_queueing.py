"""The queue's table is on the database's clock, and outlives the database."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf

from content_app import queueing

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def rests(monkeypatch):
    """How long it has rested, instead of resting."""
    told = []
    monkeypatch.setattr(queueing.time, "sleep", told.append)
    return told


def messages(queue):
    return [payload for _, payload in queue.dequeue() or ()]


def test_the_portal_uses_it():
    assert isinstance(get_broker(), queueing.Queue)


@pytest.mark.parametrize("writer", [-DAY, timedelta(0), DAY])
@pytest.mark.parametrize("reader", [-DAY, timedelta(0), DAY])
def test_a_host_whose_clock_is_a_day_off_takes_a_message_once_as_its_neighbours_do(writer, reader):
    queue = queueing.Queue()
    with time_machine.travel(timezone.now() + writer):
        queue.enqueue("one")
    with time_machine.travel(timezone.now() + reader):
        assert (queue.queue_size(), queue.lock_size()) == (1, 0)
        assert messages(queue) == ["one"]
        assert (queue.queue_size(), queue.lock_size()) == (0, 1)
        assert messages(queue) == []


def test_a_message_that_nobody_says_is_done_is_handed_out_again(monkeypatch):
    queue = queueing.Queue()
    queue.enqueue("one")
    assert messages(queue) == ["one"]
    now = queueing.clock.now()
    monkeypatch.setattr(queueing.clock, "now", lambda: now + timedelta(seconds=Conf.RETRY + 1))
    assert messages(queue) == ["one"]
    assert messages(queue) == []


def test_while_the_database_is_away_it_waits_and_goes_on(monkeypatch, rests):
    queue = queueing.Queue()
    queue.enqueue("one")
    with monkeypatch.context() as away:
        away.setattr(queue, "_take", lambda: (_ for _ in ()).throw(OperationalError("away")))
        away.setattr(queueing.connection, "close", lambda: None)  # the test's own transaction lives on it
        assert queue.dequeue() is None
    assert rests == [Conf.POLL]
    assert messages(queue) == ["one"]
