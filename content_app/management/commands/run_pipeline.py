"""``manage.py run_pipeline --until-idle``: does in the foreground what the worker does."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from content_app import oblivion, pipeline, witnessing
from requests_app import forgotten_list, retention, sequencer
from requests_app.errors import Refused


class Command(BaseCommand):
    """One pass over what is due; with ``--until-idle`` until nothing is."""

    help = "Search, delete and read back for every request that is due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="go on until nothing is due any more")
        parser.add_argument("--patience", type=float, default=0, help="seconds to wait for requests that back off")

    def handle(self, *args: Any, until_idle: bool, patience: float, **options: Any) -> None:
        forgotten_list.require_replayed()
        sequencer.repair()
        worked, deadline = 0, time.monotonic() + patience
        while True:
            round_worked = sum(pipeline.advance(request_id) for request_id in pipeline.due())
            worked += round_worked
            self._publish()
            if not until_idle or (not round_worked and not pipeline.due() and time.monotonic() >= deadline):
                break
            if not round_worked:
                time.sleep(0.2)
        retention.sweep()
        oblivion.forget_due()
        self._publish()
        self.stdout.write(f"{worked} runs; nothing is due." if until_idle else f"{worked} runs.")

    def _publish(self) -> None:
        """A ledger that cannot be published stops deletions by itself; all else goes on."""
        try:
            witnessing.publish()
        except Refused as refused:
            self.stderr.write(f"The ledger is not published: {refused}")
