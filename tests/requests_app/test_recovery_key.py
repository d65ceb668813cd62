"""A signing key that is lost within the year ends its log, and not the ledger."""

import json
import shutil
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from requests_app import audit, audit_check, audit_export, folder_check, publisher, recovery, sequencer, signing_keys
from requests_app.models import LedgerIndex, LedgerLog
from tests import story
from tests.requests_app.test_publisher import leaves, published, refused, tamper, write
from tests.requests_app.test_recovery import restore

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def june(clock):
    clock.move_to(NOON)


def lose_the_key(name="2026"):
    signing_keys.file_of(name).unlink()


def sound(directory):
    verdict = audit.verify()
    assert verdict.ok, verdict.faults
    publisher.require_sound()
    assert audit_check.faults_of_folder(directory) == []


def test_the_next_log_begins_with_how_the_old_one_ended(ledger_directory):
    write(300)
    ended = publisher.publish()
    lose_the_key()
    write(4)
    refused("no_ledger_key", publisher.publish)
    opened = recovery.open_next_log()
    assert publisher.publish().log == opened
    old, new = LedgerLog.objects.order_by("first_seq")
    assert (old.name, new.name, new.year, new.first_seq) == ("2026", "2026b", 2026, 300)
    assert old.vkey != new.vkey
    first = json.loads(leaves()[300])
    assert first["type"] == "log.opened"
    assert first["facts"] == {
        "previous": str(old.pk), "size": 300, "root": bytes(ended.root).hex(), "reason": "key_lost",
    }  # fmt: skip
    assert (published(ledger_directory).size, published(ledger_directory, "2026b").size) == (300, 5)
    sound(ledger_directory)


def test_what_was_numbered_without_a_signature_follows_in_the_new_log(ledger_directory):
    write(3)
    publisher.publish()
    lose_the_key()
    since = write(2)
    sequencer.drain()
    assert [LedgerIndex.objects.get(leaf=leaf).seq for leaf in since] == [3, 4]
    recovery.open_next_log()
    publisher.publish()
    assert [LedgerIndex.objects.get(leaf=leaf).seq for leaf in since] == [4, 5]
    assert publisher.is_published(since[1].pk)
    sound(ledger_directory)


def test_a_key_that_is_there_is_not_replaced():
    write(3)
    publisher.publish()
    refused("key_is_there", recovery.open_next_log)
    assert LedgerLog.objects.count() == 1


def test_a_key_that_somebody_else_may_read_is_not_lost(monkeypatch):
    write(3)
    publisher.publish()

    def forbidden(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(signing_keys.Path, "read_bytes", forbidden)
    refused("not_for_this_user", recovery.open_next_log)


@pytest.mark.parametrize("content", [b"", b"no key"])
def test_a_damaged_key_and_another_one_are_lost_too(content, ledger_directory):
    write(3)
    publisher.publish()
    signing_keys.file_of("2026").write_bytes(content)
    recovery.open_next_log()
    assert signing_keys.file_of("2026").read_bytes() == content, "no file is overwritten"
    publisher.publish()
    sound(ledger_directory)


def test_a_wrong_key_that_was_noted_is_mended_by_it(ledger_directory):
    write(3)
    publisher.publish()
    lose_the_key()
    signing_keys.load_or_make(signing_keys.file_of("2026"))
    write(1)
    refused("ledger_mismatch", publisher.publish)
    assert "--new-key" in publisher.fault()
    recovery.open_next_log()
    publisher.publish()
    assert publisher.fault() == ""
    sound(ledger_directory)


def test_a_past_that_does_not_hold_is_not_sealed():
    entry = write(5)[2]
    publisher.publish()
    lose_the_key()
    key = LedgerIndex.objects.get(leaf=entry).seq
    tamper("UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = (SELECT leaf_id FROM requests_app_ledgerindex"
           " WHERE seq = %s)", b"{}", key)  # fmt: skip
    assert refused("ledger_mismatch", recovery.open_next_log).fault == "root"
    assert not signing_keys.file_of("2026b").exists()


def test_a_database_that_is_older_than_what_was_published_is_not_sealed():
    write(3)
    publisher.publish()
    write(3)
    publisher.publish()
    restore(3)
    lose_the_key()
    refused("ledger_mismatch", recovery.open_next_log)


def test_before_anything_is_published_there_is_no_key_to_lose():
    write(1)
    refused("nothing_published", recovery.open_next_log)


def test_it_can_happen_again_and_the_year_still_turns(clock, ledger_directory):
    write(3)
    publisher.publish()
    for name in ("2026", "2026b"):
        lose_the_key(name)
        recovery.open_next_log()
        publisher.publish()
    clock.move_to(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    write(2)
    publisher.publish()
    assert [log.name for log in LedgerLog.objects.order_by("first_seq")] == ["2026", "2026b", "2026c", "2027"]
    sound(ledger_directory)


def test_a_key_that_is_missed_after_the_turn_of_the_year_opens_the_new_year(clock, ledger_directory):
    write(3)
    publisher.publish()
    lose_the_key()
    clock.move_to(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    write(2)
    refused("no_ledger_key", publisher.publish)
    assert recovery.open_next_log().name == "2027"
    publisher.publish()
    sound(ledger_directory)


def test_a_folder_for_auditors_holds_both_logs(tmp_path, staff, validator):
    request = story.validated(staff, validator)
    publisher.publish()
    lose_the_key()
    recovery.open_next_log()
    story.received(staff)
    publisher.publish()
    audit_export.export(tmp_path / "out", reference=request.reference)
    logs = folder_check.logs_in(tmp_path / "out")
    assert [log.directory.name for log in logs] == ["2026", "2026b"]
    assert folder_check.faults_in(tmp_path / "out", logs) == []
    shutil.copy(tmp_path / "out/2026b/vkey", tmp_path / "out/2026/vkey")
    assert folder_check.faults_in(tmp_path / "out", folder_check.logs_in(tmp_path / "out"))


def test_a_backup_from_before_the_loss_is_brought_up_to_both_logs(ledger_directory):
    write(10)
    publisher.publish()
    lose_the_key()
    write(2)
    sequencer.drain()
    recovery.open_next_log()
    write(3)
    publisher.publish()
    before = leaves()
    restore(8)
    recovery.recover(ledger_directory)
    assert leaves() == before
    assert LedgerLog.objects.get(first_seq=10).name == "2026b"
    publisher.publish()
    sound(ledger_directory)


def test_the_command_says_what_to_keep_and_whom_to_tell(ledger_directory):
    write(3)
    publisher.publish()
    with pytest.raises(CommandError, match="is there and fits"):
        call_command("recover_ledger", "--new-key")
    lose_the_key()
    out = StringIO()
    call_command("recover_ledger", "--new-key", stdout=out)
    assert str(signing_keys.file_of("2026b")) in out.getvalue()
    assert signing_keys.own("2026b").fingerprint in out.getvalue()


@pytest.mark.parametrize("words", [[], ["somewhere", "--new-key"]])
def test_the_command_asks_for_one_thing(words):
    with pytest.raises(CommandError, match="or say --new-key"):
        call_command("recover_ledger", *words)
