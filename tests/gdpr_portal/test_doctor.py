"""What `manage.py doctor` finds, each finding once as it should be and once as it should not."""

import base64
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from content_app import systems
from content_app.models import Heartbeat
from content_app.reporting import certificate
from gdpr_portal import doctor
from gdpr_portal.doctor import database, deployment, key_rings, machinery, people, uploads
from requests_app import audit, keys, publisher, sequencer
from requests_app.models import Evidence, Identifier, KekEpoch, LedgerIndex, SubjectKey
from tests import certificates, clamd, factories
from tests.sandbox import CLIENT_ID, CLIENT_SECRET

SECRET = base64.b64encode(b"z" * 32).decode()


def levels(check):
    return [finding.level for finding in check()]


def said(check):
    return " ".join(f"{finding.says} {finding.do}" for finding in check())


@pytest.fixture
def rings(settings):
    """``rings(keks, index)`` is another environment's keys."""

    def put(keks=None, index=None):
        settings.PORTAL_KEKS = settings.PORTAL_KEKS if keks is None else keks
        settings.PORTAL_INDEX_KEYS = settings.PORTAL_INDEX_KEYS if index is None else index
        keys.key_encryption_keys.cache_clear()
        keys.index_keys.cache_clear()

    yield put
    keys.key_encryption_keys.cache_clear()
    keys.index_keys.cache_clear()


@pytest.fixture
def deployed(settings, tmp_path):
    """Settings as a deployment has them."""
    settings.DEMO = settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["portal.example"]
    settings.BEHIND_TLS = settings.PORTAL_RATE_LIMIT = True
    settings.PORTAL_APPROVAL_DELAY_HOURS = 12
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path / "static", [tmp_path / "sources"]
    return settings


# --- settings, cache, storage ----------------------------------------------------------------------------------------


def test_a_deployments_settings_are_fine(deployed):
    assert levels(deployment.settings_are_safe) == ["ok"]


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("DEBUG", True, "fail"),
        ("DEMO", True, "warn"),
        ("ALLOWED_HOSTS", ["*"], "fail"),
        ("ALLOWED_HOSTS", ["localhost"], "warn"),
        ("BEHIND_TLS", False, "fail"),
        ("PORTAL_RATE_LIMIT", False, "fail"),
        ("PORTAL_APPROVAL_DELAY_HOURS", 0, "warn"),
    ],
)
def test_a_setting_that_weakens_the_portal_is_found(deployed, name, value, level):
    setattr(deployed, name, value)
    assert level in levels(deployment.settings_are_safe)


def test_a_certificate_that_readers_may_know_is_fine():
    assert levels(deployment.reports_are_signed) == ["ok"]
    assert certificate.known().fingerprint in said(deployment.reports_are_signed)


def test_a_self_made_certificate_is_warned_of(settings, tmp_path):
    settings.PORTAL_REPORT_CERTIFICATE, settings.VAR_DIR = "", tmp_path
    assert levels(deployment.reports_are_signed) == ["warn"]
    assert not list(tmp_path.iterdir()), "the doctor looks and makes nothing"
    made = certificate.to_sign_with()
    assert levels(deployment.reports_are_signed) == ["warn"]
    assert made.fingerprint in said(deployment.reports_are_signed)


@pytest.mark.parametrize(
    ("holds", "expected"),
    [({"until": "2026-03-02"}, "warn"), ({"until": "2026-02-01"}, "fail"), ({"since": "2026-04-01"}, "fail")],
)
def test_a_certificate_that_ends_or_is_over_is_found(settings, tmp_path, holds, expected):
    moments = {name: datetime.fromisoformat(f"{day}T00:00:00+00:00") for name, day in holds.items()}
    settings.PORTAL_REPORT_CERTIFICATE_PASSWORD = ""
    settings.PORTAL_REPORT_CERTIFICATE = certificates.write(tmp_path / "one.p12", **moments)
    with time_machine.travel("2026-02-20"):
        assert levels(deployment.reports_are_signed) == [expected, "ok"]


def test_a_certificate_that_cannot_be_read_is_a_failure(settings, tmp_path):
    settings.PORTAL_REPORT_CERTIFICATE = str(tmp_path / "none.p12")
    assert levels(deployment.reports_are_signed) == ["fail"]


