"""``manage.py import_requests FILE.csv [--dry-run]``: takes the good lines, reports every bad one."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from requests_app import csv_import
from requests_app.errors import Refused


class Command(BaseCommand):
    """Running the same file again adds nothing."""

    help = "Import requests from a CSV file (columns: docs/import.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="examine everything, take nothing")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            result = csv_import.import_file(file.read_bytes(), dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}. Check the path.") from None
        except Refused as refused:
            raise CommandError(refused.message) from None
        except DatabaseError as error:
            raise CommandError(
                "The database could not be written, so nothing of this line and of those after it was taken. See the "
                "database's log, then import the file again: what went in is not added twice."
            ) from error
        for problem in sorted(result.problems, key=lambda problem: problem.line):
            self.stderr.write(self.style.WARNING(str(problem)))
        verb = "would be added" if dry_run else "added"
        self.stdout.write(
            f"{result.good} {verb}, {result.known} known already, {result.linked} linked to an open request of the "
            f"same person, {len({problem.line for problem in result.problems})} lines to mend."
        )
        if result.problems:
            raise CommandError("Mend these lines and import the file again: what went in is not added twice.")
