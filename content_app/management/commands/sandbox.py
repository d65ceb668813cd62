"""`manage.py sandbox vcc`: start the sandbox contact centre.

In: options. Out: a server in this process, until it is told to end.
Never here: anything but parsing; the sandbox knows nothing of Django.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from content_app.sandbox.server import add_arguments, serve
from content_app.sandbox.settings import Settings


class Command(BaseCommand):
    help = "Start a stand-in contact centre on 127.0.0.1 and print its address once it answers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        serve(Settings.chosen(options))
