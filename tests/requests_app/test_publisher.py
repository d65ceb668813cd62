"""The published ledger: it fits the stored one, grows only, and stops everything irreversible when it does not fit."""

import base64
import os
import shutil
import stat
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from requests_app import audit, publisher, sequencer, signed_note, signing_keys, tlog
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerIndex, LedgerLog
from requests_app.signed_note import Head, VerifierKey
from tests.guards_aside import guards_aside
from tests.requests_app.test_signed_note import cosignature
from tests.requests_app.test_tlog import mth, verify_consistency, verify_inclusion

pytestmark = pytest.mark.django_db


def write(count):
    """So many entries, committed."""
    with transaction.atomic():
        return [audit.append("system.stopped", actor=audit.SETUP, about=uuid7()) for _ in range(count)]


def leaves():
    return [bytes(leaf) for leaf in LedgerIndex.objects.order_by("seq").values_list("leaf__leaf", flat=True)]


def published(directory, year=None):
    """What an outsider reads: (head, tiles' root), both from files alone."""
    log = directory / str(year or datetime.now(UTC).year)
    key = VerifierKey.parse((log / "vkey").read_text())
    return signed_note.opened((log / "checkpoint").read_text(), key)


def refused(code, act, *args):
    with pytest.raises(Refused) as refusal:
        act(*args)
    assert refusal.value.code == code
    return refusal.value


def tamper(statement, *parameters):
    connection.check_constraints()  # PostgreSQL alters no table while a foreign key of this transaction is unchecked
    with guards_aside(connection), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        connection.check_constraints()


def test_an_empty_ledger_publishes_nothing(ledger_directory):
    assert publisher.publish() is None
    assert not ledger_directory.exists()


def test_what_is_published_is_what_is_stored(ledger_directory):
    for count in (1, 5, 250, 3, 300):
        write(count)
        checkpoint = publisher.publish()
        root = mth([tlog.leaf_hash(leaf) for leaf in leaves()])
        head = published(ledger_directory)
        assert (head.size, head.root) == (checkpoint.size, bytes(checkpoint.root)) == (len(leaves()), root)
    log = ledger_directory / str(checkpoint.log.year)
    first, second = (log / "tile/entries/000").read_bytes(), (log / "tile/entries/001").read_bytes()
    assert tlog.unbundle(first) + tlog.unbundle(second) == leaves()[:512]
    assert not (log / "tile/0/000.p").exists(), "what led up to a full tile is gone"


def test_publishing_again_signs_nothing_new():
    write(3)
    assert publisher.publish() == publisher.publish()
    assert Checkpoint.objects.count() == 1


def test_two_checkpoints_are_consistent():
    write(100)
    old = publisher.publish()
    write(200)
    new = publisher.publish()
    path = publisher.consistency(new.log, old.size, new.size)
    assert verify_consistency(old.size, new.size, path, bytes(old.root), bytes(new.root))


def test_a_proof_convinces_an_outsider():
    entries = write(300)
    publisher.publish()
    seq = LedgerIndex.objects.get(leaf=entries[123]).seq
    opening, index, *path = publisher.proof(seq).partition("\n\n")[0].split("\n")
    head = Head.parse(publisher.proof(seq).partition("\n\n")[2])
    assert (opening, index) == ("c2sp.org/tlog-proof@v1", f"index {seq}")
    from_base64 = [base64.b64decode(one) for one in path]
    assert verify_inclusion(tlog.leaf_hash(bytes(entries[123].leaf)), seq, head.size, from_base64, head.root)


def test_an_entry_that_nothing_covers_has_no_proof():
    write(2)
    publisher.publish()
    later = write(1)[0]
    assert not publisher.is_published(later.pk)
    refused("not_published", publisher.proof, 2)
    publisher.publish()
    assert publisher.is_published(later.pk)


def test_the_key_is_for_its_owner_alone_and_never_in_the_database(settings):
    write(1)
    publisher.publish()
    (key,) = settings.PORTAL_LEDGER_KEYS_DIR.iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_a_process_without_the_key_signs_nothing(settings):
    write(1)
    publisher.publish()
    shutil.rmtree(settings.PORTAL_LEDGER_KEYS_DIR)
    write(1)
    refused("no_ledger_key", publisher.publish)
    assert publisher.fault() == "", "another process may have it"
    assert Checkpoint.objects.count() == 1


def test_another_key_is_a_mismatch(settings):
    write(1)
    publisher.publish()
    shutil.rmtree(settings.PORTAL_LEDGER_KEYS_DIR)
    signing_keys.load_or_make(signing_keys.file_of(str(datetime.now(UTC).year)))
    write(1)
    assert refused("ledger_mismatch", publisher.publish).fault == "key"
    refused("ledger_mismatch", publisher.require_sound)


def test_a_changed_entry_is_a_mismatch_at_the_start():
    write(5)
    publisher.publish()
    tamper("UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = (SELECT leaf_id FROM requests_app_ledgerindex"
           " WHERE seq = 2)", b"{}")  # fmt: skip
    refused("ledger_mismatch", publisher.check_from_rows)
    assert "changed the past" in publisher.fault()
    assert any("checkpoint 5" in one for one in audit.verify().faults)


def test_a_database_that_is_shorter_than_what_was_published_stops(ledger_directory):
    write(5)
    publisher.publish()
    tamper("DELETE FROM requests_app_checkpoint")
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq > 2")
    tamper("DELETE FROM requests_app_ledgerqueue")
    assert refused("ledger_mismatch", publisher.publish).fault == "shorter"
    assert published(ledger_directory).size == 5, "what was published stays"


