"""A ledger that went on under a new key: outsiders accept both logs, and notice a chain that is cut."""

import shutil
from datetime import UTC, datetime

import pytest

from requests_app import audit_export, publisher, recovery, signing_keys
from tests import story
from tests.outsiders import tools
from tests.requests_app.test_publisher import write

pytestmark = [pytest.mark.django_db, tools.strangers]


@pytest.fixture
def folders(clock, staff, tmp_path):
    """(a folder from before the loss, one from after it)."""
    clock.move_to(datetime(2026, 6, 1, 12, tzinfo=UTC))
    story.received(staff)
    publisher.publish()
    audit_export.export(tmp_path / "older")
    write(300)
    publisher.publish()
    signing_keys.file_of("2026").unlink()
    recovery.open_next_log()
    request = story.received(staff)
    publisher.publish()
    audit_export.export(tmp_path / "out", reference=request.reference)
    return tmp_path / "older", tmp_path / "out"


def test_they_accept_both_logs_and_what_grew_from_the_older_folder(folders):
    older, out = folders
    done = tools.go(out, older)
    assert done.returncode == 0, done.stderr
    assert "proofs hold" in done.stdout
    for name in ("2026", "2026b"):
        done = tools.audit_tiles(out / name, (out / name / "vkey").read_text().strip())
        assert done.returncode == 0, done.stderr


def test_they_notice_a_log_that_does_not_follow_the_one_before(folders):
    older, out = folders
    shutil.rmtree(out / "2026")
    shutil.copytree(older / "2026", out / "2026")
    done = tools.go(out)
    assert done.returncode == 1
    assert "names another end of the log before it" in done.stderr
