"""The disk: what a database keeps of deleted rows goes, and what a role may not do is named."""

import io
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from requests_app import disk
from requests_app.models import KekEpoch
from tests import traces

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def serving():
    """As a role that owns nothing."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE portal_vacuum_role")
        cursor.execute("SET ROLE portal_vacuum_role")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE portal_vacuum_role")


def test_whoever_owns_the_database_may_do_all_of_it():
    assert disk.vacuum() == []
    said = io.StringIO()
    call_command("vacuum_forgotten", stdout=said, stderr=said)
    assert "may not" not in said.getvalue()


@pytest.mark.postgresql
def test_a_role_that_owns_nothing_is_told_what_it_may_not_do():
    with serving():
        refused = disk.vacuum()
        said = io.StringIO()
        call_command("vacuum_forgotten", stdout=io.StringIO(), stderr=said)
    assert "VACUUM (FULL, ANALYZE) requests_app_identifier" in refused
    assert "VACUUM (FULL) pg_catalog.pg_statistic" in refused
    assert "SELECT pg_switch_wal()" in refused
    assert "CHECKPOINT" in refused
    assert "pg_statistic" in said.getvalue()


@pytest.mark.sqlite
def test_the_log_is_emptied():
    KekEpoch.objects.create(id=7)
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    assert log in traces.database_files()
    assert log.stat().st_size > 0
    disk.truncate_log()
    assert log.stat().st_size == 0
