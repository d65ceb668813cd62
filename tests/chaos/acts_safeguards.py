"""The acts that write down stops of all systems, what the brake held, and who released it. ``conftest.py`` adds them.

In:  a stage.
Out: the acts, registered.
Never here: a test.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest import mock

from content_app import brakes, safeguards
from requests_app.models import Request
from tests.chaos.acts import Doing, act
from tests.chaos.stage import Stage


@act("stop.set")
def stop_all_systems(stage: Stage) -> Doing:
    return partial(safeguards.set_stop, actor=stage.person("supervisor"), reason="misuse")


@act("stop.lifted")
def let_all_systems_go_on(stage: Stage) -> Doing:
    safeguards.set_stop(actor=stage.person("supervisor"))
    return partial(safeguards.lift_stop, actor=stage.person("supervisor", 2), reason="false_alarm")


def _tight() -> Any:
    """Caps that the list of two items exceeds."""
    return mock.patch.object(brakes, "most", lambda cap: 1 if cap == "plan" else 100)


def _held(stage: Stage) -> Request:
    return stage.request("approved")


@act("brake.applied")
def note_that_the_brake_holds(stage: Stage) -> Doing:
    request = _held(stage)

    def note() -> None:
        with _tight():
            safeguards.note_braking(request.pk)

    return note


@act("brake.released")
def release_a_list(stage: Stage) -> Doing:
    request, who = _held(stage), stage.person("supervisor")
    plan = stage.plan(request)

    def release() -> None:
        with _tight():
            safeguards.release(request.pk, actor=who, plan_id=plan.pk, items=2, reason="checked")

    return release
