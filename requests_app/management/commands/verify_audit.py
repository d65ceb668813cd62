"""``manage.py verify_audit [--folder [DIR]] [--older PATH] [--record]``: recomputes the ledger; does it hold?"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app import audit, audit_check, self_check


class Command(BaseCommand):
    """Ends with an error when anything does not fit."""

    help = "Recompute every entry, number and hash of the ledger; compare it with what has left the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--folder", metavar="DIR", type=Path, nargs="?", const=Path(settings.PORTAL_LEDGER_DIR),
            help="check a folder too: an export, or without DIR the published ledger",
        )  # fmt: skip
        parser.add_argument(
            "--older", metavar="PATH", type=Path, help="nothing changed since this older folder or checkpoint"
        )
        parser.add_argument("--record", action="store_true", help="keep the result, for the auditors' first page")

    def handle(self, *args: Any, folder: Path | None, older: Path | None, record: bool, **options: Any) -> None:
        verdict = audit.verify()
        if record:
            self_check.keep(verdict)
        try:
            faults = [
                *verdict.faults,
                *(audit_check.faults_of_folder(folder) if folder else ()),
                *(audit_check.faults_since(older) if older else ()),
            ]
        except (OSError, UnicodeDecodeError):
            raise CommandError("A file of --folder or --older cannot be read. Check the path.") from None
        for fault in faults:
            self.stderr.write(self.style.ERROR(fault))
        self.stdout.write(f"{verdict.size} entries, {verdict.pending} waiting for a number, root {verdict.root}")
        if faults:
            raise CommandError("The ledger does not hold. Stop deletions and compare with an earlier export.")
        self.stdout.write(self.style.SUCCESS("The ledger holds: every entry matches its hash and its number."))
