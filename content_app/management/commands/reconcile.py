"""``manage.py reconcile [--request REF]``: compares what was intended, what came of it, and what the ledger has."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from content_app import reconciliation
from content_app.reconciliation import Account
from requests_app.models import Request


class Command(BaseCommand):
    """Ends with an error when anything does not fit."""

    help = "Compare intents, results and receipts, of one request or of all, and name every difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--request", metavar="REF", help="one request, by its reference DSR-XXXX-XXXX")

    def handle(self, *args: Any, request: str | None, **options: Any) -> None:
        accounts, strangers = _of(request) if request else (reconciliation.everything(), reconciliation.strangers())
        seen = intents = receipts = faults = 0
        for account in accounts:
            seen, intents, receipts = seen + 1, intents + account.intents, receipts + account.receipts
            faults += account.faults
            for difference in account.differences:
                style = self.style.ERROR if difference.fault else self.style.WARNING
                self.stdout.write(style(f"{account.request.reference}: {difference.words}"))
        for stranger in strangers:
            faults += 1
            self.stdout.write(self.style.ERROR(stranger.words))
        self.stdout.write(f"{seen} requests, {intents} intents, {receipts} receipts, {faults} differences.")
        if faults:
            raise CommandError("The accounts do not agree. Stop deletions, and look at each difference.")


def _of(reference: str) -> tuple[Iterable[Account], Iterable[reconciliation.Difference]]:
    found = Request.objects.filter(reference=reference.strip().upper()).first()
    if found is None:
        raise CommandError(f"There is no request {reference}. A reference looks like DSR-7K2M-9QXA.")
    return [reconciliation.of(found.pk)], []
