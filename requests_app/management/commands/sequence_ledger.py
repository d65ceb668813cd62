"""``manage.py sequence_ledger``: numbers the ledger entries that wait, and publishes a checkpoint over them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from requests_app import publisher, sequencer
from requests_app.errors import Refused


class Command(BaseCommand):
    """The loop beside the worker does the same every second (``manage.py pick_up --loop``)."""

    help = "Number the ledger entries that wait, and publish a signed checkpoint over them."

    def handle(self, *args: Any, **options: Any) -> None:
        sequencer.repair()
        try:
            checkpoint = publisher.publish()
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"Published: {checkpoint.size} entries." if checkpoint else "The ledger is empty.")
