"""A real witness signs what has only grown, and keeps the proof of whatever else the log's key has signed."""

import base64

import pytest
from django.utils import timezone

from content_app import pipeline, witnessing
from content_app.connectors import witness as connector
from content_app.connectors.base import ConnectorError
from content_app.models import Errand
from requests_app import publisher, signed_note, signing_keys, tlog
from requests_app.models import Checkpoint, Cosignature
from requests_app.signed_note import Head
from tests.flow.conftest import approve, freeze, run
from tests.guards_aside import guards_aside
from tests.outsiders import tools
from tests.requests_app.test_publisher import leaves, tamper, write

pytestmark = [pytest.mark.django_db(transaction=True), tools.strangers]


@pytest.fixture(autouse=True)
def _ask_at_once(monkeypatch):
    monkeypatch.setattr(witnessing, "PAUSE", 0.0)


def signed(size, root):
    """What the log's own key can be made to sign."""
    log = Checkpoint.objects.first().log
    key = signing_keys.load(signing_keys.file_of(log.name))
    return signed_note.sign(str(Head(log.origin, size, root)), name=log.origin, private=key)


def lines(hashes):
    return "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)


@pytest.fixture
def grown(witness):
    """The log at ten entries, which the witness has signed."""
    write(9)
    witnessing.publish()
    assert Cosignature.objects.get().checkpoint.size == 10
    return publisher.latest()


def test_what_has_grown_is_cosigned_and_counts_as_published(grown, witness):
    for size in (11, 300):
        entry = write(size - publisher.latest().size)[-1]
        assert publisher.publish().size == size
        assert not publisher.is_published(entry.pk)
        witnessing.publish()
        assert publisher.is_published(entry.pk)
    assert witness.evidence() == []


def test_a_witness_answers_as_its_specification_says(grown, witness):
    root, other = bytes(grown.root), b"x" * 32
    log, old_root = grown.log, tlog.tree_hash(map(tlog.leaf_hash, leaves()[:4]))
    write(5)
    new = publisher.publish()
    proof = lines(publisher.consistency(log, 10, 15))
    answers = {
        "fork": witness.answer(old=10, note=signed(15, other), proof=proof),
        "another root": witness.answer(old=10, note=signed(10, other)),
        "rolled back": witness.answer(old=10, note=signed(4, old_root)),
        "stale": witness.answer(old=4, note=new.note, proof=lines(publisher.consistency(log, 4, 15))),
        "foreign": witness.answer(old=10, note=new.note.replace("\n15\n", "\n14\n"), proof=proof),
        "again": witness.answer(old=10, note=signed(10, root)),
        "grown": witness.answer(old=10, note=new.note, proof=proof),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "fork": 422, "another root": 422, "rolled back": 400, "stale": 409, "foreign": 403, "again": 200, "grown": 200
    }  # fmt: skip
    assert answers["stale"].text == "10\n"
    assert len(witness.evidence()) == 2, "it keeps both forks, signed by the log"


def test_the_connector_understands_each_answer(grown, witness):
    other = b"x" * 32
    assert connector.cosign(witness.url, old=4, proof=[], note=grown.note) == connector.Answer("", 10)
    for size in (10, 4, 15):
        with pytest.raises(ConnectorError) as refusal:
            connector.cosign(witness.url, old=10, proof=[], note=signed(size, other))
        assert (refusal.value.code, refusal.value.permanent) == ("rejected", True)
    answer = connector.cosign(witness.url, old=10, proof=[], note=grown.note)
    assert signed_note.cosigned(grown.note, answer.lines, signed_note.VerifierKey.parse(witness.vkey))


def test_a_quorum_of_one_needs_the_witness(grown, witness, tmp_path):
    (tmp_path / "bare").write_text(grown.note)
    (tmp_path / "cosigned").write_text(publisher.note_of(grown))
    key = ("--log-key", grown.log.vkey, "--witness-key", witness.vkey)
    for name, quorum, holds in (("bare", 0, True), ("bare", 1, False), ("cosigned", 1, True)):
        done = tools.aics("verify-checkpoint", "--note", tmp_path / name, *key, "--quorum", quorum)
        assert (done.returncode == 0) is holds, done.stderr


def test_a_portal_that_forgot_what_the_witness_saw_is_told(grown, witness):
    tamper("DELETE FROM requests_app_cosignature")
    write(3)
    witnessing.publish()
    assert Cosignature.objects.get().checkpoint.size == 13


def test_a_ledger_that_was_rolled_back_is_told_by_the_witness(grown, witness, caplog):
    write(5)
    witnessing.publish()
    tamper("DELETE FROM requests_app_cosignature")
    with guards_aside(publisher.transaction.get_connection()):
        Checkpoint.objects.filter(size=15).delete()
    witnessing._ask(Checkpoint.objects.get(size=10))
    assert "has seen 15 entries" in caplog.text
    assert not Cosignature.objects.exists()


def test_nothing_is_deleted_while_the_witness_is_down(
    centre, connect, take, staff, supervisor, witness, settings, caplog
):
    settings.PORTAL_APPROVAL_DELAY_HOURS = settings.PORTAL_PUBLISH_PATIENCE = 0
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    approve(request, freeze(request, staff), supervisor)
    witness.stop()
    held = centre.tell("/remaining", guids=subject["guids"])
    run()
    request.refresh_from_db()
    assert (request.state, request.errand.attention) == ("approved", "ledger")
    assert centre.tell("/remaining", guids=subject["guids"]) == held
    assert "the witness did not sign" in caplog.text
    witness.start()
    Errand.objects.update(next_at=timezone.now())
    run()
    request.refresh_from_db()
    assert request.state == "verified"
    assert pipeline.due(limit=1) == []
