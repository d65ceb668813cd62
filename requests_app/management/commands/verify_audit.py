"""``manage.py verify_audit``: recomputes the ledger from its rows and says whether it holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from requests_app import audit


class Command(BaseCommand):
    """Ends with an error when anything does not fit."""

    help = "Recompute every entry, number and hash of the ledger."

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = audit.verify()
        for fault in verdict.faults:
            self.stderr.write(self.style.ERROR(fault))
        self.stdout.write(f"{verdict.size} entries, {verdict.pending} waiting for a number, root {verdict.root}")
        if not verdict.ok:
            raise CommandError("The ledger does not hold. Stop deletions and compare with an earlier export.")
        self.stdout.write(self.style.SUCCESS("The ledger holds: every entry matches its hash and its number."))
