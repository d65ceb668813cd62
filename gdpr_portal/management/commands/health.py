"""``manage.py health``: whether the machinery runs, fast enough to be asked every few seconds."""

import socket
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error

from content_app import heartbeats, operations
from content_app.heartbeats import Part
from content_app.operations import Look
from requests_app import publisher


class Command(BaseCommand):
    """Ends with 1 when anything is not well. It changes nothing, and calls no outside system; the doctor does."""

    help = "Say in one line each whether database, clusters, loop, queue and ledger are well; end with 1 if not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--here", action="store_true", help="only what runs on this host")
        parser.add_argument(
            "--part", choices=Part.values, help="only this part and the database, as a container's probe"
        )

    def handle(self, *args: Any, here: bool, part: str | None, **options: Any) -> None:
        try:
            looks = list(_look(here=here, part=part))
        except Error as error:
            says = f"The database does not answer ({type(error).__name__})."
            looks = [Look("database", False, says, "Start PostgreSQL, or mend DATABASE_URL.")]
        for look in looks:
            words = look.says if look.well else f"{look.says} {look.do}".strip()
            self.stdout.write(f"{'ok' if look.well else 'fail':4} {look.what:8} {words}")
        if not all(look.well for look in looks):
            sys.exit(1)


def _look(*, here: bool, part: str | None) -> list[Look]:
    """A host need not have every part; the part that was asked for must be there."""
    signs = heartbeats.signs(host=socket.gethostname()[:64] if here else "")
    wanted = [Part(part)] if part else [] if here else list(Part)
    looks = list(operations.machinery(signs, wanted=wanted))
    if part:
        looks = [look for look in looks if look.what == part]
    else:
        fault = publisher.fault()
        looks.append(Look("ledger", not fault, fault or "The ledger fits what was published."))
    return [Look("database", True, "The database answers."), *looks]
