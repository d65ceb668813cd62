"""What the queue runs: each task takes one primary key and makes one call.

Delivery is at least once; a doubled or a lost message changes nothing. The queue is a hint, the tables are the truth.
"""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from django_q.models import Task
from django_q.tasks import async_task

from content_app import pipeline


def advance(request_id: str) -> None:
    """Do what comes next for one request."""
    pipeline.advance(UUID(request_id))


def show_life() -> None:
    """The worker's sign of life."""
    pipeline.show_life("worker")


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
    """Ask the worker for a sign of life; ``manage.py doctor`` looks at how old the last one is."""
    async_task(show_life)
