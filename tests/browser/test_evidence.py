"""T-UP-9: hostile uploads in a browser. Whatever is tried with their address, they are downloads and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from requests_app import validation
from requests_app.models import AccessLogEntry, Evidence
from tests import factories, hostile_files

#: What is accepted, though it was made to be something else as well.
ACCEPTED = {
    name: made for name, made in hostile_files.polyglots().items() if name.startswith(("a JPEG", "a PNG", "a lo"))
}

_FRAME = """url => new Promise(done => {
  const frame = document.createElement("iframe")
  frame.name = "trap"
  frame.onload = () => done(frame.contentDocument ? frame.contentDocument.body.innerText : "closed")
  frame.src = url
  document.body.append(frame)
})"""
_AS_PART = """url => Promise.all(["img", "script", "object", "embed"].map(name => new Promise(done => {
  const part = document.createElement(name)
  part.onload = () => done(name + (part.naturalWidth === 0 ? " failed" : " loaded"))
  part.onerror = () => done(name + " failed")
  setTimeout(() => done(name + " failed"), 3000)
  name === "object" ? part.data = url : part.src = url
  document.body.append(part)
})))"""
_POST_INTO_FRAME = """([url, token]) => {
  const form = document.createElement("form")
  Object.assign(form, {method: "post", action: url, target: "trap"})
  for (const [name, value] of [["csrfmiddlewaretoken", token], ["reason", "identity_check"]])
    form.append(Object.assign(document.createElement("input"), {name, value}))
  document.body.append(form)
  form.submit()
}"""


@pytest.fixture
def documents(agent: User, staff: User) -> dict[str, Evidence]:
    kept = {}
    for name, (file_name, data) in ACCEPTED.items():
        dsr = factories.RequestFactory(opened_by=agent)
        kept[name] = validation.add_evidence(dsr.pk, actor=staff, kind="other", name=file_name, data=data)
    return kept


def test_t_up_9_a_hostile_upload_is_a_download_and_nothing_else(
    documents: dict[str, Evidence], staff: User, sign_in: Callable[[User], Page], live_server: Any, faults: list[str]
) -> None:
    page = sign_in(staff)
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: ran.append(popup.url))
    for name, document in documents.items():
        url = live_server.url + reverse(
            "admin:requests_app_request_open_evidence", args=[document.request_id, document.pk]
        )
        # Opened directly: a question, and after the answer a download beside the page.
        page.goto(url)
        expect(page.get_by_text("Say why you open this document")).to_be_visible()
        page.select_option("select[name=reason]", "identity_check")
        with page.expect_download() as begun:
            page.get_by_role("button", name="Download").click()
        assert begun.value.suggested_filename.startswith(document.request.reference), name
        assert page.url == url
        # In a frame, and as a part of a page: not shown, not run.
        assert page.evaluate(_FRAME, url) == "closed", name
        assert "loaded" not in " ".join(page.evaluate(_AS_PART, url)), name
        # The answer itself, sent into a frame.
        token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
        with page.expect_download():
            page.evaluate(_POST_INTO_FRAME, [url, token])
        assert all(not frame.url.startswith(url) or frame == page.main_frame for frame in page.frames), name
    assert not ran
    assert faults, "the browser says what it refused"
    faults.clear()
    assert AccessLogEntry.objects.filter(what="evidence", reason="identity_check").count() == 2 * len(documents)


def test_the_question_is_readable_by_all(
    documents: dict[str, Evidence], supervisor: User, sign_in: Callable[[User], Page], live_server: Any
) -> None:
    page, document = sign_in(supervisor), next(iter(documents.values()))
    page.goto(live_server.url + reverse("admin:requests_app_request_change", args=[document.request_id]))
    page.get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", name="Open a document")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert Axe().run(page).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
