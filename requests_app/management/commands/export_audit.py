"""``manage.py export_audit DIR [--request REF] [--report FILE]``: a folder that an outsider can check."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app import audit_export
from requests_app.errors import Refused


class Command(BaseCommand):
    """The folder appears whole or not at all."""

    help = "Export the published ledger, with proofs and a verifier, into a folder that stands alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path, help="a folder that is not there yet")
        parser.add_argument(
            "--request", metavar="REF", default="", help="prove what the ledger says about this request"
        )
        parser.add_argument(
            "--report", metavar="FILE", type=Path, action="append", default=[], help="put in a report that was exported"
        )

    def handle(self, *args: Any, directory: Path, request: str, report: list[Path], **options: Any) -> None:
        try:
            exported = audit_export.export(directory, reference=request, reports=report)
        except Refused as refused:
            raise CommandError(refused.message) from None
        except OSError as error:
            raise CommandError(
                f"{error.filename}: {error.strerror}. Check the path and the room on the disk."
            ) from None
        entries = sum(checkpoint.size for checkpoint in exported.checkpoints)
        self.stdout.write(f"{directory}: {entries} entries, {len(exported.proved)} of them with a proof.")
        if exported.waiting:
            self.stderr.write(
                self.style.WARNING(
                    f"{exported.waiting} entries of the request wait for a checkpoint. Export again later."
                )
            )
        self.stdout.write(
            "Hand it over with the fingerprint of the key by another way. README.md in it says how to check it."
        )
