"""What the queue runs: each task takes one primary key and makes one call.

Delivery is at least once; a doubled or a lost message changes nothing. The queue is a hint, the tables are the truth.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from content_app import heartbeats, pipeline


def advance(request_id: str) -> None:
    """Do what comes next for one request."""
    heartbeats.worker_begins()
    pipeline.advance(UUID(request_id))


def show_life() -> None:
    """The worker's sign of life."""
    heartbeats.worker_begins()


def pick_up() -> int:
    """Queue every request that is due; returns how many. Called every second by ``manage.py pick_up --loop``."""
    claimed = [request_id for request_id in pipeline.due() if pipeline.claim_for_queue(request_id)]
    for request_id in claimed:
        async_task(advance, str(request_id))
    return len(claimed)


#: Days that the outcome of a failed task is kept; it names a request, and what went wrong in the code.
FAILURE_DAYS = 30


def sweep() -> None:
    """Delete outcomes of tasks that nobody needs: old ones, and those about a person who is forgotten."""
    Task.objects.filter(stopped__lt=timezone.now() - timedelta(days=FAILURE_DAYS)).delete()
    about = {task.pk: str(task.args[0]) for task in Task.objects.all() if task.args}
    forgotten = pipeline.forgotten_among(about.values())
    Task.objects.filter(pk__in=[pk for pk, request_id in about.items() if request_id in forgotten]).delete()


def queue_sign_of_life() -> None:
    """Ask the workers for a sign of life, unless so many wait already that nobody seems to give any."""
    if queue().waiting <= 10 * settings.TASK_WORKERS:
        async_task(show_life)


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages wait, since when the oldest one does, and how many a cluster has taken."""

    waiting: int
    oldest: datetime | None
    taken: int


def queue() -> Queue:
    """The queue as it is now, in one query."""
    waits = Q(lock__lte=timezone.now())
    told = OrmQ.objects.aggregate(
        waiting=Count("pk", filter=waits), oldest=Min("lock", filter=waits), taken=Count("pk", filter=~waits)
    )
    return Queue(told["waiting"], told["oldest"], told["taken"])
