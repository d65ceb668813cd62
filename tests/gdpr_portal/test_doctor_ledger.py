"""What `manage.py doctor` finds about the ledger's key, its folder and its witness."""

import shutil
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from content_app import witnessing
from content_app.management.commands import pick_up
from gdpr_portal import health
from gdpr_portal.doctor import ledger, machinery
from requests_app import publisher
from requests_app.errors import Refused
from tests.gdpr_portal.doctor_story import levels, said
from tests.requests_app.test_publisher import write
from tests.requests_app.test_signed_note import KEY, cosignature

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(clock, ledger_directory):
    """One entry, published; the key's file."""
    write(1)
    year = publisher.publish().log.year
    return ledger_directory.with_name(f"{ledger_directory.name}-keys") / f"{year}.pem"


@pytest.fixture
def witnessed(settings, clock, published):
    """A witness is set; its signature under the newest checkpoint."""
    checkpoint = publisher.latest()
    witness, line = cosignature(checkpoint.note)
    settings.PORTAL_WITNESS_URL, settings.PORTAL_WITNESS_VKEY = "https://witness.test", str(witness)
    return lambda: publisher.add_cosignature(checkpoint, line, witness=witness)


def test_a_portal_without_entries_has_nothing_to_find():
    for check in (ledger.is_sound, ledger.key_is_kept_well, ledger.is_published_elsewhere):
        assert levels(check) == []


def test_a_ledger_that_fits_and_one_that_does_not(published, ledger_directory):
    assert levels(ledger.is_sound) == ["ok"]
    file = next(ledger_directory.glob("*/checkpoint"))
    file.write_text(file.read_text().replace("\n1\n", "\n2\n"))
    with pytest.raises(Refused):
        publisher.publish()
    assert levels(ledger.is_sound) == ["fail"]
    assert "not signed by this log's key" in said(ledger.is_sound)


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_where_the_folder_should_be_is_one_sentence_everywhere(
    settings, caplog, ledger_directory, below, monkeypatch
):
    monkeypatch.setattr(pick_up, "close_old_connections", lambda: None)  # the test's own is to go on
    write(1)
    publisher.publish()
    shutil.rmtree(ledger_directory)
    (entry,) = write(1)
    ledger_directory.write_text("no folder")
    settings.PORTAL_LEDGER_DIR = ledger_directory / below
    words = f"PORTAL_LEDGER_DIR needs a folder, and {ledger_directory} is none. Move that away, or name another folder."
    assert levels(ledger.is_sound) == ["fail"]
    assert f"{words} Then run manage.py sequence_ledger." in said(ledger.is_sound)
    assert levels(ledger.is_published_elsewhere) == []
    assert levels(machinery.forgetting_holds) == ["ok"]
    assert ("ledger", False, words) in [(look.what, look.well, look.says) for look in health.looks()]
    assert pick_up.Command()._round(beat=True, sweep=True)
    assert f"the ledger is not published: {words}" in caplog.messages
    with pytest.raises(CommandError, match="needs a folder"):
        call_command("sequence_ledger")
    with pytest.raises(Refused, match="needs a folder"):
        witnessing.require_published(entry)
    call_command("pick_up", stdout=StringIO())
    ledger_directory.unlink()
    call_command("sequence_ledger", stdout=StringIO())
    assert levels(ledger.is_sound) == ["ok"]


def test_the_keys_mode_and_owner_are_told(published):
    assert levels(ledger.key_is_kept_well) == ["ok"]
    assert f"mode 600, owner {published.owner()}" in said(ledger.key_is_kept_well)
    published.chmod(0o640)
    assert levels(ledger.key_is_kept_well) == ["fail"]
    assert "mode 640" in said(ledger.key_is_kept_well)
    published.chmod(0o600)
    published.parent.chmod(0o777)
    assert levels(ledger.key_is_kept_well) == ["fail"]
    shutil.rmtree(published.parent)
    assert levels(ledger.key_is_kept_well) == ["warn"]


def test_a_key_among_what_is_published_is_found(published, settings):
    settings.PORTAL_LEDGER_KEYS_DIR = settings.PORTAL_LEDGER_DIR / "keys"
    shutil.copytree(published.parent, settings.PORTAL_LEDGER_KEYS_DIR)
    assert levels(ledger.key_is_kept_well) == ["fail", "ok"]


def test_the_same_file_system_is_warned_of(published, settings):
    settings.VAR_DIR = published.parent
    assert levels(ledger.is_published_elsewhere) == ["warn"]
    settings.VAR_DIR = "/proc"
    assert levels(ledger.is_published_elsewhere) == ["ok"]


def test_without_a_witness_there_is_a_notice_that_stays(published):
    assert levels(ledger.witness_signs) == ["warn"]
    assert "No independent witness" in said(ledger.witness_signs)


@pytest.mark.parametrize(
    ("url", "vkey", "level"),
    [
        ("https://witness.test", "", "fail"),
        ("", str(KEY), "fail"),
        ("https://witness.test", "nothing", "fail"),
        ("https://witness.test", str(KEY), "fail"),
        ("http://witness.test", str(cosignature("a\n1\nb\n\n— c ZA==\n")[0]), "warn"),
    ],
)
def test_a_witness_that_cannot_be_used_is_found(settings, url, vkey, level):
    settings.PORTAL_WITNESS_URL, settings.PORTAL_WITNESS_VKEY, settings.DEMO = url, vkey, False
    assert levels(ledger.witness_signs)[0] == level


def test_a_witness_that_signs_is_fine_and_a_silent_one_is_found(clock, witnessed):
    assert levels(ledger.witness_signs) == ["ok"], "it has had a moment only"
    clock.shift(timedelta(minutes=4))
    assert levels(ledger.witness_signs) == ["fail"]
    assert "it has never signed" in said(ledger.witness_signs)
    witnessed()
    assert levels(ledger.witness_signs) == ["ok"]
    write(1)
    publisher.publish()
    assert levels(ledger.witness_signs) == ["ok"]
    clock.move_to(datetime(2026, 3, 2, 10, 0, tzinfo=UTC))
    write(1)
    publisher.publish()
    assert levels(ledger.witness_signs) == ["fail"], "though the newest checkpoint is fresh"
    assert "its last signature is of 2026-03-02 09:04 UTC" in said(ledger.witness_signs)
