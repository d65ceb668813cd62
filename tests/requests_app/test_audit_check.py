"""The rows against what has left the database."""

import shutil
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from requests_app import audit_check, audit_export, publisher, signed_note
from requests_app.models import LedgerLog
from tests.requests_app.test_publisher import tamper, write
from tests.requests_app.test_signed_note import OTHER

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported(tmp_path):
    """Ten entries, published and exported, then five more."""
    write(10)
    publisher.publish()
    audit_export.export(tmp_path / "old")
    write(5)
    publisher.publish()
    return tmp_path / "old"


def verify(*options):
    said, faults = StringIO(), StringIO()
    try:
        call_command("verify_audit", *map(str, options), stdout=said, stderr=faults)
    except CommandError as error:
        return f"{faults.getvalue()}{error}"
    return ""


def test_rows_fit_what_is_published_and_what_left_the_house(exported, ledger_directory):
    year = next(exported.glob("*/checkpoint")).parent
    assert verify("--folder", "--older", exported) == ""
    assert verify("--folder", exported, "--older", year / "checkpoint") == ""


def test_a_published_folder_that_tells_something_else_is_found(exported, ledger_directory):
    file = next(ledger_directory.glob("*/checkpoint"))
    good = file.read_text()
    file.write_text(good.replace("\n15\n", "\n14\n"))
    assert "No signature" in verify("--folder")
    file.write_text(good)
    assert verify("--folder") == ""
    shutil.rmtree(ledger_directory)
    assert "holds no log" in verify("--folder")
    assert "is not in the folder" in verify("--folder")


def test_rows_that_were_rewritten_are_found_by_what_left_before(exported):
    """Whoever holds the database and the key rewrites everything that is stored, hash and number too."""
    tamper("DELETE FROM requests_app_checkpoint")
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq = 14")
    tamper(
        "UPDATE requests_app_ledgerindex SET leaf_id = (SELECT id FROM requests_app_ledgerleaf WHERE id NOT IN"
        " (SELECT leaf_id FROM requests_app_ledgerindex) LIMIT 1) WHERE seq = 3"
    )
    assert verify() == "", "in themselves the rows hold"
    assert "was rewritten" in verify("--older", exported)
    assert "entry 3 is another one than the portal's" in verify("--folder", exported)


def test_rows_that_are_fewer_are_found(exported):
    tamper("DELETE FROM requests_app_checkpoint")
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq > 7")
    assert "rolled back" in verify("--older", exported)
    assert "the portal holds 8 entries, the folder 10" in verify("--folder", exported)


def test_a_folder_of_another_portal_is_none_of_ours(exported):
    log = LedgerLog.objects.get()
    tamper("UPDATE requests_app_ledgerlog SET origin = %s", "other.test/audit/2026")
    assert audit_check.faults_of_folder(exported) == [
        f"{log.year}: the portal knows no log with this key", "other.test/audit/2026 is not in the folder"
    ]  # fmt: skip
    assert "there is no log" in audit_check.faults_since(exported)[0]


def test_a_folder_under_another_key_is_none_of_ours(exported):
    """The same name, the same entries; somebody else's key."""
    log = LedgerLog.objects.get()
    tamper("UPDATE requests_app_ledgerlog SET vkey = %s", str(signed_note.verifier_key(log.origin, OTHER)))
    assert audit_check.faults_of_folder(exported) == [f"{log.year}: the portal knows no log with this key"]
    assert "another key" in audit_check.faults_since(exported)[0]


def test_a_file_that_cannot_be_read_is_said(exported, tmp_path):
    assert "cannot be read" in verify("--older", tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "cannot be read" in verify("--older", tmp_path / "binary")
    (tmp_path / "empty").mkdir()
    assert "holds no checkpoint" in verify("--older", tmp_path / "empty")
