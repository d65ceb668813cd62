"""A real cluster says that it lives; stopped, killed and frozen ones are told apart."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from content_app import heartbeats, tasks
from content_app.broker import Broker
from content_app.heartbeats import Condition
from content_app.models import Heartbeat

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    monkeypatch.setattr(heartbeats, "_noted", {})


def told(**more):
    """What a guard tells its broker."""
    stat = SimpleNamespace(status=Conf.IDLE, sentinel=os.getpid(), workers=[1, 2])
    return SignedPackage.dumps(SimpleNamespace(**(vars(stat) | more)), True)


@pytest.mark.django_db
def test_the_queue_uses_it():
    assert isinstance(get_broker(), Broker)


@pytest.mark.django_db
def test_what_the_guard_tells_becomes_a_sign_of_life():
    tasks.queue_sign_of_life()
    get_broker().set_stat("key", told(), 3)
    (sign,) = heartbeats.signs()
    assert (sign.workers, sign.queued) == (2, 1)
    get_broker().set_stat("key", told(status=Conf.STOPPED), 3)
    assert heartbeats.signs() == []


@pytest.mark.django_db
def test_a_heartbeat_that_cannot_be_written_costs_no_message(monkeypatch):
    def broken(*args, **kwargs):
        connection.cursor().execute("SELECT nothing FROM nowhere")

    tasks.queue_sign_of_life()
    monkeypatch.setattr(heartbeats, "_beat", broken)
    if connection.vendor == "sqlite":  # PostgreSQL would end the test's own transaction
        monkeypatch.setattr(heartbeats, "pusher_looks", broken)
    assert len(get_broker().dequeue()) == 1


# --- a cluster -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(transactional_db):
    """``manage.py qcluster`` on this test's database, in a group of its own."""
    name = str(connection.settings_dict["NAME"])
    host = connection.settings_dict["OPTIONS"].get("host") or connection.settings_dict["HOST"]
    url = f"postgresql://{connection.settings_dict['USER']}:@/{name}?host={host}"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"], cwd=ROOT, env=env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield child
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        child.wait()


def until(true, seconds=40):
    over = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < over, "it did not happen"
        time.sleep(0.1)
    return found


def signs():
    return heartbeats.signs()


@pytest.mark.postgresql
def test_a_cluster_lives_works_freezes_dies_and_leaves(cluster, monkeypatch):
    (sign,) = until(lambda: [one for one in signs() if one.workers == 2])
    assert sign.works
    tasks.queue_sign_of_life()
    until(lambda: Heartbeat.objects.get().worked_at and Heartbeat.objects.get().pulled_at)
    until(lambda: not OrmQ.objects.exists())
    guard = Heartbeat.objects.get().pid
    monkeypatch.setitem(heartbeats.SILENCE, heartbeats.Part.CLUSTER, timedelta(seconds=9))
    assert signs()[0].works
    os.kill(guard, signal.SIGSTOP)
    until(lambda: signs()[0].condition == Condition.HUNG)
    os.kill(guard, signal.SIGCONT)
    until(lambda: Heartbeat.objects.get().at > sign.at and signs()[0].works)
    os.kill(cluster.pid, signal.SIGTERM)
    until(lambda: signs() == [])
    assert cluster.wait(40) == 0


@pytest.mark.postgresql
def test_a_killed_cluster_is_known_to_be_dead(cluster, monkeypatch):
    until(signs)
    os.killpg(cluster.pid, signal.SIGKILL)
    cluster.wait()
    monkeypatch.setitem(heartbeats.SILENCE, heartbeats.Part.CLUSTER, timedelta(seconds=9))
    until(lambda: signs()[0].condition == Condition.DEAD)
