"""``manage.py seed_scale --requests N``: fills an empty portal with invented requests, under ``DEMO=1`` only."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gdpr_portal import seeding
from requests_app.errors import Refused


class Command(BaseCommand):
    """For measuring. Nothing of it can be taken out again but with the whole database."""

    help = "Fill an empty portal with N invented requests, 10 N items and 10 N ledger entries. Needs DEMO=1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--requests", type=int, required=True, metavar="N")
        parser.add_argument("--seed", type=int, default=1, help="the same seed invents the same requests")

    def handle(self, *args: Any, requests: int, seed: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This fills the portal with invented people. Set DEMO=1, and a database of its own.")
        if requests < 1:
            raise CommandError("--requests takes a number from 1 on.")
        began = time.monotonic()

        def tell(done: int) -> None:
            if options["verbosity"] > 1:
                self.stdout.write(f"{done:,} requests after {time.monotonic() - began:,.0f} s")

        try:
            seeding.fill(requests, seed=seed, tell=tell)
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"{requests:,} invented requests in {time.monotonic() - began:,.0f} s.")
