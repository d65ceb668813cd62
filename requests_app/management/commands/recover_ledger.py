"""``manage.py recover_ledger DIR | --new-key``: mends the ledger after a restore, or after its key was lost."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app import forgotten_list, recovery, signing_keys
from requests_app.errors import Refused
from requests_app.ledger_types import TYPES
from requests_app.recovery import Recovered
from requests_app.signed_note import VerifierKey


class Command(BaseCommand):
    """Run it before the worker and the loop are started. Keep what it prints: it says what people must do again."""

    help = (
        "Take the entries that a restored database has lost back from the published log, and say what is lost. "
        "With --new-key: go on under a new key where the one of this log is lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory", type=Path, nargs="?", help="the published log, or a copy: a folder for each log"
        )
        parser.add_argument(
            "--new-key", action="store_true", help="the key is lost: end its log, and open the next one under a new key"
        )

    def handle(self, *args: Any, directory: Path | None, new_key: bool, **options: Any) -> None:
        if new_key == bool(directory):
            raise CommandError(
                "Name the directory of the published log, or say --new-key. First the one, then the other."
            )
        if directory:
            self._take_back(directory)
        else:
            self._go_on_without_the_key()

    def _go_on_without_the_key(self) -> None:
        try:
            log = recovery.open_next_log()
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"{log} is open. Its key is {signing_keys.file_of(log.name)}: back it up apart, now.")
        self.stdout.write(
            f"Name the fingerprint of the key to your auditors: {VerifierKey.parse(log.vkey).fingerprint}"
        )
        self.stdout.write(
            "A witness must be told of the new log, too. The ledger goes on once the loop has published it."
        )

    def _take_back(self, directory: Path) -> None:
        try:
            found = recovery.recover(directory)
        except Refused as refused:
            raise CommandError(refused.message) from None
        if not found.root:
            self.stdout.write("Nothing is missing: the database has everything that this copy has.")
        else:
            self._tell(found)
        if forgotten_list.path().exists():
            self.stdout.write("Now forget again whom the portal had forgotten: run manage.py replay_erasures.")

    def _tell(self, found: Recovered) -> None:
        self.stdout.write(f"{found.entries} entries taken back; the newest log has {found.size}.")
        if found.renumbered:
            self.stdout.write(f"{found.renumbered} that were written since the restore follow under new numbers.")
        self._list("Requests to be taken in again", found.of(*recovery.RECEIVED), "right", "channel", "received_at")
        self._list("Approvals to be given again", found.of("approval.given"), "plan")
        self._list(
            "Deletions that have happened. The portal looks before each act and finds this already gone",
            found.deletions(), "plan", "deleted", "already_gone",
        )  # fmt: skip
        self.stdout.write("Everything that is lost, by what it was:")
        for name, count in sorted(found.counts.items()):
            title = TYPES[name].title if name in TYPES else name
            self.stdout.write(f"  {count:6}  {title}")
        self.stdout.write(self.style.SUCCESS("The ledger goes on once the loop has published it."))

    def _list(self, heading: str, entries: list[dict[str, Any]], *facts: str) -> None:
        if not entries:
            return
        self.stdout.write(f"{heading}:")
        for body in entries:
            told = ", ".join(f"{name} {body['facts'][name]}" for name in facts if name in body["facts"])
            self.stdout.write(f"  request {body['object']} at {body['at']}: {told}")
