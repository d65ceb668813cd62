"""What the portal hands out about a request is checked by code that knows the tree's rules alone."""

import base64
import io
import shutil
import zipfile

import pytest
from django.urls import reverse

from requests_app import audit, proofs, publisher, signed_note, tlog
from requests_app.errors import Refused
from requests_app.signed_note import VerifierKey
from tests import factories
from tests.requests_app.test_signed_note import cosignature
from tests.requests_app.test_tlog import verify_inclusion

pytestmark = pytest.mark.django_db


@pytest.fixture
def dsr(ledger_directory):
    """Three entries about one request, between entries about another; all published."""
    mine, other = factories.RequestFactory(), factories.RequestFactory()
    for about in (other, mine, other, mine, mine, other):
        audit.append("reply.recorded", actor=audit.WORKER, about=about, channel="email")
    publisher.publish()
    return mine


def holds(leaf, text, vkey):
    """Read a tlog-proof as its specification says, and check it."""
    head, _, note = text.partition("\n\n")
    first, index, *path = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    signed = signed_note.opened(note, VerifierKey.parse(vkey))
    number = int(index.removeprefix("index "))
    hashes = [base64.b64decode(line) for line in path]
    return verify_inclusion(tlog.leaf_hash(leaf), number, signed.size, hashes, signed.root)


def test_every_entry_of_a_pack_is_proved_by_what_is_in_the_pack(dsr):
    files = dict(proofs.pack(dsr.pk))
    entries = [name for name in files if name.startswith("entries/")]
    assert entries == ["entries/000000001.json", "entries/000000003.json", "entries/000000004.json"]
    vkey = next(data for name, data in files.items() if name.endswith("vkey")).decode().strip()
    for name in entries:
        proof = files[name.replace("entries/", "proofs/").replace(".json", ".tlog-proof")].decode()
        assert holds(files[name], proof, vkey)
        assert not holds(files[name] + b" ", proof, vkey)


def test_what_has_no_number_yet_is_in_the_pack_and_said_to_be_unproved(dsr):
    waiting = audit.append("reply.recorded", actor=audit.WORKER, about=dsr, channel="post")
    files = dict(proofs.pack(dsr.pk))
    assert files["not-proved-yet.txt"].decode() == f"waiting-{waiting.pk}\n"
    assert f"entries/waiting-{waiting.pk}.json" in files


def test_covers_cost_the_same_for_one_entry_and_for_many(dsr, django_assert_num_queries):
    with django_assert_num_queries(4):
        one = proofs.covers([1])
    with django_assert_num_queries(4):
        many = proofs.covers(range(6))
    assert len(one) == 1
    assert len(many) == 6
    assert proofs.covers([6]) == {}


def test_where_the_tiles_are_gone_it_says_so(dsr, ledger_directory):
    shutil.rmtree(ledger_directory)
    with pytest.raises(Refused) as refused:
        list(proofs.pack(dsr.pk))
    assert refused.value.code == "no_tiles"


# --- on screen -------------------------------------------------------------------------------------------------------


def test_the_page_says_which_checkpoint_covers_it_and_that_nobody_cosigned_it(dsr, auditor, login):
    page = login(auditor).get(reverse("admin:requests_app_request_ledger", args=[dsr.pk])).content.decode()
    newest = publisher.latest()
    assert "3 proved by a checkpoint" in page
    assert bytes(newest.root).hex() in page
    assert "Not cosigned" in page


def test_a_cosigned_checkpoint_is_shown_as_such(dsr, auditor, login, settings):
    newest = publisher.latest()
    key, line = cosignature(newest.note)
    publisher.add_cosignature(newest, line, witness=key)
    page = login(auditor).get(reverse("admin:requests_app_request_ledger", args=[dsr.pk])).content.decode()
    assert "Not cosigned" not in page
    assert key.name in page


def test_the_proofs_are_downloads(dsr, auditor, login):
    client = login(auditor)
    answer = client.get(reverse("admin:requests_app_request_proofs", args=[dsr.pk]))
    assert answer["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "README.txt" in archive.namelist()
        leaf = archive.read("entries/000000003.json")
        vkey = next(archive.read(name) for name in archive.namelist() if name.endswith("vkey")).decode().strip()
    listed = publisher.LedgerIndex.objects.get(seq=3)
    proof = client.get(reverse("admin:requests_app_ledger_proof", args=[listed.leaf_id])).content.decode()
    assert holds(leaf, proof, vkey)


def test_without_tiles_the_page_stays_and_one_message_says_what_is_wrong(dsr, auditor, login, ledger_directory):
    shutil.rmtree(ledger_directory)
    answer = login(auditor).get(reverse("admin:requests_app_request_proofs", args=[dsr.pk]), follow=True)
    assert b"The published ledger cannot be read here" in answer.content


@pytest.mark.parametrize("who", ["staff", "supervisor", "administrator", "agent", "outsider"])
def test_others_get_no_proofs(who, dsr, login, request):
    client = login(request.getfixturevalue(who))
    leaf = publisher.LedgerIndex.objects.get(seq=3).leaf_id
    assert client.get(reverse("admin:requests_app_ledger_proof", args=[leaf])).status_code == 403
    assert client.get(reverse("admin:requests_app_request_proofs", args=[dsr.pk])).status_code == 403
