"""The auditor's folder: it stands alone, holds what was published, and is whole or not there."""

import hashlib
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from requests_app import audit, audit_export, folder_check, publisher, tlog
from requests_app.errors import Refused
from requests_app.models import LedgerIndex
from tests import story
from tests.requests_app.test_publisher import write
from tests.requests_app.test_signed_note import cosignature
from tests.requests_app.test_tlog import verify_inclusion

pytestmark = pytest.mark.django_db


def refused(code, *args, **kwargs):
    with pytest.raises(Refused) as refusal:
        audit_export.export(*args, **kwargs)
    assert refusal.value.code == code
    return refusal.value.message


def exported_report(request, data):
    """As the reporting room notes it."""
    with transaction.atomic():
        digest = hashlib.sha256(data).hexdigest()
        return audit.append("report.exported", actor=audit.WORKER, about=request, format="json", sha256=digest)


@pytest.fixture
def request_(staff, validator):
    return story.validated(staff, validator)


def test_a_folder_holds_the_published_ledger(tmp_path):
    write(600)
    checkpoint = publisher.publish()
    exported = audit_export.export(tmp_path / "out")
    assert exported.checkpoints == [checkpoint]
    (log,) = folder_check.logs_in(tmp_path / "out")
    assert folder_check.faults_in(tmp_path / "out", [log]) == []
    assert (log.head.size, log.head.root) == (600, bytes(checkpoint.root))
    year = tmp_path / "out" / str(checkpoint.log.year)
    files = {file.relative_to(year).as_posix() for file in year.rglob("*") if file.is_file()}
    tiles = {f"tile/{level}/{n}" for level in ("0", "entries") for n in ("000", "001", "002.p/88")}
    assert files == {"checkpoint", "vkey", "tile/1/000.p/2", *tiles}


def test_a_folder_is_a_snapshot_though_the_ledger_grows(tmp_path, monkeypatch):
    """The partial tile of the checkpoint's size is gone, and the full one holds more."""
    write(200)
    old = publisher.publish()
    write(100)
    publisher.publish()
    monkeypatch.setattr(audit_export, "_checkpoints", lambda: [old])
    audit_export.export(tmp_path / "out")
    (log,) = folder_check.logs_in(tmp_path / "out")
    assert log.head.size == 200
    assert folder_check.faults_in(tmp_path / "out", [log]) == []
    assert not (log.directory / "tile/0/000").exists()
    assert len((log.directory / "tile/0/000.p/200").read_bytes()) == 200 * 32
    assert len(tlog.unbundle((log.directory / "tile/entries/000.p/200").read_bytes())) == 200


def test_what_the_ledger_says_of_a_request_is_proved(tmp_path, request_):
    publisher.publish()
    exported = audit_export.export(tmp_path / "out", reference=request_.reference.lower())
    types = [proved.type for proved in exported.proved.values()]
    assert types[0] == "request.received"
    assert types[-1] == "request.moved"
    assert exported.waiting == 0
    head = folder_check.logs_in(tmp_path / "out")[0].head
    for proved in exported.proved.values():
        leaf = (tmp_path / "out" / f"{proved.file}.leaf").read_bytes()
        text = (tmp_path / "out" / f"{proved.file}.tlog-proof").read_text()
        path = [tlog.base64.b64decode(line) for line in text.partition("\n\n")[0].split("\n")[2:]]
        assert f"\nindex {proved.index}\n" in text
        assert verify_inclusion(tlog.leaf_hash(leaf), proved.index, head.size, path, head.root)
        assert f"`{proved.file}`" in (tmp_path / "out/README.md").read_text()


def test_what_no_checkpoint_covers_yet_is_counted_and_left_out(tmp_path, request_):
    write(1)
    publisher.publish()
    before = audit_export.export(tmp_path / "before", reference=request_.reference)
    exported_report(request_, b"later")
    after = audit_export.export(tmp_path / "after", reference=request_.reference)
    assert (before.waiting, after.waiting) == (0, 1)
    assert before.proved.keys() == after.proved.keys()


