"""The acts that write down what became of the ledger itself. ``conftest.py`` adds them to ``ACTS``.

In:  a stage.
Out: the acts, registered.
Never here: a test.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from unittest import mock

from django.conf import settings
from django.utils import timezone

from requests_app import clock, publisher, recovery, sequencer, signing_keys
from tests import story
from tests.chaos.acts import Doing, act
from tests.chaos.stage import Stage
from tests.requests_app.test_publisher import write
from tests.requests_app.test_recovery import restore


@act("ledger.recovered")
def recover_the_ledger(stage: Stage) -> Doing:
    write(3)
    publisher.publish()
    write(3)
    publisher.publish()
    restore(6, numbered=3)
    sequencer.repair()
    return partial(recovery.recover, settings.PORTAL_LEDGER_DIR)


@act("log.opened")
def open_a_new_year_s_log(stage: Stage) -> Doing:
    story.received(stage.person("staff"))
    publisher.publish()
    turned = timezone.now() + timedelta(days=366)

    def publish() -> None:
        with mock.patch.object(clock, "stamp", return_value=turned):
            publisher.publish()

    return publish


@act("log.opened")
def go_on_without_the_key(stage: Stage) -> Doing:
    write(3)
    log = publisher.publish().log
    write(3)
    sequencer.drain()
    signing_keys.file_of(log.name).unlink()
    return recovery.open_next_log
