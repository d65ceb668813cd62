"""What the portal leans on is away: deletion waits and says why, people go on taking requests, and then it goes on."""

import socket
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command

from content_app import witnessing
from content_app.connectors import witness
from requests_app import validation
from requests_app.errors import Refused
from requests_app.models import Evidence, LedgerLeaf
from requests_app.states import State
from tests import hostile_files, story
from tests.chaos import books
from tests.content_app.test_witnessing import Stranger
from tests.requests_app.test_signed_note import cosignature

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_patience(settings, monkeypatch):
    settings.PORTAL_PUBLISH_PATIENCE = 0
    monkeypatch.setattr(witnessing.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(witnessing, "PAUSE", 0.0)


# --- what is away ----------------------------------------------------------------------------------------------------


@contextmanager
def publisher_down(settings, monkeypatch, tmp_path):
    """The worker may not sign, and the loop that may is not there."""
    own = settings.PORTAL_LEDGER_KEYS_DIR
    settings.PORTAL_LEDGER_KEYS_DIR = tmp_path / "nothing"
    yield
    settings.PORTAL_LEDGER_KEYS_DIR = own


@contextmanager
def key_missing(settings, monkeypatch, tmp_path):
    """The key of the ledger has gone from its folder, for everybody."""
    keys = Path(settings.PORTAL_LEDGER_KEYS_DIR)
    aside = keys.rename(tmp_path / "aside")
    yield
    assert not keys.exists(), "no other key was made in its stead"
    aside.rename(keys)


@contextmanager
def folder_shut(settings, monkeypatch, tmp_path):
    """The folder of the year's log takes no file."""
    (folder,) = {tiles.parent for tiles in Path(settings.PORTAL_LEDGER_DIR).glob("*/tile")}
    aside = folder.rename(tmp_path / "aside")
    folder.write_text("a file where the folder was")
    yield
    folder.unlink()
    aside.rename(folder)


@contextmanager
def folder_lost(settings, monkeypatch, tmp_path):
    """The disk under the published ledger is not mounted, and nothing can be made in its place."""
    own = settings.PORTAL_LEDGER_DIR
    settings.PORTAL_LEDGER_DIR = Path("/proc/ledger")
    yield
    settings.PORTAL_LEDGER_DIR = own


@contextmanager
def witness_down(settings, monkeypatch, tmp_path):
    """A witness is configured, and nobody answers at its address; afterwards it signs again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.PORTAL_WITNESS_URL = f"http://127.0.0.1:{port}"
    settings.PORTAL_WITNESS_VKEY = str(cosignature("a\n1\nb\n\n— c ZA==\n")[0])
    yield
    monkeypatch.setattr(witness, "cosign", Stranger())


AWAY = (publisher_down, key_missing, folder_shut, folder_lost, witness_down)


@pytest.mark.parametrize("away", AWAY, ids=lambda away: away.__name__)
def test_deletion_waits_and_everything_else_goes_on(stage, settings, monkeypatch, tmp_path, away):
    approved = stage.request(State.APPROVED)
    witnessing.publish()
    with away(settings, monkeypatch, tmp_path):
        for _ in range(3):
            stage.advance(approved)
        approved.refresh_from_db()
        assert stage.deletes() == []
        assert (approved.state, approved.errand.attention) == (State.APPROVED, "ledger")

        entries = LedgerLeaf.objects.count()
        other = story.validated(
            stage.person("staff"), stage.person("staff", 2), identifiers=[("phone", "+447700900456")]
        )
        stage.advance(other)
        assert stage.freeze(other).digest
        assert LedgerLeaf.objects.count() > entries, "what people do is written down"
        call_command("pick_up", verbosity=0)  # the loop's round does not end with the ledger
    for _ in range(4):
        stage.advance(approved)
    approved.refresh_from_db()
    assert approved.state == State.VERIFIED
    assert stage.centre.held == {}
    assert len(stage.deletes()) == 2, "each interaction once: the trial, and the rest"
    books.agree()


def test_without_its_scanner_no_document_gets_in_and_the_request_does(stage, settings, tmp_path):
    settings.PORTAL_CLAMD = str(tmp_path / "no.socket")
    request = stage.request(State.RECEIVED)
    with pytest.raises(Refused) as refused:
        validation.add_evidence(
            request.pk, actor=stage.person("staff", 2), kind="id_document", name="id.pdf", data=hostile_files.pdf()
        )
    assert refused.value.code == "evidence_unscanned"
    assert not Evidence.objects.exists()
    stage.check(request)
    stage.validate(request)
    request.refresh_from_db()
    assert request.state == State.VALIDATED