def test_a_cache_of_files_serves_all_processes(settings, tmp_path):
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}
    assert levels(deployment.cache_is_shared) == ["ok"]


def test_a_cache_in_one_process_is_found(settings):
    assert levels(deployment.cache_is_shared) == ["fail"]


def test_a_cache_that_keeps_nothing_is_found(settings, monkeypatch):
    forgetful = SimpleNamespace(set=lambda *a, **k: None, get=lambda name: None, delete=lambda name: None)
    settings.CACHES = {"default": {"BACKEND": "some.shared.Cache"}}
    monkeypatch.setattr(deployment, "cache", forgetful)
    assert levels(deployment.cache_is_shared) == ["fail"]


@pytest.fixture
def evidence_at(monkeypatch, deployed):
    def put(place):
        monkeypatch.setattr(deployment, "default_storage", SimpleNamespace(location=str(place)))
        return place

    return put


def test_a_private_folder_for_evidence_is_fine(db, evidence_at, tmp_path):
    place = evidence_at(tmp_path / "evidence")
    assert levels(deployment.evidence_is_kept_well) == ["ok"]
    place.mkdir(mode=0o700)
    assert levels(deployment.evidence_is_kept_well) == ["ok"]


def test_an_open_folder_for_evidence_is_found(db, evidence_at, tmp_path):
    evidence_at(tmp_path / "evidence").mkdir()
    (tmp_path / "evidence").chmod(0o755)
    assert levels(deployment.evidence_is_kept_well) == ["fail", "ok"]


def test_evidence_where_a_web_server_looks_is_found(db, evidence_at, tmp_path):
    evidence_at(tmp_path / "static" / "evidence").mkdir(parents=True, mode=0o700)
    assert "static files" in said(deployment.evidence_is_kept_well)


def test_a_folder_that_cannot_be_made_or_written_is_found(db, evidence_at, monkeypatch, tmp_path):
    evidence_at(tmp_path / "no" / "such" / "place")
    assert levels(deployment.evidence_is_kept_well) == ["fail"]

    def full(**kwargs):
        raise OSError(28, "No space left on device")

    evidence_at(tmp_path / "evidence").mkdir(mode=0o700)
    monkeypatch.setattr(deployment.tempfile, "TemporaryFile", full)
    assert levels(deployment.evidence_is_kept_well) == ["fail"]


def test_a_document_without_its_file_is_found(db, evidence_at, tmp_path):
    evidence_at(tmp_path / "evidence").mkdir(mode=0o700)
    epoch, _ = KekEpoch.objects.get_or_create(id=1)
    request = factories.RequestFactory()
    Evidence.objects.create(
        request=request, kind="identity", file="gone.bin", media_type="image/png", size=1, sha256="0" * 64,
        wrapped_file_key=b"x", epoch=epoch, added_by=request.opened_by,
    )  # fmt: skip
    assert "1 of the 1 newest documents have no file" in said(deployment.evidence_is_kept_well)


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_documents_are_decoded_under_locks():
    assert levels(uploads.files_are_decoded_apart) == ["ok"]


@pytest.mark.parametrize("held", [(), ("limits", "account"), ("calls", "files", "network", "account")])
def test_a_missing_lock_is_named(held, monkeypatch):
    monkeypatch.setattr(uploads.process, "locks", lambda: held)
    assert levels(uploads.files_are_decoded_apart) == ["warn"]
    assert ("seccomp" in said(uploads.files_are_decoded_apart).split("Run the portal")[0]) is ("calls" not in held)


def test_locks_that_a_host_does_not_offer_are_named_though_the_others_hold(monkeypatch):
    monkeypatch.setattr(uploads.process, "locks", lambda: ("limits", "account", "calls"))
    assert levels(uploads.files_are_decoded_apart) == ["ok"]
    assert "Landlock" in said(uploads.files_are_decoded_apart)


def test_a_host_on_which_nothing_is_decoded_is_found(monkeypatch):
    monkeypatch.setattr(uploads.process, "DECODE", "raise SystemExit")
    monkeypatch.setattr(uploads.process, "_ROOT", "/nowhere")
    assert levels(uploads.files_are_decoded_apart) == ["fail"]


