"""``manage.py export_report REF --format pdf --output PATH``: writes a completion report to a file."""

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from content_app import reporting
from requests_app import audit, forgotten_list
from requests_app.errors import Refused
from requests_app.models import Request

ACTOR = audit.Machine("export_report")


class Command(BaseCommand):
    """The file appears whole or not at all, readable by its owner alone."""

    help = "Write the completion report of a request to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="the request's reference, DSR-XXXX-XXXX")
        parser.add_argument("--format", choices=sorted(reporting.FORMATS), required=True)
        parser.add_argument("--output", metavar="PATH", type=Path, required=True, help="the file to write")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")

    def handle(self, *args: Any, reference: str, output: Path, force: bool, **options: Any) -> None:
        request = Request.objects.filter(reference=reference.strip().upper()).first()
        if request is None:
            raise CommandError(f"There is no request {reference}. A reference looks like DSR-7K2M-9QXA.")
        _require_free(output, force=force)
        try:
            forgotten_list.require_replayed()
            exported = _write(request, output, fmt=options["format"])
        except Refused as refused:
            raise CommandError(refused.message) from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}. Choose another --output.") from None
        self.stdout.write(f"{output}: {len(exported.data)} bytes")


def _require_free(output: Path, *, force: bool) -> None:
    if output.exists() and not output.is_file():
        raise CommandError(f"{output} is not a file. Name the file to write with --output.")
    if output.exists() and not force:
        raise CommandError(f"{output} exists. Choose another --output, or replace it with --force.")


def _write(request: Request, output: Path, *, fmt: reporting.Format) -> reporting.Exported:
    """Make sure of the place first, then export: the ledger must not tell of a file that could not be written."""
    with tempfile.NamedTemporaryFile(dir=output.parent, prefix=".report-", delete=False) as draft:
        place = Path(draft.name)
        try:
            exported = reporting.export(request.pk, actor=ACTOR, fmt=fmt)
            draft.write(exported.data)
            draft.flush()
            os.replace(place, output)
        finally:
            place.unlink(missing_ok=True)
    return exported
