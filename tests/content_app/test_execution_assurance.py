"""High assurance: nothing is deleted before an outsider could see that it was meant to be."""

import base64
import shutil
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from content_app import execution, witnessing
from content_app.models import Intent, Item, ReceiptItem
from requests_app import publisher, sequencer
from requests_app.errors import Refused
from requests_app.models import SequencerLease
from tests.content_app.test_execution import deletes, outcomes
from tests.requests_app.test_tlog import mth, sha

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(system, centre, rooms):
    """An approved request for three interactions."""
    for external_id in ("a", "b", "c"):
        centre.hold(external_id, "voicemail", "transcript")
    request = rooms.approved()
    centre.log.clear()
    return request


@pytest.fixture
def no_key(settings, tmp_path):
    """``no_key()`` makes this a process that cannot read the key; what it returns publishes as the loop does."""

    def taken():
        publisher.publish()
        own, none = settings.PORTAL_LEDGER_KEYS_DIR, tmp_path / "elsewhere"

        def loop():
            settings.PORTAL_LEDGER_KEYS_DIR = own
            publisher.publish()
            settings.PORTAL_LEDGER_KEYS_DIR = none

        settings.PORTAL_LEDGER_KEYS_DIR = none
        return loop

    return taken


# --- what an outsider sees, with an outsider's code ------------------------------------------------------------------


def signed_entries(directory):
    """The entries under the published checkpoint, after its signature and its root were checked. Files alone."""
    year = directory / str(datetime.now(UTC).year)
    _, _, key = (year / "vkey").read_text().strip().split("+", 2)
    text, _, signature = (year / "checkpoint").read_text().rpartition("\n\n")
    signed = base64.b64decode(signature.split()[-1])[4:]
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(signed, f"{text}\n".encode())
    _, size, root = text.split("\n")[:3]
    entries = []
    for index in range(-(-int(size) // 256)):
        width = min(256, int(size) - index * 256)
        name = f"{index:03d}" if width == 256 else f"{index:03d}.p/{width}"
        data = (year / "tile" / "entries" / name).read_bytes()
        while data:
            length = int.from_bytes(data[:2])
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    assert base64.b64encode(mth([sha(b"\0", entry) for entry in entries])).decode() == root
    return entries


@pytest.mark.parametrize("way", ["whole", "file by file"])
def test_no_call_to_delete_before_a_checkpoint_on_the_disk_covers_its_intent(
    approved, centre, rooms, ledger_directory, monkeypatch, way
):
    if way == "file by file":
        monkeypatch.setattr(execution, "_may_go_whole", lambda *args: False)
    proved = []

    def look(entry):
        if entry[0].startswith("delete"):
            entries = signed_entries(ledger_directory)
            open_intents = Intent.objects.filter(receipt__isnull=True)
            assert [bytes(intent.leaf.leaf) in entries for intent in open_intents] == [True]
            proved.append(entry)

    centre.before = look
    assert rooms.execute(approved)
    assert proved == deletes(centre)
    assert len(proved) == (2 if way == "whole" else 6)


# --- a worker that may not sign --------------------------------------------------------------------------------------


def test_a_worker_without_the_key_waits_for_the_loop(approved, centre, rooms, no_key, monkeypatch):
    waits, loop = [], no_key()

    def sleep(seconds):
        waits.append(len(deletes(centre)))
        loop()

    monkeypatch.setattr(witnessing.time, "sleep", sleep)
    assert rooms.execute(approved)
    assert waits == [0, 1], "before the trial, and before the rest"
    assert set(outcomes().values()) == {("deleted", "")}


def test_a_worker_gives_up_after_a_while_and_no_try_is_used_up(approved, centre, rooms, no_key, settings, monkeypatch):
    settings.PORTAL_MAX_ATTEMPTS, settings.PORTAL_PUBLISH_PATIENCE = 2, 0
    monkeypatch.setattr(witnessing.time, "sleep", lambda seconds: None)
    loop = no_key()
    for _ in range(4):
        with pytest.raises(Refused, match="not published") as refusal:
            rooms.execute(approved)
        assert refusal.value.code == "not_published"
    assert deletes(centre) == []
    tried = ReceiptItem.objects.filter(item__external_id="a", item__content_key="voicemail")
    assert list(tried.values_list("outcome", "code")) == [("retry", "not_published")], "not said twice"
    monkeypatch.setattr(witnessing.time, "sleep", lambda seconds: loop())
    settings.PORTAL_PUBLISH_PATIENCE = 60
    assert rooms.execute(approved)
    assert set(outcomes().values()) == {("deleted", "")}


def test_without_high_assurance_nobody_waits(approved, centre, rooms, no_key, settings, monkeypatch):
    settings.PORTAL_HIGH_ASSURANCE = False
    monkeypatch.setattr(witnessing.time, "sleep", lambda seconds: pytest.fail("it waits"))
    no_key()
    before = publisher.latest().size
    assert rooms.execute(approved)
    assert centre.held == {}
    assert publisher.latest().size == before, "nothing was published meanwhile"


def test_without_high_assurance_a_mismatch_stops_all_the_same(approved, centre, rooms, settings):
    settings.PORTAL_HIGH_ASSURANCE = False
    SequencerLease.objects.update_or_create(name=sequencer.NAME, defaults={"fault": "fork"})
    with pytest.raises(publisher.Mismatch):
        rooms.execute(approved)
    assert deletes(centre) == []


def test_a_mismatch_that_comes_up_in_the_middle_stops_before_the_next_call(approved, centre, rooms, ledger_directory):
    def tamper(entry):
        if entry[0].startswith("delete"):
            checkpoint = ledger_directory / str(datetime.now(UTC).year) / "checkpoint"
            checkpoint.write_text(checkpoint.read_text().replace("portal.test", "portal.else", 1))

    centre.after = tamper
    with pytest.raises(publisher.Mismatch):
        rooms.execute(approved)
    assert len(deletes(centre)) == 1
    rest = set(outcomes(item__external_id__in=["b", "c"]).values())
    assert rest == {("retry", "ledger_mismatch")}, "the intent has a receipt that says nothing was sent"


def test_a_disk_that_takes_no_tiles_stops_deletion(approved, centre, rooms, ledger_directory):
    publisher.publish()
    log = ledger_directory / str(datetime.now(UTC).year)
    shutil.rmtree(log)
    log.write_text("a file where the directory was")
    with pytest.raises(Refused, match="cannot be written") as refusal:
        rooms.execute(approved)
    assert refusal.value.code == "not_published"
    assert deletes(centre) == []
    assert Item.objects.count() == 6