def test_missing_entries_under_a_known_checkpoint_stop_too():
    write(5)
    publisher.publish()
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq = 4")
    assert any("over more entries" in one for one in audit.verify().faults)
    assert refused("ledger_mismatch", publisher.publish).fault == "shorter"
    sequencer.repair()  # finds the leaf without a number, and it gets its old one back: nothing is lost
    publisher.publish()
    assert audit.verify().ok


def test_a_published_fork_is_a_mismatch(ledger_directory):
    write(5)
    checkpoint = publisher.publish()
    key = signing_keys.load(signing_keys.file_of(checkpoint.log.name))
    fork = signed_note.sign(str(Head(checkpoint.log.origin, 5, b"x" * 32)), name=checkpoint.log.origin, private=key)
    (ledger_directory / str(checkpoint.log.year) / "checkpoint").write_text(fork)
    assert refused("ledger_mismatch", publisher.publish).fault == "fork"


def test_a_foreign_checkpoint_is_a_mismatch(ledger_directory):
    write(5)
    checkpoint = publisher.publish()
    file = ledger_directory / str(checkpoint.log.year) / "checkpoint"
    file.write_text(file.read_text().replace("\n5\n", "\n4\n"))
    assert refused("ledger_mismatch", publisher.publish).fault == "checkpoint"


def test_a_mended_ledger_is_published_again(ledger_directory):
    write(5)
    file = ledger_directory / str(publisher.publish().log.year) / "checkpoint"
    good = file.read_text()
    file.write_text(good.replace("\n5\n", "\n4\n"))
    refused("ledger_mismatch", publisher.publish)
    file.write_text(good)
    publisher.publish()
    publisher.require_sound()


def test_lost_tiles_are_written_again(ledger_directory):
    write(300)
    publisher.publish()
    shutil.rmtree(ledger_directory)
    write(1)
    assert publisher.publish().size == 301
    assert published(ledger_directory).root == mth([tlog.leaf_hash(leaf) for leaf in leaves()])


def test_a_crash_between_the_signature_and_its_file_costs_nothing(ledger_directory, monkeypatch):
    write(3)
    with monkeypatch.context() as crash:
        crash.setattr(publisher, "_show", lambda log: (_ for _ in ()).throw(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            publisher.publish()
    publisher.publish()
    assert published(ledger_directory).size == 3
    assert Checkpoint.objects.count() == 1


def test_a_new_year_is_a_new_log_that_says_how_the_old_one_ended(clock, ledger_directory):
    clock.move_to(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    write(10)
    publisher.publish()
    write(2)
    clock.move_to(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    newest = publisher.publish()
    old, new = LedgerLog.objects.order_by("first_seq")
    assert (old.year, new.year, new.first_seq) == (2026, 2027, 12)
    assert (published(ledger_directory, 2026).size, published(ledger_directory, 2027).size) == (12, 1)
    assert f'"root":"{published(ledger_directory, 2026).root.hex()}"'.encode() in leaves()[12]
    assert newest.log == new
    assert old.vkey != new.vkey
    write(5)
    publisher.publish()
    verdict = audit.verify()
    assert verdict.ok, verdict.faults
    assert (verdict.size, verdict.checkpoints) == (18, 4)
    assert "index 3\n" in publisher.proof(15)
    assert "index 3\n" in publisher.proof(3)


def test_with_a_witness_only_what_it_signed_counts(settings, ledger_directory):
    entry = write(1)[0]
    checkpoint = publisher.publish()
    witness, line = cosignature(checkpoint.note)
    settings.PORTAL_WITNESS_VKEY = str(witness)
    assert not publisher.is_published(entry.pk)
    with pytest.raises(signed_note.BadNote):
        publisher.add_cosignature(checkpoint, cosignature("other\n1\nAAAA\n\n— x AAAA\n")[1], witness=witness)
    publisher.add_cosignature(checkpoint, line, witness=witness)
    publisher.add_cosignature(checkpoint, line, witness=witness)
    assert publisher.is_published(entry.pk)
    shown = (ledger_directory / str(checkpoint.log.year) / "checkpoint").read_text()
    assert signed_note.verify(shown, witness)
    assert publisher.proof(0).endswith(line)


def test_a_file_that_is_half_written_is_never_seen(ledger_directory, monkeypatch):
    write(3)
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        publisher.publish()
    assert not [one for one in ledger_directory.rglob("*") if one.is_file() and not one.name.startswith(".")]
    assert not Checkpoint.objects.exists()


def test_checkpoints_and_logs_cannot_be_changed():
    write(1)
    publisher.publish()
    for table in ("checkpoint", "ledgerlog"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM requests_app_{table}")


def test_a_changed_entry_stays_noted_until_the_entries_are_right_again():
    entry = write(5)[2]
    publisher.publish()
    good = bytes(entry.leaf)
    change = "UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = (SELECT leaf_id FROM requests_app_ledgerindex"
    tamper(f"{change} WHERE seq = 2)", b"{}")
    refused("ledger_mismatch", publisher.check_from_rows)
    for _ in range(2):
        assert refused("ledger_mismatch", publisher.publish).fault == "root"
    tamper(f"{change} WHERE seq = 2)", good)
    publisher.check_from_rows()
    publisher.require_sound()
    publisher.publish()
