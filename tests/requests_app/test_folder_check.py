"""What is wrong with a folder is found from its files alone."""

import shutil
from datetime import UTC, datetime

import pytest

from requests_app import folder_check, publisher, signed_note, signing_keys, tlog
from requests_app.signed_note import Head
from tests.requests_app.test_publisher import write
from tests.requests_app.test_signed_note import OTHER

pytestmark = pytest.mark.django_db


def faults(place):
    return folder_check.faults_in(place, folder_check.logs_in(place))


def since(note, place):
    logs = {log.key.name: log for log in folder_check.logs_in(place)}
    return folder_check.faults_since(note, logs.get(folder_check.origin_of(note)))


@pytest.fixture
def folder(ledger_directory):
    """300 entries, published; the log's own folder."""
    write(300)
    return ledger_directory / str(publisher.publish().log.year)


def test_what_was_published_holds(folder):
    assert faults(folder.parent) == []


def test_a_folder_without_a_log_does_not_hold(tmp_path):
    assert faults(tmp_path) == [f"{tmp_path} holds no log"]


@pytest.mark.parametrize(
    "file", ["tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]
)
def test_every_byte_of_every_tile_counts(folder, file):
    place = folder / file
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)
    assert faults(folder.parent)
    place.unlink()
    assert any("is missing" in fault for fault in faults(folder.parent))


@pytest.mark.parametrize("bad", [b"", b"\xff", b"\0\5ab"])
def test_a_bundle_that_makes_no_sense_is_a_fault(folder, bad):
    (folder / "tile/entries/000").write_bytes(bad)
    assert faults(folder.parent)


def test_another_key_and_a_bent_checkpoint_are_faults(folder):
    note = (folder / "checkpoint").read_text()
    (folder / "checkpoint").write_text(note.replace("\n300\n", "\n299\n"))
    assert "signature" in faults(folder.parent)[0]
    (folder / "checkpoint").write_text(note)
    (folder / "vkey").write_text("nothing")
    assert "vkey" in faults(folder.parent)[0]


def test_an_older_checkpoint_fits_as_long_as_history_does(folder):
    note = (folder / "checkpoint").read_text()
    assert folder_check.checkpoints_in(folder) == folder_check.checkpoints_in(folder.parent) == [note]
    assert folder_check.checkpoints_in(folder / "checkpoint") == [note]
    write(10)
    publisher.publish()
    assert since(note, folder.parent) == []


def test_a_fork_a_rollback_and_a_foreign_key_do_not_fit_an_older_checkpoint(folder):
    origin = signed_note.VerifierKey.parse((folder / "vkey").read_text()).name
    key = signing_keys.load(signing_keys.file_of(folder.name))

    def signed(size, root, *, name=origin, private=key):
        return signed_note.sign(str(Head(name, size, root)), name=name, private=private)

    root = tlog.tree_hash(folder_check.logs_in(folder.parent)[0].hashes[:200])
    assert since(signed(200, root), folder.parent) == []
    assert "rewritten" in since(signed(200, b"x" * 32), folder.parent)[0]
    assert "rolled back" in since(signed(301, root), folder.parent)[0]
    assert "another key" in since(signed(200, root, private=OTHER), folder.parent)[0]
    assert "no log" in since(signed(200, root, name="other.test/2026"), folder.parent)[0]


def test_each_log_begins_with_how_the_one_before_it_ended(clock, ledger_directory):
    for year in (2026, 2027):
        clock.move_to(datetime(year, 6, 1, tzinfo=UTC))
        write(3)
        publisher.publish()
    assert faults(ledger_directory) == []
    other = ledger_directory.with_name(f"{ledger_directory.name}-other")
    shutil.copytree(ledger_directory, other)
    key = signing_keys.load(signing_keys.file_of("2026"))
    head = folder_check.logs_in(ledger_directory)[0]
    shorter = Head(head.head.origin, 2, tlog.tree_hash(head.hashes[:2]))
    (other / "2026/checkpoint").write_text(signed_note.sign(str(shorter), name=shorter.origin, private=key))
    assert "2027: it does not begin with how 2026 ended" in faults(other)
