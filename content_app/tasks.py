"""What the queue runs: each task takes one primary key and makes one call.

Delivery is at least once; a doubled or a lost message changes nothing. The queue is a hint, the tables are the truth.
"""

from uuid import UUID

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


def queue_sign_of_life() -> None:
    """Ask the worker for a sign of life; ``manage.py doctor`` looks at how old the last one is."""
    async_task(show_life)
