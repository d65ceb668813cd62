"""After a restore: the missing entries come back as they were signed, and nothing else comes in."""

import json
import shutil
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from requests_app import audit, publisher, recovery, sequencer, signed_note, tlog
from requests_app.models import Checkpoint, Cosignature, LedgerIndex, LedgerLeaf, LedgerLog
from tests import story
from tests.requests_app.test_publisher import leaves, published, refused, tamper, write
from tests.requests_app.test_signed_note import cosignature

pytestmark = pytest.mark.django_db


@pytest.fixture
def off_site(ledger_directory, tmp_path):
    """``off_site()`` is a copy of what is published now."""

    def copied():
        return shutil.copytree(ledger_directory, tmp_path / uuid7().hex)

    return copied


def restore(size, *, numbered=None):
    """As if the database had been restored from when it had so many entries, so many of which had their number."""
    numbered = size if numbered is None else numbered
    tamper("DELETE FROM requests_app_cosignature")
    tamper("DELETE FROM requests_app_checkpoint WHERE size > %s OR log_id IN (SELECT id FROM requests_app_ledgerlog"
           " WHERE first_seq >= %s)", numbered, max(size, 1))  # fmt: skip
    tamper("DELETE FROM requests_app_ledgerlog WHERE first_seq >= %s", max(size, 1))
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq >= %s", size)
    tamper("DELETE FROM requests_app_ledgerqueue")
    tamper("DELETE FROM requests_app_ledgerpayload WHERE leaf_id NOT IN"
           " (SELECT leaf_id FROM requests_app_ledgerindex)")  # fmt: skip
    tamper("DELETE FROM requests_app_ledgerleaf WHERE id NOT IN (SELECT leaf_id FROM requests_app_ledgerindex)")
    tamper("DELETE FROM requests_app_ledgerindex WHERE seq >= %s", numbered)


def sound():
    verdict = audit.verify()
    assert verdict.ok, verdict.faults
    publisher.require_sound()


def entry():
    return json.loads(bytes(LedgerLeaf.objects.get(type="ledger.recovered").leaf))


def test_what_the_backup_does_not_know_comes_back_as_it_was_signed(ledger_directory):
    write(300)
    publisher.publish()
    write(300)
    last = publisher.publish()
    before = leaves()
    restore(300)
    assert refused("ledger_mismatch", publisher.publish).fault == "shorter"
    found = recovery.recover(ledger_directory)
    assert (found.entries, found.renumbered, found.counts) == (300, 0, {"system.stopped": 300})
    assert leaves()[:600] == before
    assert publisher.publish().size == 601
    sound()
    assert entry()["facts"] == {
        "size": 600, "root": bytes(last.root).hex(), "entries": 300, "renumbered": 0, "requests": 0, "approvals": 0,
        "deletions": 0,
    }  # fmt: skip
    assert LedgerIndex.objects.get(leaf__type="ledger.recovered").seq == 600


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511])
def test_a_backup_of_any_size_is_brought_up_to_the_copy(ledger_directory, size):
    write(max(size, 1))
    publisher.publish()
    write(520)
    publisher.publish()
    before = leaves()
    restore(size)
    recovery.recover(ledger_directory)
    assert leaves() == before
    publisher.publish()
    sound()


def test_what_was_written_since_the_restore_follows_under_new_numbers(ledger_directory):
    write(5)
    publisher.publish()
    write(5)
    publisher.publish()
    before = leaves()
    restore(5)
    since = write(3)
    sequencer.drain()  # before anybody noticed
    waiting = write(1)
    assert [LedgerIndex.objects.get(leaf=one).seq for one in since] == [5, 6, 7]
    assert recovery.recover(ledger_directory).renumbered == 3
    publisher.publish()
    assert leaves()[:10] == before
    follow = [bytes(one.leaf) for one in (*since, *waiting)]
    assert leaves()[10:14] == follow
    assert LedgerIndex.objects.get(leaf__type="ledger.recovered").seq == 14
    sound()


def test_the_numbers_are_guarded_again_afterwards(ledger_directory):
    test_what_was_written_since_the_restore_follows_under_new_numbers(ledger_directory)
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        LedgerIndex.objects.filter(seq=14).delete()