def test_a_report_goes_in_under_the_entry_that_names_it(tmp_path, request_):
    (tmp_path / "mine.json").write_bytes(b"a report")
    refused("nothing_published", tmp_path / "out", reports=[tmp_path / "mine.json"])
    publisher.publish()
    refused("unknown_report", tmp_path / "out", reports=[tmp_path / "mine.json"])
    exported_report(request_, b"a report")
    refused("not_published", tmp_path / "out", reports=[tmp_path / "mine.json"])
    publisher.publish()
    exported = audit_export.export(tmp_path / "out", reference=request_.reference, reports=[tmp_path / "mine.json"])
    (report,) = (tmp_path / "out/reports").iterdir()
    assert report.read_bytes() == b"a report"
    assert report.name == f"{[*exported.proved][-1]}.json"
    assert report.name.startswith(request_.reference)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    write(1)
    publisher.publish()
    (tmp_path / "out").mkdir()
    audit_export.export(tmp_path / "out")
    before = sorted(tmp_path.rglob("*"))
    assert "out" in refused("not_empty", tmp_path / "out")
    refused("not_empty", tmp_path / "out" / "README.md")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_export_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    write(3)
    publisher.publish()
    monkeypatch.setattr(audit_export.readme, "text", lambda *told: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        audit_export.export(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", ["tile/0/000.p/5", "tile/entries/000.p/5"])
def test_what_was_published_and_does_not_hold_is_not_exported(tmp_path, ledger_directory, lost):
    write(5)
    file = ledger_directory / str(publisher.publish().log.year) / lost
    good = file.read_bytes()
    file.write_bytes(good.replace(b"s", b"t") if b"system" in good else good[::-1])
    refused("does_not_hold", tmp_path / "out")
    file.unlink()
    refused("does_not_hold", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_is_not_there_is_refused(tmp_path):
    write(1)
    publisher.publish()
    refused("no_request", tmp_path / "out", reference="DSR-0000-0000")


def test_the_last_cosigned_checkpoint_goes_out_before_a_later_bare_one(tmp_path):
    write(2)
    old = publisher.publish()
    witness, line = cosignature(old.note)
    publisher.add_cosignature(old, line, witness=witness)
    write(2)
    publisher.publish()
    assert audit_export.export(tmp_path / "out").checkpoints == [old]
    assert line in (tmp_path / "out" / str(old.log.year) / "checkpoint").read_text()


def test_every_years_log_goes_out(clock, tmp_path):
    for year in (2026, 2027):
        clock.move_to(datetime(year, 6, 1, tzinfo=UTC))
        write(3)
        publisher.publish()
    write(1)
    publisher.publish()
    audit_export.export(tmp_path / "out")
    logs = folder_check.logs_in(tmp_path / "out")
    assert [(log.directory.name, log.head.size) for log in logs] == [("2026", 6), ("2027", 2)]
    assert folder_check.faults_in(tmp_path / "out", logs) == []


def test_the_command_tells_what_it_did(tmp_path, request_):
    publisher.publish()
    said = StringIO()
    call_command("export_audit", str(tmp_path / "out"), "--request", request_.reference, stdout=said)
    proofs = len(list((tmp_path / "out/proofs").glob("*.leaf")))
    assert f"{LedgerIndex.objects.count()} entries, {proofs} of them with a proof" in said.getvalue()
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_audit", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_audit", str(tmp_path / "other"), "--report", str(tmp_path / "none.pdf"))


def test_a_waiting_entry_is_told_by_the_command(tmp_path, request_):
    publisher.publish()
    exported_report(request_, b"later")
    said = StringIO()
    call_command("export_audit", str(tmp_path / "out"), "--request", request_.reference, stdout=StringIO(), stderr=said)
    assert "1 entries of the request wait" in said.getvalue()


def test_nothing_personal_leaves(tmp_path, request_):
    publisher.publish()
    audit_export.export(tmp_path / "out", reference=request_.reference)
    text = b"\n".join(file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())
    for word in ("Ines", "Example", "7700 900123", "7700900123", "sam.staff"):
        assert word.encode() not in text
