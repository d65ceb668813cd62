"""How the machinery is, in figures and sentences."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from content_app import heartbeats, operations, tasks
from tests import factories

pytestmark = pytest.mark.django_db


def looks(**more):
    return [(look.what, look.well) for look in operations.machinery(heartbeats.signs(), **more)]


def said():
    return " ".join(f"{look.says} {look.do}" for look in operations.troubles())


# --- what runs -------------------------------------------------------------------------------------------------------


def test_where_everything_runs_there_is_no_trouble():
    factories.heartbeat("cluster")
    factories.heartbeat("loop")
    assert looks() == [("cluster", True), ("loop", True), ("queue", True)]
    assert operations.troubles() == []


def test_where_nothing_runs_it_says_what_to_start():
    assert looks() == [("cluster", False), ("loop", False), ("queue", True)]
    assert "Start manage.py qcluster." in said()
    assert "Start manage.py pick_up --loop." in said()
    assert looks(wanted=[]) == [("queue", True)]


def test_a_dead_cluster_beside_a_living_one_is_named(clock):
    factories.heartbeat("loop")
    factories.heartbeat("cluster", node="blue-1")
    factories.heartbeat("cluster", node="blue-2", ago=timedelta(seconds=90))
    assert looks() == [("cluster", True), ("cluster", False), ("loop", True), ("queue", True)]
    assert "The worker cluster blue-2 is silent: no sign of life for 90 seconds." in said()
    assert "Look at another-host" in said()


def test_a_hung_cluster_is_named(clock):
    factories.heartbeat("loop")
    factories.heartbeat("cluster", pulled_at=timezone.now() - timedelta(hours=1),
                        started_at=timezone.now() - timedelta(hours=2))  # fmt: skip
    assert "is hung: its process is there, but it has taken up nothing for 3600 seconds." in said()
    assert "Restart manage.py qcluster" in said()


@pytest.mark.parametrize(("minutes", "well"), [(4, True), (6, False)])
def test_a_message_that_nobody_takes_is_noticed(minutes, well):
    factories.heartbeat("cluster")
    factories.heartbeat("loop")
    tasks.queue_sign_of_life()
    OrmQ.objects.update(lock=timezone.now() - timedelta(minutes=minutes))
    assert ("queue", well) in looks()
