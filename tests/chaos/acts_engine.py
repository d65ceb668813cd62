"""The acts of the engine that are no act on an item: the breaker's, and work that is started again.

In:  a stage.
Out: the acts, registered by ``conftest.py``.
Never here: a test.
"""

from __future__ import annotations

from functools import partial

from content_app import limits, pipeline
from content_app.connectors.base import ConnectorError
from content_app.models import Errand
from tests.chaos.acts import Doing, act
from tests.chaos.stage import Stage

_DOWN = ConnectorError("server_error", permanent=False)


def _failed(stage: Stage, times: int) -> None:
    for _ in range(times):
        limits.note_failure(stage.system.pk, _DOWN)


@act("breaker.opened")
def leave_a_system_alone(stage: Stage) -> Doing:
    _failed(stage, limits.FAILURES - 1)
    return partial(limits.note_failure, stage.system.pk, _DOWN)


@act("breaker.closed")
def find_a_system_well_again(stage: Stage) -> Doing:
    _failed(stage, limits.FAILURES)
    return partial(limits.note_success, stage.system.pk)


@act("work.restarted")
def start_work_again(stage: Stage) -> Doing:
    request = stage.request("approved")
    Errand.objects.filter(request=request).update(attention=Errand.Attention.POISONED, starts=4)
    return partial(pipeline.restart, request.pk, actor=stage.person("supervisor", 2), reason="mended")
