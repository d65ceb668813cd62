"""``manage.py qcluster``: the worker. It takes what was queued, and begins anew when one of its processes is killed."""

import logging
from multiprocessing.process import BaseProcess
from typing import Any

from django.core.management.base import BaseCommand
from django_q import cluster
from django_q.conf import Conf
from django_q.queues import Queue

logger = logging.getLogger(__name__)


class CrashOnly(cluster.Sentinel):
    """Guards the processes of one cluster.

    A process that is killed while it waits for work keeps the lock of the queue between them for ever, and one that is
    killed while it hands work on keeps a place in it. django-q2 replaces the one process, and the others may wait for
    ever. So all of them begin anew, on new queues. What they had in hand is found again in the tables.
    """

    def reincarnate(self, process: BaseProcess) -> None:
        """Called by the guard's loop for a process that is over, or has been at one task for too long."""
        if not process.exitcode or process.exitcode > 0:
            super().reincarnate(process)  # timed out, recycled, or ended by itself: nothing is held
            return
        logger.critical("a process of the cluster was killed by signal %s: all begin anew", -process.exitcode)
        for other in (*self.pool, self.monitor, self.pusher):
            other.kill()
            other.join()
        self.pool.clear()  # the guard's loop goes over this very list
        self.task_queue = Queue(maxsize=Conf.QUEUE_LIMIT)
        self.result_queue = Queue()
        self.reincarnations += 1
        self.spawn_cluster()


class Command(BaseCommand):
    """Runs until it is told to end. Any number of clusters on any number of hosts share the one queue."""

    help = "Do the work that is queued. Runs until it is told to end."

    def handle(self, *args: Any, **options: Any) -> None:
        cluster.Sentinel = CrashOnly
        cluster.Cluster().start()
