"""Nothing irreversible happens before the ledger is published; with a witness, before it has signed."""

from datetime import UTC, datetime

import pytest

from content_app import witnessing
from content_app.connectors import witness as connector
from content_app.connectors.base import ConnectorError
from requests_app import publisher
from requests_app.errors import Refused
from requests_app.models import Checkpoint, Cosignature
from tests.requests_app.test_publisher import refused, write
from tests.requests_app.test_signed_note import cosignature

pytestmark = pytest.mark.django_db


class Stranger:
    """A witness that signs whatever it is shown, or does what ``instead`` says."""

    def __init__(self):
        self.asked = []
        self.instead = None

    def __call__(self, url, *, old, proof, note):
        self.asked.append((old, int(note.split("\n")[1]), len(proof)))
        return self.instead(old) if self.instead else connector.Answer(cosignature(note)[1], old)


@pytest.fixture
def stranger(settings, monkeypatch):
    settings.PORTAL_WITNESS_URL = "http://witness.test"
    settings.PORTAL_WITNESS_VKEY = str(cosignature("a\n1\nb\n\n— c ZA==\n")[0])
    settings.PORTAL_PUBLISH_PATIENCE = 0
    monkeypatch.setattr(witnessing, "_rests_until", {})
    one = Stranger()
    monkeypatch.setattr(connector, "cosign", one)
    return one


def unreachable(old):
    raise ConnectorError("unreachable", permanent=False)


def test_without_a_witness_what_is_published_is_enough():
    witnessing.require_published(write(1)[0])
    assert publisher.latest().size == 1


def test_it_is_asked_from_what_it_saw_last(stranger):
    for count in (3, 4):
        write(count)
        witnessing.publish()
    witnessing.publish()
    assert stranger.asked == [(0, 3, 0), (3, 7, len(publisher.consistency(publisher.latest().log, 3, 7)))]
    assert Cosignature.objects.count() == 2


def test_an_entry_waits_for_its_signature(stranger, monkeypatch):
    monkeypatch.setattr(witnessing, "PAUSE", 0.0)
    entry = write(1)[0]
    stranger.instead = unreachable
    refused("not_published", witnessing.require_published, entry)
    stranger.instead = None
    witnessing.require_published(entry)


def test_a_witness_that_did_not_sign_is_left_alone_for_a_while(stranger, caplog):
    write(1)
    stranger.instead = unreachable
    for _ in range(5):
        witnessing.publish()
    assert len(stranger.asked) == 1
    assert caplog.text.count("did not sign") == 1


def test_a_signature_that_does_not_hold_is_not_kept(stranger, caplog):
    write(1)
    stranger.instead = lambda old: connector.Answer(cosignature("other\n1\nAAAA\n\n— x AAAA\n")[1], old)
    witnessing.publish()
    assert "does not hold" in caplog.text
    assert not Cosignature.objects.exists()


def test_a_witness_that_saw_more_than_there_is_is_an_alert(stranger, caplog):
    write(2)
    stranger.instead = lambda old: connector.Answer("", 9)
    witnessing.publish()
    assert "has seen 9 entries" in caplog.text


def test_a_faster_process_is_no_alert(stranger, caplog):
    write(2)
    old = publisher.publish()
    write(2)
    publisher.publish()
    stranger.instead = lambda seen: connector.Answer("", 4)
    witnessing._ask(old)
    assert caplog.text == ""
    assert len(stranger.asked) == 1


def test_the_end_of_a_year_is_signed_too(clock, stranger):
    """An intent of the last second of a year is in a log that nothing is added to any more."""
    clock.move_to(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    write(1)
    witnessing.publish()
    late = write(1)[0]
    clock.move_to(datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))
    witnessing.publish()
    assert publisher.is_published(late.pk)
    assert Checkpoint.objects.filter(cosignatures__isnull=True).count() == 0


def test_a_process_without_the_key_waits_for_the_loop(monkeypatch, settings):
    settings.PORTAL_PUBLISH_PATIENCE = 30
    entry = write(1)[0]
    loop = publisher.publish
    monkeypatch.setattr(publisher, "publish", lambda: (_ for _ in ()).throw(Refused("no_ledger_key", "no")))
    monkeypatch.setattr(witnessing.time, "sleep", lambda seconds: loop())
    witnessing.require_published(entry)


def test_a_broken_past_stops_at_once(stranger):
    write(1)
    witnessing.publish()
    entry = write(1)[0]
    file = publisher.store_of(publisher.latest().log).directory / "checkpoint"
    file.write_text(file.read_text().replace("\n1\n", "\n2\n"))
    refused("ledger_mismatch", witnessing.require_published, entry)
    refused("ledger_mismatch", witnessing.require_published, entry)


def test_without_high_assurance_nothing_waits(settings, stranger):
    settings.PORTAL_HIGH_ASSURANCE = False
    witnessing.require_published(write(1)[0])
    assert stranger.asked == []
