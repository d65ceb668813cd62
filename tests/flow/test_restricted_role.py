"""A role that owns nothing and may change nothing that is append-only carries a request from the call to the report."""

from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from requests_app import audit
from tests.flow.conftest import approve, freeze, run
from tests.flow.test_erasure import held

pytestmark = pytest.mark.django_db(transaction=True)


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
        cursor.execute("DROP ROLE IF EXISTS portal_test_role")
        cursor.execute("CREATE ROLE portal_test_role")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO portal_test_role")
        cursor.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO portal_test_role")
        call_command("restrict_role", "portal_test_role", verbosity=0)
        cursor.execute("SET ROLE portal_test_role")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY portal_test_role")
            cursor.execute("DROP ROLE portal_test_role")


@pytest.mark.postgresql
def test_the_whole_path_works_and_nothing_that_happened_can_be_changed(
    centre, connect, take, staff, supervisor, settings
):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    with serving():
        request = take(subject)
        run()
        approve(request, freeze(request, staff), supervisor)
        run()
        request.refresh_from_db()
        assert request.state == "verified"
        assert audit.verify().ok
        for table in append_only():
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
                    cursor.execute(statement)
    assert held(centre, subject["guids"]) == {}


@pytest.mark.postgresql
def test_a_role_that_is_not_there_is_named():
    with pytest.raises(CommandError, match="There is no role nobody_here"):
        call_command("restrict_role", "nobody_here")


@pytest.mark.sqlite
def test_sqlite_has_no_roles():
    with pytest.raises(CommandError, match="SQLite has no roles"):
        call_command("restrict_role", "portal")
