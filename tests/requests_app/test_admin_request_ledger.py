"""An auditor takes the audit folder from a request's page of the ledger, and the access log knows."""

import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse

from requests_app import audit_export, folder_check, publisher
from requests_app.models import AccessLogEntry
from tests import story

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(staff, validator):
    return story.validated(staff, validator)


def address(case, name="audit_folder"):
    return reverse(f"admin:requests_app_request_{name}", args=[case.pk])


def test_the_button_downloads_the_folder_that_the_command_writes(case, auditor, login, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    publisher.publish()
    client = login(auditor)
    assert address(case) in client.get(address(case, "ledger")).content.decode()
    response = client.get(address(case))
    assert response.headers["Content-Disposition"] == f'attachment; filename="{case.reference}-ledger.zip"'
    assert "no-store" in response.headers["Cache-Control"]
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        archive.extractall(tmp_path / "got")
    got = tmp_path / "got" / f"{case.reference}-ledger"
    audit_export.export(tmp_path / "commanded", reference=case.reference)
    assert files(got) == files(tmp_path / "commanded")
    assert folder_check.faults_in(got, folder_check.logs_in(got)) == []
    assert list(got.glob("proofs/*.tlog-proof"))
    assert list((tmp_path / "temporary").iterdir()) == [], "nothing stays behind"
    entry = AccessLogEntry.objects.get(what="ledger")
    assert (entry.user, entry.object_id, entry.reason) == (auditor, str(case.pk), "oversight")
    assert case.reference in client.get(reverse("admin:requests_app_accesslogentry_changelist")).content.decode()


def files(place: Path) -> dict[str, bytes]:
    return {one.relative_to(place).as_posix(): one.read_bytes() for one in place.rglob("*") if one.is_file()}


def test_without_a_checkpoint_there_is_a_sentence_and_no_download(case, auditor, login):
    client = login(auditor)
    assert address(case) not in client.get(address(case, "ledger")).content.decode()
    response = client.get(address(case), follow=True)
    assert "Nothing is published yet" in response.content.decode()
    assert not AccessLogEntry.objects.filter(what="ledger").exists()


@pytest.mark.parametrize("who", ["staff", "supervisor", "outsider", "administrator"])
def test_who_does_not_read_the_ledger_gets_nothing(who, case, login, request):
    publisher.publish()
    assert login(request.getfixturevalue(who)).get(address(case)).status_code in (302, 403)
    assert not AccessLogEntry.objects.filter(what="ledger").exists()