def test_a_deployment_without_a_virus_scanner_is_worth_a_word(deployed):
    deployed.PORTAL_CLAMD = ""
    assert levels(uploads.files_are_scanned) == ["warn"]
    deployed.DEMO = True
    assert levels(uploads.files_are_scanned) == ["ok"]


def test_a_virus_scanner_that_does_not_answer_is_found(settings):
    settings.PORTAL_CLAMD = "/no/such/socket"
    assert levels(uploads.files_are_scanned) == ["fail"]


@pytest.mark.needs("clamd")
def test_a_real_virus_scanner_is_asked_about_a_page_a_virus_and_a_locked_archive(settings, tmp_path, monkeypatch):
    with clamd.running(tmp_path / "clamd") as settings.PORTAL_CLAMD:
        assert "does not say how old" in said(uploads.files_are_scanned)
    monkeypatch.setattr(clamd, "SETTINGS", clamd.SETTINGS.replace("AlertEncrypted yes", "AlertEncrypted no"))
    with clamd.running(tmp_path / "lenient") as settings.PORTAL_CLAMD:
        assert "AlertEncrypted" in said(uploads.files_are_scanned)


@pytest.mark.parametrize(
    ("verdicts", "version", "level"),
    [
        (("", "evidence_infected", "evidence_unscannable"), "ClamAV 1.4.6/27500/{now}", ["ok"]),
        (("", "evidence_infected", "evidence_unscannable"), "ClamAV 1.4.6/27500/Mon Nov 23 08:24:00 2020", ["warn"]),
        (("", "evidence_infected", "evidence_unscannable"), "ClamAV 1.4.6", ["warn"]),
        (("", "evidence_infected", "evidence_unscannable"), "", ["warn"]),
        (("", "evidence_infected", ""), "ClamAV 1.4.6/27500/{now}", ["warn", "ok"]),
        (("", "", ""), "ClamAV 1.4.6/27500/{now}", ["fail"]),
        (("evidence_infected", "evidence_infected", "evidence_infected"), "", ["fail"]),
        (("evidence_unscanned",) * 3, "", ["fail"]),
    ],
)
def test_a_virus_scanner_is_judged_by_what_it_says(verdicts, version, level, settings, monkeypatch):
    settings.PORTAL_CLAMD = "somewhere:3310"
    told = version.format(now=timezone.now().strftime("%a %b %d %H:%M:%S %Y"))
    answers = dict(zip((uploads._PAGE, b"".join(uploads._VIRUS), uploads._LOCKED), verdicts, strict=True))
    monkeypatch.setattr(uploads, "_verdict", answers.__getitem__)
    monkeypatch.setattr(uploads.virus_scan, "ask", lambda command: told.encode())
    assert levels(uploads.files_are_scanned) == level


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
    monkeypatch.setattr("content_app.clock.now", lambda: timezone.now() - timedelta(seconds=9))
    assert "9 seconds apart" in said(database.clocks_agree)


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keks", [[], ["1"], ["1:short"], ["one:" + SECRET]])
def test_a_ring_that_cannot_be_read_is_found(rings, keks):
    rings(keks=keks)
    assert levels(key_rings.rings_parse) == ["fail"]


def test_rings_that_share_a_key_are_found(rings):
    assert levels(key_rings.rings_parse) == ["ok"]
    rings(keks=["1:" + SECRET], index=["1:" + SECRET])
    assert levels(key_rings.rings_parse) == ["fail", "ok"]


@pytest.fixture
def sealed(db):
    subject = factories.DataSubjectFactory()
    factories.identifier(subject, "phone", "+441632960001")
    return subject


def test_keys_that_open_everything_are_fine(sealed):
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]


def test_a_lost_epoch_is_found(sealed, rings):
    rings(keks=["2:" + SECRET])
    assert "lacks the keys of epochs in use: 1." in said(key_rings.rings_open_what_is_stored)


def test_a_destroyed_epoch_that_nothing_needs_may_be_missing(sealed, rings):
    rings(keks=["2:" + SECRET])
    SubjectKey.objects.update(wrapped=None, destroyed_at=timezone.now())
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]


