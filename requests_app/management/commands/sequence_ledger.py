"""``manage.py sequence_ledger``: gives numbers to the ledger entries that wait for one."""

from typing import Any

from django.core.management.base import BaseCommand

from requests_app import sequencer


class Command(BaseCommand):
    """The loop beside the worker does the same every second (``manage.py pick_up --loop``)."""

    help = "Number the ledger entries that wait."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sequencer.drain()} entries numbered.")
