"""``manage.py verify_audit``: recomputes the ledger from its rows and says whether it holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app import audit, self_check


class Command(BaseCommand):
    """Ends with an error when anything does not fit."""

    help = "Recompute every entry, number and hash of the ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--record", action="store_true", help="keep the result, for the auditors' first page")

    def handle(self, *args: Any, record: bool, **options: Any) -> None:
        verdict = audit.verify()
        if record:
            self_check.keep(verdict)
        for fault in verdict.faults:
            self.stderr.write(self.style.ERROR(fault))
        self.stdout.write(f"{verdict.size} entries, {verdict.pending} waiting for a number, root {verdict.root}")
        if not verdict.ok:
            raise CommandError("The ledger does not hold. Stop deletions and compare with an earlier export.")
        self.stdout.write(self.style.SUCCESS("The ledger holds: every entry matches its hash and its number."))