def test_another_key_under_the_same_number_is_found(sealed, rings):
    rings(keks=["1:" + SECRET])
    assert "does not open what epoch 1 sealed" in said(key_rings.rings_open_what_is_stored)


def test_a_lost_index_key_is_found(sealed):
    Identifier.objects.update(index_key_id=7)
    assert "PORTAL_INDEX_KEYS lacks keys in use: 7." in said(key_rings.rings_open_what_is_stored)


def test_the_epoch_of_a_second_factor_is_missed_too(db, rings, staff):
    Authenticator.objects.create(user=staff, type="totp", data={"secret": keys.seal_setting("mfa", "secret")})
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]
    rings(keks=["2:" + SECRET])
    assert "epochs in use: 1." in said(key_rings.rings_open_what_is_stored)


# --- worker, loop, ledger --------------------------------------------------------------------------------------------


def test_hearts_that_never_beat_are_found(db):
    assert levels(machinery.heart_beats) == ["fail", "fail", "ok"]


@pytest.mark.parametrize(("age", "told"), [(10, "ok ok ok"), (65, "fail ok ok"), (305, "fail fail ok")])
def test_a_heart_that_stands_still_is_found(db, age, told):
    for part in Heartbeat.Part.values:
        factories.heartbeat(part, ago=timedelta(seconds=age))
    assert levels(machinery.heart_beats) == told.split()


def leaf_from(ago):
    with time_machine.travel(timezone.now() - ago):
        return audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")


def test_an_entry_that_waits_for_its_number_is_found(transactional_db):
    assert levels(machinery.ledger_is_numbered) == ["ok"]
    with transaction.atomic():
        leaf_from(timedelta(minutes=2))
    assert levels(machinery.ledger_is_numbered) == ["fail"]
    sequencer.drain()
    assert levels(machinery.ledger_is_numbered) == ["ok"]


def test_a_missing_number_is_found(db):
    first = audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")
    LedgerIndex.objects.create(seq=1, leaf=first)
    assert "Numbers are missing" in said(machinery.ledger_is_numbered)


def test_a_ledger_that_is_not_published_is_found(transactional_db):
    assert levels(machinery.ledger_is_published) == []
    with transaction.atomic():
        leaf_from(timedelta(minutes=2))
    sequencer.drain()
    assert levels(machinery.ledger_is_published) == ["fail"]
    publisher.publish()
    assert levels(machinery.ledger_is_published) == []


# --- connectors ------------------------------------------------------------------------------------------------------


@pytest.fixture
def connected(monkeypatch, settings, sandbox, db):
    settings.DEMO = True
    system = factories.SystemFactory(gateway_url=sandbox.url, auth_url=sandbox.url)
    monkeypatch.setenv(f"{system.credential}_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", CLIENT_SECRET)
    return system


def test_a_system_that_answers_says_whether_it_deletes(connected):
    assert levels(machinery.connectors_work) == ["ok"]
    assert "in shadow mode" in said(machinery.connectors_work)


def test_no_system_at_all_is_worth_a_word(db):
    assert levels(machinery.connectors_work) == ["warn"]


def test_a_system_without_its_variables_is_found(connected, monkeypatch):
    monkeypatch.delenv(f"{connected.credential}_CLIENT_SECRET")
    assert f"Set {connected.credential}_CLIENT_SECRET" in said(machinery.connectors_work)


def test_wrong_credentials_are_found_with_what_to_do(connected, monkeypatch):
    monkeypatch.setenv(f"{connected.credential}_CLIENT_SECRET", "wrong")
    assert levels(machinery.connectors_work) == ["fail"]
    assert "Check client id and secret" in said(machinery.connectors_work)
    assert "wrong" not in said(machinery.connectors_work)


@pytest.mark.parametrize(("shadow", "level"), [(True, "warn"), (False, "fail")])
def test_credentials_that_may_not_delete_matter_once_deletion_is_enabled(
    connected, monkeypatch, administrator, supervisor, shadow, level
):
    if not shadow:
        type(connected).objects.update(shadow=False, enable_proposed_by=administrator, enable_confirmed_by=supervisor)
    monkeypatch.setenv(f"{connected.credential}_CLIENT_ID", "sandbox-supervisor")
    monkeypatch.setenv(f"{connected.credential}_CLIENT_SECRET", "sandbox-supervisor-secret")
    assert set(levels(machinery.connectors_work)) == {level}


