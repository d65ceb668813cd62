"""A role that owns nothing and may change nothing that is append-only carries a request from the call to the report."""

from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from requests_app import audit, publisher

pytestmark = pytest.mark.django_db


def append_only():
    """Every table that a migration declares so."""
    found = set()
    for label in ("requests_app", "content_app"):
        package = import_module(f"{label}.migrations")
        for module in iter_modules(package.__path__):
            found |= set(getattr(import_module(f"{package.__name__}.{module.name}"), "APPEND_ONLY", ()))
    return found


@contextmanager
def serving():
    """As the role of ``docs/operations.md``, restricted."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE portal_test_role")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO portal_test_role")
        cursor.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO portal_test_role")
        call_command("restrict_role", "portal_test_role", verbosity=0)
        cursor.execute("SET ROLE portal_test_role")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")


@pytest.mark.postgresql
def test_the_whole_path_works_and_nothing_that_happened_can_be_changed(system, centre, rooms, supervisor):
    centre.hold("a", "voicemail", "transcript")
    connection.check_constraints()
    with serving():
        request = rooms.approved()
        rooms.executed(request)
        rooms.read_back(request)
        publisher.publish()
        assert audit.verify().ok
        for table in append_only():
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    connection.cursor().execute(statement)
    assert centre.held == {}


@pytest.mark.postgresql
def test_a_role_that_is_not_there_is_named():
    with pytest.raises(CommandError, match="There is no role nobody_here"):
        call_command("restrict_role", "nobody_here")


@pytest.mark.sqlite
def test_sqlite_has_no_roles():
    with pytest.raises(CommandError, match="SQLite has no roles"):
        call_command("restrict_role", "portal")
