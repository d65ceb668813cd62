"""``manage.py health``: whether the machinery runs, in a line each."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from content_app.heartbeats import Part
from gdpr_portal import health


class Command(BaseCommand):
    """Ends with 1 when anything is not well."""

    help = "Say in one line each whether database, clusters, loop, queue and ledger are well; end with 1 if not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--here", action="store_true", help="only what runs on this host")
        parser.add_argument("--part", choices=Part.values, help="only this part, for the probe of a container")

    def handle(self, *args: Any, here: bool, part: str | None, **options: Any) -> None:
        looks = health.looks(here=here, part=part)
        for look in looks:
            words = look.says if look.well else f"{look.says} {look.do}".strip()
            self.stdout.write(f"{'ok' if look.well else 'fail':4} {look.what:8} {words}")
        if not all(look.well for look in looks):
            sys.exit(1)
