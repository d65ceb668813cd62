"""T-UP-5: what the daemon does not call clean is not accepted, whatever the reason."""

import pytest

from requests_app import virus_scan
from requests_app.errors import Refused
from tests import clamd, hostile_files
from tests.hostile_files import archive, loaded_pdf, pdf, picture, virus

pytestmark = pytest.mark.pure


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """A real one, for all tests of this file."""
    with clamd.running(tmp_path_factory.mktemp("clamd")) as place:
        yield place


def code_of(data):
    with pytest.raises(Refused) as refusal:
        virus_scan.scan(data)
    assert ":" in refusal.value.message or "." in refusal.value.message
    return refusal.value.code


def test_without_a_daemon_nothing_is_asked(settings):
    settings.PORTAL_CLAMD = ""
    virus_scan.scan(virus())


# --- the real daemon -------------------------------------------------------------------------------------------------


@pytest.mark.needs("clamd")
@pytest.mark.parametrize(
    "data", [pdf(), picture("JPEG"), picture("PNG"), b"", bytes(10 * 1024 * 1024)],
    ids=["PDF", "JPEG", "PNG", "nothing", "ten megabytes"],
)  # fmt: skip
def test_t_up_5_what_is_clean_passes(data, daemon, settings):
    settings.PORTAL_CLAMD = daemon
    virus_scan.scan(data)


@pytest.mark.needs("clamd")
@pytest.mark.parametrize(
    "data",
    [
        virus(),
        archive(virus()),
        archive(archive(virus())),
        loaded_pdf(),
        picture("JPEG") + virus(),
        picture("JPEG") + archive(virus()),
        pdf() + archive(virus()),
    ],
    ids=["plain", "ZIP", "ZIP in ZIP", "PDF", "behind a JPEG", "ZIP behind a JPEG", "ZIP behind a PDF"],
)
def test_t_up_5_a_virus_is_found(data, daemon, settings):
    settings.PORTAL_CLAMD = daemon
    assert code_of(data) == "evidence_infected"


@pytest.mark.needs("clamd")
def test_t_up_5_what_the_daemon_cannot_look_into_is_refused(daemon, settings):
    settings.PORTAL_CLAMD = daemon
    assert code_of(hostile_files.locked_pdf("secret")) == "evidence_unscannable"
    deep = b"x"
    for _ in range(12):
        deep = archive(deep)
    assert code_of(deep) == "evidence_unscannable"


@pytest.mark.needs("clamd")
def test_t_up_5_more_than_the_daemon_takes_is_refused(daemon, settings):
    settings.PORTAL_CLAMD = daemon
    assert code_of(bytes(30 * 1024 * 1024)) == "evidence_unscanned"


@pytest.mark.needs("clamd")
def test_t_up_5_a_daemon_that_was_stopped_lets_nothing_pass(tmp_path, settings):
    with clamd.running(tmp_path / "a") as settings.PORTAL_CLAMD:
        virus_scan.scan(pdf())
    assert code_of(pdf()) == "evidence_unscanned"


# --- whatever else may answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["/no/such/socket", "127.0.0.1:1", "127.0.0.1", "127.0.0.1:x", ":", "127.0.0.1:99999999"]
)
def test_t_up_5_a_daemon_that_cannot_be_reached_lets_nothing_pass(place, settings):
    settings.PORTAL_CLAMD = place
    assert code_of(pdf()) == "evidence_unscanned"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), "evidence_unscanned"),
        ((b"stream: OK",), "evidence_unscanned"),
        ((b"\0",), "evidence_unscanned"),
        ((b"OK\0",), "evidence_unscanned"),
        ((b"stream: OK \0",), "evidence_unscanned"),
        ((b"stream: not OK\0",), "evidence_unscanned"),
        ((b"stream: OK\0stream: Bad FOUND\0",), "evidence_infected"),
        ((b"INSTREAM size limit exceeded. ERROR\0",), "evidence_unscanned"),
        ((b"UNKNOWN COMMAND\0",), "evidence_unscanned"),
        ((b"x" * 10_000 + b"\0",), "evidence_unscanned"),
        ((b"stream: Some.Virus FOUND\0",), "evidence_infected"),
        ((b"stream: Some", b".Virus FOUND", b"\0"), "evidence_infected"),
        ((b"stream: Heuristics.Phishing.Email FOUND\0",), "evidence_infected"),
        ((b"stream: Heuristics.Encrypted.Zip FOUND\0",), "evidence_unscannable"),
        ((b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",), "evidence_unscannable"),
    ],
)
def test_t_up_5_an_odd_answer_lets_nothing_pass(parts, code, tmp_path, settings):
    with clamd.answering(tmp_path, *parts) as settings.PORTAL_CLAMD:
        assert code_of(pdf()) == code


def test_the_one_good_answer_passes(tmp_path, settings):
    with clamd.answering(tmp_path, b"stream: ", b"OK\0") as settings.PORTAL_CLAMD:
        virus_scan.scan(pdf())


def test_t_up_5_a_daemon_that_says_nothing_is_given_up(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(virus_scan, "SECONDS", 0.3)
    with clamd.answering(tmp_path, b"stream: ", ends=False) as settings.PORTAL_CLAMD:
        assert code_of(pdf()) == "evidence_unscanned"


def test_t_up_5_a_daemon_that_does_not_listen_is_given_up(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(virus_scan, "SECONDS", 0.3)
    with clamd.answering(tmp_path, reads=False, ends=False) as settings.PORTAL_CLAMD:
        assert code_of(bytes(5_000_000)) == "evidence_unscanned"


def test_a_refusal_does_not_repeat_what_was_found(tmp_path, settings):
    with clamd.answering(tmp_path, b"stream: jane-doe FOUND\0") as settings.PORTAL_CLAMD, pytest.raises(Refused) as no:
        virus_scan.scan(pdf())
    assert "jane" not in str(no.value)
