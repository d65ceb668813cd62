"""Signs of life: a part that works, one whose guard goes round over idle workers, one that has died."""

import os
import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import heartbeats
from content_app.heartbeats import Condition, Part
from content_app.models import Heartbeat

pytestmark = pytest.mark.django_db
#: No process has it: the kernel gives smaller ones only.
NOBODY = 2**22 + 1


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    monkeypatch.setattr(heartbeats, "_noted", {})


def beat(pid=None, *, queued=3):
    heartbeats._noted.clear()
    heartbeats.guard_lives(pid or os.getpid(), workers=2, queued=lambda: queued)


def only():
    (sign,) = heartbeats.signs()
    return sign


def here():
    return socket.gethostname()[:64]


def test_a_cluster_is_one_row_with_what_it_saw(clock):
    beat()
    clock.shift(timedelta(seconds=9))
    beat(queued=5)
    sign = only()
    assert (sign.part, sign.at, sign.workers, sign.queued) == (Part.CLUSTER, timezone.now(), 2, 5)
    assert sign.started_at == timezone.now() - timedelta(seconds=9)
    assert sign.node == f"{socket.gethostname()}:{os.getpid()}"
    assert sign.works


def test_two_clusters_of_one_host_are_two_rows():
    beat(os.getpid())
    beat(os.getppid())
    assert len(heartbeats.signs()) == 2


def test_a_node_can_be_given_a_name(settings):
    settings.PORTAL_NODE = "blue-1"
    beat()
    heartbeats.loop_lives()
    assert [(sign.part, sign.node) for sign in heartbeats.signs()] == [(Part.CLUSTER, "blue-1"), (Part.LOOP, "blue-1")]


def test_one_process_writes_seldom(django_assert_num_queries):
    beat()
    with django_assert_num_queries(0):
        heartbeats.guard_lives(os.getpid(), workers=2, queued=lambda: 3)


@pytest.mark.parametrize(
    ("silent", "pid", "host", "condition"),
    [
        (59, NOBODY, "", Condition.WORKS),
        (61, NOBODY, "", Condition.DEAD),
        (61, None, "", Condition.HUNG),
        (61, NOBODY, "another-host", Condition.SILENT),
    ],
)
def test_silence_is_told_apart(clock, silent, pid, host, condition):
    beat(os.getpid() if pid is None else pid)  # the process that runs the test lives
    Heartbeat.objects.update(host=host or here())
    clock.shift(timedelta(seconds=silent))
    assert only().condition == condition


@pytest.mark.parametrize("sign_of_work", [heartbeats.pusher_looks, heartbeats.worker_begins])
def test_a_guard_over_workers_that_take_nothing_is_hung(clock, settings, monkeypatch, sign_of_work):
    settings.TASK_TIMEOUT = 300
    monkeypatch.setattr(os, "getppid", lambda: os.getpid())
    beat()
    clock.shift(timedelta(seconds=361))
    beat()
    assert only().condition == Condition.HUNG
    sign_of_work()
    assert only().condition == Condition.WORKS
    clock.shift(timedelta(seconds=359))
    beat()
    assert only().condition == Condition.WORKS, "a task may last as long as that"


def test_what_comes_in_the_place_of_a_dead_one_ends_the_alarm(clock):
    beat(NOBODY)
    clock.shift(timedelta(seconds=90))
    assert only().condition == Condition.DEAD
    beat()
    assert only().works


def test_what_comes_beside_a_living_one_leaves_it(clock):
    beat(os.getppid())
    beat(os.getpid())
    Heartbeat.objects.filter(pid=os.getpid()).update(host="another-host", pid=NOBODY)
    beat(os.getpid())
    assert len(heartbeats.signs()) == 2


def test_a_named_cluster_that_starts_again_begins_afresh(clock, settings):
    settings.PORTAL_NODE = "blue-1"
    beat(NOBODY)
    Heartbeat.objects.update(worked_at=timezone.now())
    clock.shift(timedelta(hours=1))
    beat()
    assert only().started_at == only().busy_at == timezone.now()


def test_whoever_is_told_to_end_says_goodbye():
    beat()
    heartbeats.leave(Part.CLUSTER, os.getpid())
    assert heartbeats.signs() == []


def test_one_host_can_be_asked_for():
    beat()
    assert len(heartbeats.signs(host=here())) == 1
    assert heartbeats.signs(host="another-host") == []


def test_whoever_fell_silent_is_spoken_of_for_a_day(clock):
    beat(NOBODY)
    clock.shift(timedelta(hours=23))
    heartbeats.sweep()
    assert only().condition == Condition.DEAD
    clock.shift(timedelta(hours=2))
    heartbeats.sweep()
    assert heartbeats.signs() == []


# --- systemd ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """``systemd()`` is what the supervisor has heard since."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def heard():
            words = []
            while True:
                try:
                    words += one.recv(200).decode().split("\n")
                except BlockingIOError:
                    return words

        yield heard


def test_systemd_hears_of_a_cluster_as_long_as_it_works(systemd, clock, settings):
    beat()
    assert systemd() == ["READY=1", "WATCHDOG=1"]
    clock.shift(timedelta(seconds=settings.TASK_TIMEOUT + 61))
    beat()
    assert "WATCHDOG=1" not in systemd()


def test_systemd_hears_of_every_round_of_the_loop(systemd):
    heartbeats.loop_lives()
    heartbeats.loop_lives()
    assert systemd() == ["READY=1", "WATCHDOG=1"] * 2


def test_without_systemd_nobody_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    heartbeats.notify("READY=1")
