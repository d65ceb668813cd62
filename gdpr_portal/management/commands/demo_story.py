"""``manage.py demo_story``: plays the demo's story in an empty portal, under ``DEMO=1`` only."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gdpr_portal import demo_story, demo_waits

#: What waits for whom, for ``make demo`` to print: a line each, the user name before the tabulator.
WAITS = settings.VAR_DIR / "waits.txt"


class Command(BaseCommand):
    """Where there are requests already it adds none; only what waits is written down anew."""

    help = "Play the demo's story: invented requests in every state. Needs DEMO=1 and a running sandbox."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The story fills the portal with invented people. It is told under DEMO=1 only.")
        count = demo_story.tell()
        WAITS.write_text("".join(f"{username}\t{what}\n" for username, what in demo_waits.gather()))
        self.stdout.write(f"{count} requests.")