def test_an_entry_that_waited_in_the_backup_gets_its_old_number_and_is_not_lost(ledger_directory):
    write(5)
    publisher.publish()
    write(4)
    publisher.publish()
    before = leaves()
    restore(7, numbered=5)
    assert recovery.recover(ledger_directory).entries == 2
    assert leaves() == before
    publisher.publish()
    sound()


def test_an_entry_that_waited_and_was_numbered_differently_since_gets_its_old_number(ledger_directory):
    first, second = write(2)
    sequencer.drain()
    write(2)
    publisher.publish()
    before = leaves()
    restore(2, numbered=0)
    with transaction.atomic():
        sequencer.hold()
        sequencer.number(second)  # the other way round
        sequencer.number(first)
    assert recovery.recover(ledger_directory).renumbered == 2
    publisher.publish()
    assert leaves()[:4] == before
    sound()


def test_numbers_that_were_signed_are_never_taken_back(ledger_directory, off_site):
    write(5)
    publisher.publish()
    write(5)
    publisher.publish()
    copy = off_site()
    restore(5)
    shutil.rmtree(ledger_directory)  # nobody noticed: there was nothing to compare with
    write(2)
    publisher.publish()
    before = leaves()
    assert "another past" in refused("other_past", recovery.recover, copy).message
    assert leaves() == before
    with transaction.atomic():
        refused("signed", sequencer.take_back, 4)


def test_a_log_of_somebody_else_is_refused(ledger_directory, off_site):
    write(5)
    publisher.publish()
    copy = off_site()
    checkpoint = copy / str(datetime.now(UTC).year) / "checkpoint"
    text = checkpoint.read_text().partition("\n\n")[0]
    from_stranger = signed_note.sign(
        f"{text}\n", name=text.partition("\n")[0], private=signed_note.Ed25519PrivateKey.generate()
    )
    checkpoint.write_text(from_stranger)
    restore(2)
    refused("checkpoint", recovery.recover, copy)
    refused("no_copy", recovery.recover, copy / "nowhere")
    assert LedgerIndex.objects.count() == 2


@pytest.mark.parametrize("tile", ["entries/000", "entries/001.p/144", "0/000", "0/001.p/144", "1/000.p/1"])
@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
def test_a_damaged_copy_is_refused_and_nothing_is_taken(off_site, tile, harm):
    write(400)
    publisher.publish()
    file = off_site() / str(datetime.now(UTC).year) / "tile" / tile
    directory = next(one for one in file.parents if one.name.isdecimal() and len(one.name) == 4).parent
    restore(100)
    data = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-1] if harm == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    refused("damaged", recovery.recover, directory)
    assert LedgerIndex.objects.count() == 100


def test_a_copy_older_than_what_is_published_is_refused(ledger_directory, off_site):
    write(5)
    publisher.publish()
    copy = off_site()
    write(5)
    publisher.publish()
    restore(3)
    refused("old_copy", recovery.recover, copy)
    assert recovery.recover(ledger_directory).entries == 7


def test_when_the_published_log_is_lost_it_is_written_again_from_the_copy(ledger_directory, off_site):
    write(300)
    publisher.publish()
    copy = off_site()
    shutil.rmtree(ledger_directory)
    restore(100)
    recovery.recover(copy)
    publisher.publish()
    assert published(ledger_directory).root == tlog.tree_hash(tlog.leaf_hash(one) for one in leaves())
    sound()


def test_a_second_run_finds_nothing_missing(ledger_directory):
    write(5)
    publisher.publish()
    restore(2)
    recovery.recover(ledger_directory)
    assert not recovery.recover(ledger_directory).root
    assert LedgerLeaf.objects.filter(type="ledger.recovered").count() == 1


