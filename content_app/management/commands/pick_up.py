"""``manage.py pick_up --loop``: beside the worker, every second, it queues what is due, and publishes the ledger."""

import logging
import os
import signal
import time
from datetime import timedelta
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from content_app import heartbeats, oblivion, tasks, witnessing
from requests_app import forgotten_list, publisher, retention, self_check, sequencer
from requests_app.errors import Refused

logger = logging.getLogger(__name__)
#: Seconds between asking the workers for a sign of life, and between two sweeps of what has served its purpose.
SIGN_OF_LIFE, SWEEP = 15, 60
#: How old an entry may be that a sweep looks at for want of a number; once a day all of them are looked at.
RECENT = timedelta(days=2)


class Command(BaseCommand):
    """Losing it costs time only: what it would have queued is found again when it is back."""

    help = "Queue every request that is due, and publish the ledger; with --loop, every second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true")

    def handle(self, *args: Any, loop: bool, **options: Any) -> None:
        if not loop:
            forgotten_list.require_replayed()
            sequencer.repair()
            self._check_again()
            self._publish()
            self.stdout.write(f"{tasks.pick_up()} requests queued, the ledger published.")
            return
        self.running = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._check_the_past()
        beat = sweep = 0.0
        while self.running:
            started = time.monotonic()
            if self._round(beat=started >= beat, sweep=started >= sweep):
                beat = started + SIGN_OF_LIFE if started >= beat else beat
                sweep = started + SWEEP if started >= sweep else sweep
            time.sleep(max(0.0, 1 - (time.monotonic() - started)))
        heartbeats.leave(heartbeats.Part.LOOP, os.getpid())

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.running = False

    def _check_the_past(self) -> None:
        """Before anything is published: the stored entries give the root that was signed over them."""
        try:
            publisher.check_from_rows()
        except (Refused, DatabaseError) as error:
            logger.error("the ledger's past could not be confirmed: %s", error)

    def _check_again(self) -> None:
        """Whether somebody has mended what did not fit."""
        if publisher.fault():
            self._check_the_past()

    def _publish(self) -> None:
        """A ledger that cannot be published stops deletions by itself; all else goes on."""
        try:
            witnessing.publish()
        except Refused as refused:
            logger.error("the ledger is not published: %s", refused.message)

    def _round(self, *, beat: bool, sweep: bool) -> bool:
        """One round; ``False`` when the database was away. The loop outlives the database."""
        try:
            close_old_connections()
            heartbeats.loop_lives()
            if forgotten_list.replay_is_due():
                return True
            self._publish()
            tasks.pick_up()
            if beat:
                tasks.queue_sign_of_life()
            if sweep:
                sequencer.repair(since=timezone.now() - RECENT)
                self._check_again()
                _sweep()
                if self_check.is_due():
                    sequencer.repair()
                    self_check.record()
        except DatabaseError as error:
            logger.warning("the database is away: %s", type(error).__name__)
            connection.close()
            return False
        return True


def _sweep() -> None:
    """What has served its purpose goes: documents, stale lines, and whoever is to be forgotten."""
    retention.sweep()
    retention.sweep_rows()
    retention.sweep_files()
    oblivion.forget_due()
    tasks.sweep()
    heartbeats.sweep()
