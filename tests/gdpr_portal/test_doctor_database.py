"""What `manage.py doctor` finds about the database: whether it keeps what it was told, its guards, its clock."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from gdpr_portal import doctor
from gdpr_portal.doctor import database
from tests.gdpr_portal.doctor_story import levels, said

# --- database --------------------------------------------------------------------------------------------------------


def test_a_database_that_answers_says_its_version(db):
    assert "answers" in said(database.is_reachable)
    assert "fail" not in levels(database.is_reachable)


def test_sqlite_in_a_deployment_is_worth_a_word(db, settings):
    settings.DEMO = False
    expected = ["ok"] if connection.vendor == "postgresql" else ["ok", "warn"]
    assert levels(database.is_reachable) == expected
    settings.DEMO = True
    assert levels(database.is_reachable) == ["ok"]


def test_a_database_that_is_away_is_one_finding_and_no_traceback(db, monkeypatch):
    def away(question):
        raise OperationalError("could not translate host name")

    monkeypatch.setattr(database, "_value", away)
    findings = list(doctor.examine())
    assert findings[-2].check == "database"
    assert findings[-1].says.startswith("Not examined without a database: database, migrations, guards")
    assert "translate" not in str(findings)


_SQLITE = {"synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "journal_mode": "wal"}


@pytest.mark.parametrize("loose", [None, *_SQLITE])
def test_a_sqlite_that_forgets_commits_is_found(monkeypatch, loose):
    told = _SQLITE | ({loose: "0"} if loose else {})
    monkeypatch.setattr(database, "_value", lambda question: told[question.removeprefix("PRAGMA ")])
    assert levels(database._sqlite_is_durable) == ["fail" if loose else "ok"]


_POSTGRESQL = {"SHOW fsync": "on", "SHOW synchronous_commit": "on", "SHOW full_page_writes": "on"}


@pytest.mark.parametrize("loose", [None, *_POSTGRESQL])
def test_a_postgresql_that_forgets_commits_is_found(monkeypatch, loose):
    told = _POSTGRESQL | ({loose: "off"} if loose else {})
    monkeypatch.setattr(database, "_value", lambda question: told.get(question, "False"))
    assert levels(database._postgresql_is_durable) == ["fail" if loose else "ok"]


def test_a_role_over_the_guards_and_a_pool_are_found(monkeypatch, settings):
    monkeypatch.setattr(database, "_value", lambda question: _POSTGRESQL.get(question, "True"))
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {"pool": True})
    assert levels(database._postgresql_is_durable) == ["ok", "fail", "warn"]


def test_a_role_over_the_guards_is_found_on_postgresql(db):
    if connection.vendor != "postgresql":
        return  # SQLite has no roles
    assert "could drop the guards" in said(database.is_durable)


def test_migrations_that_are_missing_are_found(db, monkeypatch):
    assert levels(database.migrations_are_applied) == ["ok"]
    plan = [("a migration", False)]
    monkeypatch.setattr(database.MigrationExecutor, "migration_plan", lambda self, targets: plan)
    assert levels(database.migrations_are_applied) == ["fail"]


def test_a_dropped_guard_is_found(db):
    assert levels(database.guards_are_present) == ["ok"]
    table = " ON requests_app_ledgerleaf" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER guard_requests_app_ledgerleaf_delete{table}")
    assert "guard_requests_app_ledgerleaf_delete" in said(database.guards_are_present)


def test_a_disabled_guard_is_found_on_postgresql(db):
    if connection.vendor != "postgresql":
        return  # SQLite has no way to disable one
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE requests_app_ledgerleaf DISABLE TRIGGER guard_requests_app_ledgerleaf_delete")
    assert levels(database.guards_are_present) == ["fail"]


def test_clocks_that_disagree_are_found(db, monkeypatch):
    assert levels(database.clocks_agree) == ["ok"]
    monkeypatch.setattr("requests_app.clock.now", lambda: timezone.now() - timedelta(seconds=9))
    assert "9 seconds apart" in said(database.clocks_agree)
