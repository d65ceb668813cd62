"""``manage.py find_report FILE``: whether a file is a report from here, and which ledger entry tells of it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from content_app.reporting import exports


class Command(BaseCommand):
    """Ends with an error when no export gave exactly this file."""

    help = "Find the export that a file came from, by its SHA-256."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a report, exactly as it was handed out")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        found = exports.find(data)
        if not found:
            raise CommandError(
                f"No export from here gave this file. Either {file.name} was changed since, by as little as one byte, "
                "or it comes from elsewhere."
            )
        for one in found:
            self.stdout.write(f"The report of {one.reference} as {one.format}, exported at {one.at}")
            self.stdout.write(f"  by {one.pseudonym} ({one.role})")
            self.stdout.write(f"  ledger entry {one.entry}, {_place(one)}")


def _place(one: exports.Export) -> str:
    if one.number is None:
        return "which waits for its number"
    return f"number {one.number}, " + (f"published in {one.log}" if one.log else "not published yet")
