"""``manage.py replay_erasures``: after a restore, forgets again everybody whom the portal had forgotten."""

from typing import Any

from django.core.management.base import BaseCommand

from content_app import oblivion
from requests_app import forgotten_list


class Command(BaseCommand):
    """Until it ran, the portal shows one page, and the workers do nothing."""

    help = "Forget again, after a restore, everybody on the list of forgotten people."

    def handle(self, *args: Any, **options: Any) -> None:
        replayed = oblivion.replay()
        self.stdout.write(
            f"{replayed.subjects} people forgotten again, {replayed.files} files deleted. The list is "
            f"{forgotten_list.path()}."
        )
