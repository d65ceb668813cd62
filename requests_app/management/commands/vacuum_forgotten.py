"""``manage.py vacuum_forgotten``: rewrites the tables, so that nothing of what was deleted stays in the files."""

from typing import Any

from django.core.management.base import BaseCommand

from requests_app import disk


class Command(BaseCommand):
    """Locks each table while it is rewritten. As the role that owns the tables: docs/retention.md."""

    help = "Rewrite the database's files without the rows that were deleted."

    def handle(self, *args: Any, **options: Any) -> None:
        refused = disk.vacuum()
        for statement in refused:
            self.stderr.write(self.style.WARNING(f"This role may not: {statement}. Let the database's administrator."))
        self.stdout.write("Every table is rewritten. Backups and archived logs end by their own term.")
