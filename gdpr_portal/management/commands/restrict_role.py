"""``manage.py restrict_role ROLE``: takes from the role that serves what nobody needs on append-only tables."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

#: Each append-only table has a guard against TRUNCATE, and no other table has.
_APPEND_ONLY = """
    SELECT tgrelid::regclass::text FROM pg_trigger
    WHERE NOT tgisinternal AND starts_with(tgname, 'guard_') AND tgname LIKE '%\\_truncate' ORDER BY 1
"""


class Command(BaseCommand):
    """Run it as the tables' owner, after every ``migrate``."""

    help = "PostgreSQL: revoke UPDATE, DELETE and TRUNCATE on every append-only table from a role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles. Its guards are triggers alone.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                raise CommandError(f"There is no role {role}. Create it first (docs/operations.md).")
            cursor.execute(_APPEND_ONLY)
            tables = [table for (table,) in cursor.fetchall()]
            for table in tables:
                cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {connection.ops.quote_name(role)}")
        self.stdout.write(f"{role} may read and add, and change nothing, in {len(tables)} tables.")
