"""Evidence on screen: sealed on the way in, a download on the way out, and nothing that a browser would run."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from requests_app import validation
from requests_app.models import AccessLogEntry, Evidence, Request
from tests import factories

Login = Callable[[User], Client]


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def dsr(agent: User) -> Request:
    return factories.RequestFactory(opened_by=agent)


@pytest.fixture
def document(dsr: Request, staff: User) -> Evidence:
    return validation.add_evidence(dsr.pk, actor=staff, kind="message", name="letter.png", data=picture())


def url_of(document: Evidence) -> str:
    return reverse("admin:requests_app_request_open_evidence", args=[document.request_id, document.pk])


def upload(client: Client, dsr: Request, name: str, data: bytes) -> Any:
    url = reverse("admin:requests_app_request_evidence", args=[dsr.pk])
    return client.post(url, {"kind": "message", "file": SimpleUploadedFile(name, data)}, follow=True)


def test_staff_add_a_document(staff: User, dsr: Request, login: Login) -> None:
    page = upload(login(staff), dsr, "letter.png", picture())
    assert b"sealed and kept" in page.content
    assert Evidence.objects.get().added_by == staff


def test_a_file_that_is_no_document_is_refused_in_words(staff: User, dsr: Request, login: Login) -> None:
    page = upload(login(staff), dsr, "letter.pdf", b"<script>alert(1)</script>")
    assert page.status_code == 200
    assert b'class="error"' in page.content
    assert not Evidence.objects.exists()


def test_no_file_is_a_sentence_beside_the_field(staff: User, dsr: Request, login: Login) -> None:
    url = reverse("admin:requests_app_request_evidence", args=[dsr.pk])
    assert b"Choose a file of at most 10 MB" in login(staff).post(url, {"kind": "message"}).content


def test_two_files_in_one_hand_made_upload_are_refused(staff: User, dsr: Request, login: Login) -> None:
    url = reverse("admin:requests_app_request_evidence", args=[dsr.pk])

    def one(name: str) -> SimpleUploadedFile:
        return SimpleUploadedFile(name, picture(), "image/png")

    for files in ({"file": [one("a.png"), one("b.png")]}, {"file": one("a.png"), "another": one("b.png")}):
        page = login(staff).post(url, {"kind": "message", **files})
        assert b"one file at a time" in page.content
        assert not Evidence.objects.exists()


def test_every_limit_is_told_beside_the_field(staff: User, dsr: Request, login: Login) -> None:
    page = login(staff).get(reverse("admin:requests_app_request_change", args=[dsr.pk]))
    for limit in (b"10 MB", b"20 pages", b"40 million pixels", b"5 documents"):
        assert limit in page.content


def test_the_address_of_a_document_asks_why_and_gives_nothing(staff: User, document: Evidence, login: Login) -> None:
    page = login(staff).get(url_of(document))
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/html")
    for code, words in validation.OPEN_REASONS:
        assert f'<option value="{code}">{words}</option>'.encode() in page.content
    assert not AccessLogEntry.objects.filter(what="evidence").exists()


@pytest.mark.parametrize("reason", ["", "curiosity"])
def test_without_a_reason_nothing_is_opened(staff: User, document: Evidence, login: Login, reason: str) -> None:
    page = login(staff).post(url_of(document), {"reason": reason}, follow=True)
    assert b"Choose a reason" in page.content
    assert page.redirect_chain == [(url_of(document), 302)]
    assert not AccessLogEntry.objects.filter(what="evidence").exists()


def test_a_download_is_an_attachment_that_nothing_runs(staff: User, document: Evidence, login: Login) -> None:
    response = login(staff).post(url_of(document), {"reason": "reading_request"})
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert "letter" not in response["Content-Disposition"]  # the uploader's name is not ours
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert AccessLogEntry.objects.filter(
        user=staff, what="evidence", object_id=str(document.pk), reason="reading_request"
    ).exists()


@pytest.mark.parametrize("who", ["auditor", "administrator", "agent", "outsider", "dpo", "privacy_manager"])
def test_nobody_else_opens_it(who: str, document: Evidence, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(url_of(document)).status_code == 403
    assert client.post(url_of(document), {"reason": "reading_request"}).status_code == 403


def test_a_document_is_found_under_its_own_request_only(staff: User, document: Evidence, login: Login) -> None:
    other = factories.RequestFactory()
    url = reverse("admin:requests_app_request_open_evidence", args=[other.pk, document.pk])
    assert login(staff).get(url).status_code == 404
    assert login(staff).post(url, {"reason": "reading_request"}).status_code == 404


def test_a_destroyed_document_leaves_a_note(staff: User, document: Evidence, login: Login) -> None:
    Evidence.objects.filter(pk=document.pk).update(
        wrapped_file_key=None, destroyed_at=factories.timezone.now(), file=""
    )
    for page in (
        login(staff).get(url_of(document), follow=True),
        login(staff).post(url_of(document), {"reason": "reading_request"}, follow=True),
    ):
        assert b"has been destroyed" in page.content


def test_the_access_log_shows_why(staff: User, auditor: User, document: Evidence, login: Login) -> None:
    login(staff).post(url_of(document), {"reason": "second_look"})
    page = login(auditor).get(reverse("admin:requests_app_accesslogentry_changelist"))
    assert b"Looking again before an approval" in page.content
