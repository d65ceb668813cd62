"""Evidence from the upload to the folder and back. ``T-UP`` numbers are those of docs/evidence.md."""

import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from requests_app import file_checks, keys, validation
from requests_app.decoding import process
from requests_app.decoding.frames import Unfit
from requests_app.errors import Refused
from requests_app.models import AccessLogEntry, Evidence, LedgerLeaf
from tests import clamd, factories, hostile_files

PNG = hostile_files.picture("PNG")


@pytest.fixture
def case(agent):
    return factories.RequestFactory(opened_by=agent)


@pytest.fixture
def add(case, staff):
    """``add()`` adds a document to the case."""

    def one(name="passport.png", data=PNG, *, to=case):
        return validation.add_evidence(to.pk, actor=staff, kind="identity", name=name, data=data)

    return one


@pytest.fixture
def undecoded(monkeypatch):
    """For tests that are about anything but the content: it is kept as it is."""
    monkeypatch.setattr(file_checks, "_rewritten", lambda data, media_type: data)


def kept():
    """Every file below the folder of the portal's files but the database, and whatever a step upwards would leave."""
    root = Path(configured.VAR_DIR)
    inside = {one.relative_to(root) for one in root.rglob("*") if ".sqlite3" not in one.name}
    return inside | {Path("..", one.name) for one in root.parent.glob("passwd*")}


def refusal(act, *args, **told):
    with pytest.raises(Refused) as refused:
        act(*args, **told)
    return refused.value


# --- T-UP-4: names ---------------------------------------------------------------------------------------------------

_STEPS = ("../", "..\\", "..%2f", "%2e%2e/", "..%c0%af", "....//", "..;/", "/", "\\\\host\\share\\", "C:\\", "file:///")
_TRICKS = (
    "-rf", "--output=x", "; rm -rf x;", "$(id)", "`id`", "| cat", "> x", "' OR 1=1 --", "{{7*7}}", "%s%n", "~", "CON",
    "NUL", "x" * 300, "x" * 5000, "ａ", "é", "e\u0301", "\U0001f600", "a.php", ".htaccess", "a ", "&amp;", "<b>",
)  # fmt: skip
_DECEIVERS = ("\0", "a\0", "\u202egpj", "\u200b", "\r\nSet-Cookie: a=b", "\x1b[2J", "\u2028", "\ufeff", "\x7f")
NAMES = (
    *(step * times + "etc/passwd" for step in _STEPS for times in (1, 8)),
    *_TRICKS,
    *_DECEIVERS,
)


@pytest.mark.usefixtures("undecoded")
def test_t_up_4_no_name_reaches_the_disk_the_database_or_the_ledger(add, case, monkeypatch):
    monkeypatch.setattr(validation, "MAX_EVIDENCE", 1000)
    add()
    before, accepted = kept(), 0
    for name in NAMES:
        for ending in (".png", ".png.exe", "\0.png", ""):
            try:
                add(name + ending)
            except Refused as refused:
                assert refused.code == "evidence_type"  # noqa: PT017
            else:
                accepted += 1
    new = kept() - before
    assert accepted == len(new) == len(_STEPS) * 2 + len(_TRICKS)
    for path in new:
        assert path.parent == Path("evidence")
        assert len(UUID(path.stem).hex) == 32
        assert path.suffix == ".bin"
    rows = str([list(Evidence.objects.values_list()), list(LedgerLeaf.objects.values_list("leaf", flat=True))])
    assert not [word for word in ("passwd", "rm -rf", "host", "Set-Cookie", "htaccess", "OR 1=1") if word in rows]


@pytest.mark.parametrize("name", [name for name in _DECEIVERS])
def test_t_up_4_a_name_that_deceives_is_refused(name):
    refused = refusal(file_checks.check, name + ".png", PNG, scan=lambda data: None)
    assert refused.code == "evidence_type"


# --- T-UP-5: viruses -------------------------------------------------------------------------------------------------


