"""What `manage.py doctor` finds about settings, cache, storage and uploads, good and bad."""

from datetime import datetime
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone

from content_app.reporting import certificate
from gdpr_portal.doctor import deployment, uploads
from requests_app.models import Evidence, KekEpoch
from tests import certificates, clamd, factories
from tests.gdpr_portal.doctor_story import levels, said

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
