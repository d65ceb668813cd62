"""``manage.py match_receipt RECEIPT.json``: asks for an identifier and matches it with a receipt and the ledger."""

import json
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app import acknowledgement
from requests_app.errors import Refused


class Command(BaseCommand):
    """The identifier is asked for, or read from a pipe, so that it is in no list of processes and no history."""

    help = "Match an identifier with a person's receipt, also after the person was forgotten."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("receipt", type=Path, help="the receipt as JSON")

    def handle(self, *args: Any, receipt: Path, **options: Any) -> None:
        try:
            lines = json.loads(receipt.read_bytes())["entries"]
            wanted = [(str(line["entry"]), str(line["kind"]), str(line["salt"])) for line in lines]
        except OSError as error:
            raise CommandError(f"The receipt cannot be read: {error.strerror}. Check the path.") from None
        except (ValueError, KeyError, TypeError):
            raise CommandError(
                "This is no receipt of the portal. Use the JSON file that the person was given."
            ) from None
        value = getpass("The identifier: ")
        for entry, kind, salt in wanted:
            try:
                found = acknowledgement.match(entry=entry, salt=salt, kind=kind, value=value)
            except Refused:
                continue
            requests = ", ".join(request.reference for request in found.requests)
            gone = f" The person was forgotten on {found.forgotten_at:%Y-%m-%d}." if found.forgotten_at else ""
            self.stdout.write(self.style.SUCCESS(f"It matches entry {found.number}. Requests: {requests}.{gone}"))
            return
        raise CommandError("The identifier fits no entry of this receipt. Check both.")