@pytest.mark.needs("clamd")
def test_t_up_5_a_virus_leaves_a_note_and_nothing_else(add, case, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(process, "decode", lambda *args, **told: pytest.fail("decoded before it was scanned"))
    before = kept()
    with clamd.running(tmp_path / "clamd") as settings.PORTAL_CLAMD:
        for data in (hostile_files.virus(), hostile_files.archive(hostile_files.virus()), hostile_files.loaded_pdf()):
            assert refusal(add, "jane-doe.pdf", data).code == "evidence_infected"
    assert kept() == before
    assert not Evidence.objects.exists()
    leaves = [bytes(leaf) for leaf in LedgerLeaf.objects.filter(type="attempt.refused").values_list("leaf", flat=True)]
    assert len(leaves) == 3
    assert all(b"evidence_infected" in leaf and b"jane" not in leaf and b"Eicar" not in leaf for leaf in leaves)


def test_t_up_5_without_a_scanner_that_answers_nothing_is_decoded_or_kept(add, settings, monkeypatch):
    monkeypatch.setattr(process, "decode", lambda *args, **told: pytest.fail("decoded without a scan"))
    settings.PORTAL_CLAMD = "/no/such/socket"
    before = kept()
    assert refusal(add).code == "evidence_unscanned"
    assert kept() == before
    assert not Evidence.objects.exists()
    leaf = bytes(LedgerLeaf.objects.get(type="attempt.refused").leaf)
    assert b"evidence_unscanned" in leaf


# --- the decoding process fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["slow", "busy", "unreadable", "memory"])
def test_whatever_becomes_of_the_decoding_process_is_a_sentence_and_a_note(verdict, add, monkeypatch):
    def fail(*args, **told):
        raise Unfit(verdict)
        yield

    monkeypatch.setattr(process, "decode", fail)
    refused = refusal(add)
    assert refused.code == f"evidence_{verdict}"
    assert refused.message.endswith(".")
    assert f"evidence_{verdict}".encode() in bytes(LedgerLeaf.objects.get(type="attempt.refused").leaf)
    assert not Evidence.objects.exists()


# --- T-UP-6: the sealed file -----------------------------------------------------------------------------------------


def rewrite(evidence, data):
    default_storage.delete(evidence.file.name)
    assert default_storage.save(evidence.file.name, ContentFile(data)) == evidence.file.name


def swap_files(one, other, keyring):
    ours, theirs = (Path(default_storage.path(document.file.name)).read_bytes() for document in (one, other))
    rewrite(one, theirs)
    rewrite(other, ours)


def swap_names(one, other, keyring):
    for document, name in ((one, other.file.name), (other, one.file.name)):
        Evidence.objects.filter(pk=document.pk).update(file=name)


def swap_keys(one, other, keyring):
    for document, wrapped in ((one, other.wrapped_file_key), (other, one.wrapped_file_key)):
        Evidence.objects.filter(pk=document.pk).update(wrapped_file_key=wrapped)


def swap_both(one, other, keyring):
    swap_names(one, other, keyring)
    swap_keys(one, other, keyring)


def flip_a_bit(one, other, keyring):
    data = bytearray(Path(default_storage.path(one.file.name)).read_bytes())
    data[len(data) // 2] ^= 1
    rewrite(one, bytes(data))


def flip_a_bit_of_the_key(one, other, keyring):
    wrapped = bytearray(one.wrapped_file_key)
    wrapped[-1] ^= 1
    Evidence.objects.filter(pk=one.pk).update(wrapped_file_key=bytes(wrapped))


def cut_off(one, other, keyring):
    rewrite(one, Path(default_storage.path(one.file.name)).read_bytes()[:-1])


def empty(one, other, keyring):
    rewrite(one, b"")


def cut_the_key(one, other, keyring):
    Evidence.objects.filter(pk=one.pk).update(wrapped_file_key=b"123")


def lose(one, other, keyring):
    default_storage.delete(one.file.name)


def move_to_another_request(one, other, keyring):
    Evidence.objects.filter(pk=one.pk).update(request=factories.RequestFactory())


def wrong_key(one, other, keyring):
    keyring("1:" + "eHh4" * 10 + "eHg=")


def no_key(one, other, keyring):
    """The database and the folder, copied to a machine that has a key of its own."""
    keyring("7:" + "eHh4" * 10 + "eHg=")


@pytest.fixture
def keyring(settings):
    """``keyring("1:…")`` is another environment's key."""

    def put(*keks):
        settings.PORTAL_KEKS = list(keks)
        keys.key_encryption_keys.cache_clear()

    yield put
    keys.key_encryption_keys.cache_clear()


DAMAGES = (
    swap_files, swap_names, swap_keys, swap_both, flip_a_bit, flip_a_bit_of_the_key, cut_off, empty, cut_the_key, lose,
    move_to_another_request, wrong_key, no_key,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
@pytest.mark.usefixtures("undecoded")
def test_t_up_6_what_is_not_where_it_was_does_not_open_and_says_one_thing(damage, add, staff, keyring):
    one, other = add(), add(data=hostile_files.picture("PNG", size=(9, 9)))
    assert validation.open_evidence(one.pk, actor=staff, reason="identity_check").data == PNG
    damage(one, other, keyring)
    refused = refusal(validation.open_evidence, one.pk, actor=staff, reason="identity_check")
    assert (refused.code, refused.message) == (
        "cannot_decrypt",
        "This document does not open. Let an administrator run the doctor.",
    )
    assert AccessLogEntry.objects.filter(what="evidence").count() == 1, "only the look that came to something"


@pytest.mark.usefixtures("undecoded")
def test_t_up_6_nothing_readable_lies_in_the_folder(add):
    sealed = Path(default_storage.path(add().file.name)).read_bytes()
    assert not any(PNG[start : start + 8] in sealed for start in range(0, len(PNG) - 8))


@pytest.mark.usefixtures("undecoded")
def test_the_ledgers_digest_is_of_the_sealed_file_so_that_nobody_can_guess_the_document(add):
    one, again = add(), add()
    assert one.sha256 != again.sha256
    assert hashlib.sha256(PNG).hexdigest() not in (one.sha256, again.sha256)
    assert one.sha256 == hashlib.sha256(Path(default_storage.path(one.file.name)).read_bytes()).hexdigest()
    assert one.sha256.encode() in bytes(LedgerLeaf.objects.filter(type="evidence.added").last().leaf)


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", "curiosity", "Identity_Check", None])
@pytest.mark.usefixtures("undecoded")
def test_without_a_coded_reason_nothing_is_opened(reason, add, staff):
    refused = refusal(validation.open_evidence, add().pk, actor=staff, reason=reason)
    assert refused.code == "no_reason"
    assert not AccessLogEntry.objects.exists()


@pytest.mark.parametrize("reason", dict(validation.OPEN_REASONS))
@pytest.mark.usefixtures("undecoded")
def test_the_access_log_keeps_the_reason(reason, add, supervisor):
    document = add()
    validation.open_evidence(document.pk, actor=supervisor, reason=reason)
    noted = AccessLogEntry.objects.get(what="evidence")
    assert (noted.user, noted.object_id, noted.reason) == (supervisor, str(document.pk), reason)
    assert noted.get_reason_display() != reason


@pytest.mark.usefixtures("undecoded")
def test_a_person_adds_only_so_many_documents_a_day(add, case, validator, settings, clock):
    """The limit is each person's own, counts what was destroyed since, and is over after a day."""
    settings.PORTAL_UPLOADS_A_DAY = 2
    add()
    Evidence.objects.update(destroyed_at=timezone.now())
    add()
    refused = refusal(add)
    assert refused.code == "uploads_a_day"
    assert "2 documents within 24 hours" in refused.message
    assert b"uploads_a_day" in bytes(LedgerLeaf.objects.get(type="attempt.refused").leaf)
    validation.add_evidence(case.pk, actor=validator, kind="identity", name="a.png", data=PNG)
    clock.shift(timedelta(hours=24))
    add()
