"""The evidence of a sample: one file that is read without the portal, and that names nobody."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from content_app import bundle, reporting
from requests_app import audit, publisher, sampling
from requests_app.errors import Refused
from requests_app.models import AccessLogEntry, LedgerLeaf, Sample
from tests import factories
from tests.content_app import admin_story
from tests.requests_app.test_proofs import holds

pytestmark = pytest.mark.django_db
CANARY = (b"Ines Example", b"7700900123", b"7700 900123", b"Ines+", b"Ines%20")


@pytest.fixture
def sample(auditor, staff, validator, supervisor):
    """Two that went the whole way, one that was refused."""
    for _ in range(2):
        request, _ = admin_story.verified(staff, validator, supervisor)
        reporting.record_reply(request.pk, actor=staff, channel="email")
    factories.RequestFactory(state="refused", outcome="refused", closed_at=timezone.now() - timedelta(days=1))
    publisher.publish()
    today = timezone.localdate()
    drawn = sampling.draw(actor=auditor, first=today - timedelta(days=7), last=today, size=3, seed="dice")
    publisher.publish()
    return drawn


def unpacked(packed):
    with packed.file, zipfile.ZipFile(packed.file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_report_entries_proofs_and_reconciliation_of_each_request(sample, auditor):
    files = unpacked(bundle.pack(sample.pk, actor=auditor))
    assert len(sampling.requests_of(sample)) == 3
    for request in sampling.requests_of(sample):
        folder = f"requests/{request.reference}"
        assert json.loads(files[f"{folder}/report.json"])["request"]["id"] == str(request.pk)
        assert files[f"{folder}/report.pdf"].startswith(b"%PDF")
        assert json.loads(files[f"{folder}/reconciliation.json"])["request"] == str(request.pk)
        told = LedgerLeaf.objects.filter(object_id=str(request.pk)).exclude(type="report.exported").count()
        assert sum(name.startswith(f"{folder}/entries/") for name in files) == told
    assert any(b"approval.given" in data for name, data in files.items() if "/entries/" in name)


def test_the_sample_is_drawn_again_from_the_file_alone(sample, auditor):
    files = unpacked(bundle.pack(sample.pk, actor=auditor))
    told = json.loads(files["sample.json"])
    assert hashlib.sha256(files["population.txt"]).hexdigest() == told["population_digest"]
    population = files["population.txt"].decode().split()
    seed = told["seed"].encode()
    ranked = sorted(population, key=lambda one: hashlib.sha256(seed + b"\0" + one.encode()).digest())
    assert ranked[: told["size"]] == told["drawn"]
    assert told["still_draws_the_same"]


def test_its_proofs_hold_under_its_own_checkpoints(sample, auditor):
    files = unpacked(bundle.pack(sample.pk, actor=auditor))
    proved = [name for name in files if name.endswith(".tlog-proof")]
    assert any(name.startswith("sample/") for name in proved)
    for name in proved:
        folder = name.rpartition("proofs/")[0]
        vkey = next(data for one, data in files.items() if one.startswith(folder) and one.endswith("vkey"))
        leaf = files[name.replace("proofs/", "entries/").replace(".tlog-proof", ".json")]
        assert holds(leaf, files[name].decode(), vkey.decode().strip())


def test_nobody_is_named_in_it(sample, auditor):
    files = unpacked(bundle.pack(sample.pk, actor=auditor))
    for name, data in files.items():
        assert not any(value in data for value in CANARY), name


def test_that_it_was_taken_out_is_in_the_ledger_and_in_the_access_log(sample, auditor):
    packed = bundle.pack(sample.pk, actor=auditor)
    facts = json.loads(bytes(LedgerLeaf.objects.get(type="sample.exported").leaf))["facts"]
    assert facts == {"requests": 3, "sha256": packed.sha256}
    assert hashlib.sha256(packed.file.read()).hexdigest() == packed.sha256
    line = AccessLogEntry.objects.get(what="bundle")
    assert (line.user, line.object_id, line.reason) == (auditor, str(sample.pk), "audit_sample")
    assert LedgerLeaf.objects.filter(type="report.exported").count() == 6


def test_what_cannot_be_packed_is_named_and_the_rest_is_there(sample, auditor, ledger_directory, monkeypatch):
    def no_tiles(object_id):
        raise Refused("no_tiles", "The published ledger cannot be read here.")
        yield

    request = sampling.requests_of(sample)[0]
    pack = bundle.proofs.pack
    monkeypatch.setattr(bundle.proofs, "pack", lambda pk: no_tiles(pk) if pk == request.pk else pack(pk))
    files = unpacked(bundle.pack(sample.pk, actor=auditor))
    assert b"cannot be read here" in files[f"requests/{request.reference}/not-included.txt"]
    assert f"requests/{request.reference}/report.json" in files


@pytest.mark.parametrize("who", ["staff", "supervisor", "privacy_manager", "administrator", "outsider"])
def test_others_take_nothing_out(who, sample, request):
    with pytest.raises(Refused):
        bundle.pack(sample.pk, actor=request.getfixturevalue(who))
    assert not LedgerLeaf.objects.filter(type__in=["sample.exported", "report.exported"]).exists()


# --- on screen -------------------------------------------------------------------------------------------------------

LIST, PAGE = "admin:requests_app_sample_changelist", "admin:requests_app_sample_change"


def test_an_auditor_draws_reads_and_downloads(sample, auditor, login):
    client = login(auditor)
    today = timezone.localdate()
    told = {"first": today - timedelta(days=7), "last": today, "size": 2, "seed": ""}
    page = client.post(reverse("admin:content_sample_draw"), told, follow=True).content.decode()
    drawn = Sample.objects.latest("id")
    assert "Drawn: 2 of 3 requests." in page
    assert "Draws the same again" in page
    assert drawn.seed in page
    assert drawn.seed[:10] in client.get(reverse(LIST)).content.decode()
    answer = client.post(reverse("admin:content_sample_bundle", args=[drawn.pk]))
    assert answer["Content-Disposition"].startswith("attachment")
    data = b"".join(answer.streaming_content)
    assert len([name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if name.endswith("report.pdf")]) == 2


def test_a_draw_that_is_refused_keeps_what_was_typed(sample, auditor, login):
    told = {"first": "2020-01-01", "last": "2020-01-02", "size": 2, "seed": "dice"}
    page = login(auditor).post(reverse("admin:content_sample_draw"), told).content.decode()
    assert "No request ended in this period" in page
    assert 'value="2020-01-01"' in page
    assert 'value="dice"' in page
    assert Sample.objects.count() == 1


def test_a_sample_that_does_not_follow_any_more_says_so(sample, auditor, login):
    moved = sampling.requests_of(sample)[0]
    type(moved).objects.filter(pk=moved.pk).update(closed_at=timezone.now() - timedelta(days=60))
    page = login(auditor).get(reverse(PAGE, args=[sample.pk])).content.decode()
    assert "Does not draw the same again" in page


@pytest.mark.parametrize("who", ["staff", "supervisor", "privacy_manager", "administrator", "agent", "outsider"])
def test_others_see_no_samples(who, sample, login, request):
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse(PAGE, args=[sample.pk])).status_code == 403
    assert client.post(reverse("admin:content_sample_draw"), {}).status_code == 403
    assert client.post(reverse("admin:content_sample_bundle", args=[sample.pk])).status_code == 403


def test_a_sample_that_is_not_there_is_not_found(auditor, login):
    client = login(auditor)
    nobody = audit.uuid7()
    assert client.get(reverse(PAGE, args=[nobody])).status_code == 404
    assert client.get(reverse(PAGE, args=["nonsense"])).status_code == 404
    assert client.post(reverse("admin:content_sample_bundle", args=[nobody])).status_code == 404