def test_a_crash_in_the_middle_takes_nothing(ledger_directory, monkeypatch):
    write(600)
    publisher.publish()
    restore(100)
    with monkeypatch.context() as crash:
        crash.setattr(recovery, "_keep_checkpoint", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recovery.recover(ledger_directory)
    assert (LedgerIndex.objects.count(), Checkpoint.objects.count()) == (100, 0)
    assert recovery.recover(ledger_directory).entries == 500


def test_a_year_that_began_after_the_backup_comes_back_with_its_log(clock, ledger_directory):
    clock.move_to(datetime(2026, 12, 31, 12, tzinfo=UTC))
    write(10)
    publisher.publish()
    clock.move_to(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    write(5)
    publisher.publish()
    before, log = leaves(), LedgerLog.objects.get(year=2027)
    restore(8)
    assert not LedgerLog.objects.filter(year=2027).exists()
    recovery.recover(ledger_directory)
    assert leaves() == before
    again = LedgerLog.objects.get(year=2027)
    assert (again.pk, again.vkey, again.first_seq) == (log.pk, log.vkey, log.first_seq)
    publisher.publish()
    sound()


def test_a_year_whose_log_before_is_missing_is_refused(clock, ledger_directory):
    clock.move_to(datetime(2026, 12, 31, 12, tzinfo=UTC))
    write(10)
    publisher.publish()
    clock.move_to(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    write(5)
    publisher.publish()
    restore(8)
    shutil.rmtree(ledger_directory / "2026")
    refused("gap", recovery.recover, ledger_directory)


def test_what_the_witness_signed_comes_back(settings, ledger_directory):
    write(3)
    checkpoint = publisher.publish()
    witness, line = cosignature(checkpoint.note)
    settings.PORTAL_WITNESS_VKEY = str(witness)
    publisher.add_cosignature(checkpoint, line, witness=witness)
    restore(1)
    recovery.recover(ledger_directory)
    assert Cosignature.objects.get().line == line
    assert publisher.latest().note == checkpoint.note


def test_the_command_says_what_people_must_do_again(ledger_directory, staff):
    write(1)
    publisher.publish()
    before = LedgerIndex.objects.count()
    request = story.received(staff)
    plan, step = uuid7(), uuid7()
    with transaction.atomic():
        audit.append("approval.given", actor=staff, about=request, plan=plan, digest="a" * 64)
        for deleted in (2, 0):
            audit.append(
                "deletion.receipt", actor=audit.WORKER, about=request, plan=plan, step=step, fence=1, status="done",
                deleted=deleted, already_gone=0, failed=1, probed=0, digest="b" * 64,
            )  # fmt: skip
    publisher.publish()
    restore(before)
    out = StringIO()
    call_command("recover_ledger", str(ledger_directory), stdout=out)
    told = out.getvalue()
    assert f"request {request.pk} at " in told
    assert "right erasure, channel phone" in told
    assert told.count(f"plan {plan}") == 2, "the approval, and the one receipt that says something is gone"
    assert "Ines" not in told
    facts = entry()["facts"]
    assert (facts["requests"], facts["approvals"], facts["deletions"]) == (1, 1, 1)
    assert "replay_erasures" not in told
    (ledger_directory / "forgotten.jsonl").write_text("{}\n")
    out = StringIO()
    call_command("recover_ledger", str(ledger_directory), stdout=out)
    assert "Nothing is missing" in out.getvalue()
    assert "replay_erasures" in out.getvalue()
    with pytest.raises(CommandError, match="no published log"):
        call_command("recover_ledger", str(ledger_directory / "nowhere"))


def test_an_entry_that_waited_and_was_changed_since_is_another_past(ledger_directory):
    write(5)
    publisher.publish()
    changed = write(2)[1]
    publisher.publish()
    restore(7, numbered=5)
    key = changed.pk if connection.vendor == "postgresql" else changed.pk.hex
    tamper("UPDATE requests_app_ledgerleaf SET leaf = %s WHERE id = %s", b"{}", key)
    refused("other_past", recovery.recover, ledger_directory)
    assert LedgerIndex.objects.count() == 5


def test_an_older_copy_of_another_past_is_not_called_complete(ledger_directory, off_site):
    write(5)
    publisher.publish()
    copy = off_site()
    restore(2)
    shutil.rmtree(ledger_directory)
    write(10)
    publisher.publish()
    refused("other_past", recovery.recover, copy)