def test_a_stopped_system_is_not_asked(connected, monkeypatch):
    type(connected).objects.update(stopped=True)
    monkeypatch.setattr(systems, "connected", None)
    assert levels(machinery.connectors_work) == ["warn"]


def test_an_address_without_tls_is_found_in_a_deployment(connected, settings):
    settings.DEMO = False
    assert "not https" in said(machinery.connectors_work)


def test_a_kind_that_nobody_speaks_to_is_found(connected):
    type(connected).objects.update(kind="crm")
    assert levels(machinery.connectors_work) == ["fail"]


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_full_cast_is_fine(agent, staff, supervisor, second_supervisor, auditor, administrator, privacy_manager, dpo):
    assert levels(people.roles_are_filled) == levels(people.four_eyes_are_there) == ["ok"]
    assert levels(people.superusers_are_known) == ["ok"]


def test_empty_roles_are_named(staff, supervisor):
    assert "Nobody has the role of agent, auditor, administrator" in said(people.roles_are_filled)


def test_without_anyone_who_approves_nothing_can_be_done(staff, administrator):
    assert levels(people.four_eyes_are_there)[0] == "fail"


def test_one_approver_alone_is_worth_a_word(supervisor, administrator):
    assert levels(people.four_eyes_are_there) == ["warn"]


def test_an_approver_who_makes_accounts_is_no_second_person(administrator):
    administrator.groups.add(*factories.Group.objects.filter(name="supervisor"))
    assert levels(people.four_eyes_are_there)[0] == "fail"


def test_a_superuser_is_no_approver_and_is_worth_a_word(superuser):
    assert levels(people.four_eyes_are_there)[0] == "fail"
    assert levels(people.superusers_are_known) == ["warn"]


def test_an_account_that_is_switched_off_fills_no_role(supervisor):
    type(supervisor).objects.update(is_active=False)
    assert levels(people.four_eyes_are_there)[0] == "fail"


# --- the command -----------------------------------------------------------------------------------------------------


def run(**options):
    out = StringIO()
    try:
        call_command("doctor", stdout=out, **options)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_it_ends_with_one_when_anything_fails_and_says_what_to_do(db):
    code, text = run()
    assert code == 1
    assert "→ Start manage.py qcluster" in text


def test_a_warning_alone_ends_with_nought(monkeypatch):
    one = doctor.Finding("people", "warn", "Something.", "Look at it.")
    monkeypatch.setattr(doctor, "examine", lambda: iter([one]))
    assert run()[0] == 0


def test_every_finding_has_an_advice_exactly_when_something_is_to_be_done(db):
    code, text = run(json=True)
    told = json.loads(text)
    assert (told["version"], told["ok"], code) == (1, False, 1)
    assert told["findings"]
    for finding in told["findings"]:
        assert set(finding) == {"check", "level", "says", "do"}
        assert finding["level"] in {"ok", "warn", "fail"}
        assert bool(finding["do"]) == (finding["level"] != "ok")


def test_what_breaks_under_a_check_is_a_finding(db, monkeypatch):
    def burst():
        raise LookupError("+441632960001")
        yield

    monkeypatch.setattr(doctor, "_WITH_DATABASE", (("guards", burst),))
    last = list(doctor.examine())[-1]
    assert (last.check, last.level) == ("guards", "fail")
    assert "LookupError" in last.says
    assert "960001" not in str(last)


def test_it_reads_and_changes_nothing(sealed):
    before = (sealed.keys.count(), Heartbeat.objects.count(), os.listdir(deployment.settings.VAR_DIR))
    run()
    assert before == (sealed.keys.count(), Heartbeat.objects.count(), os.listdir(deployment.settings.VAR_DIR))


def test_a_missing_variable_is_a_sentence_too():
    bare = {"PATH": os.environ["PATH"]}
    told = subprocess.run(
        [sys.executable, "manage.py", "doctor"], env=bare, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == "Set the PORTAL_SECRET_KEY environment variable. See docs/configuration.md.\n"
