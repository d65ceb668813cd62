"""Progress moves on the screen by itself, on the first page and on the request's, and comes to rest."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from content_app import receipts
from content_app.models import Breaker, Errand, Plan
from requests_app.models import Request
from tests import factories
from tests.browser.visitor import DESK, ON_A_PHONE, PHONE, serious
from tests.content_app import admin_story


@pytest.fixture
def deleting(settings: Any, staff: User, validator: User, supervisor: User) -> tuple[Request, Plan]:
    """An approved request of five files, the first of which is gone."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    factories.heartbeat("cluster")
    factories.heartbeat("loop")
    case, plan = admin_story.approved(staff, validator, supervisor, {}, {}, {}, {}, {})
    Errand.objects.create(request=case, next_at=timezone.now())
    _delete(plan, 1)
    return case, plan


def _delete(plan: Plan, count: int) -> None:
    items: list[Any] = list(receipts.unfinished(plan))[:count]
    intent = receipts.intend(receipts.open_step(plan, kind="batch", items=items), items=items, kind="batch")
    receipts.receive(intent, [(item, "deleted", "") for item in items])


def _stay(page: Page) -> Callable[[], bool]:
    """Whether it is still the same document that was loaded first."""
    page.evaluate("window.loadedOnce = true")
    return lambda: bool(page.evaluate("window.loadedOnce === true"))


def _sound(page: Page) -> None:
    for size, scheme, only in ((DESK, "light", ()), (PHONE, "dark", ON_A_PHONE)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert serious(page, only=only) == []


def test_the_first_page_moves_and_comes_to_rest(
    deleting: tuple[Request, Plan], supervisor: User, sign_in: Callable[[User], Page]
) -> None:
    case, plan = deleting
    page = sign_in(supervisor)
    same = _stay(page)
    now = page.locator("#workers-now")
    expect(now).to_contain_text("1 of 5 files")
    _delete(plan, 2)
    expect(now).to_contain_text("3 of 5 files", timeout=15_000)
    system = plan.items.first().system  # type: ignore[union-attr]
    Errand.objects.update(failures=2, attention="paused", next_at=timezone.now() + timedelta(minutes=4))
    Breaker.objects.create(system=system, position="open", reason="server_error", retry_at=timezone.now())
    expect(now).to_contain_text("Left alone for a while", timeout=15_000)
    expect(now).to_contain_text("Failed 2 times in a row")
    _sound(page)
    Errand.objects.update(attention="shadow")
    expect(now).to_contain_text("Nothing is being worked on.", timeout=15_000)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.wait_for_timeout(5_000)
    assert asked == [], "at rest nothing is asked any more"
    assert same()
    assert case.reference


def test_the_page_of_a_request_moves(
    deleting: tuple[Request, Plan], staff: User, sign_in: Callable[[User], Page], live_server: Any
) -> None:
    case, plan = deleting
    page = sign_in(staff)
    page.goto(live_server.url + reverse("admin:requests_app_request_change", args=[case.pk]))
    panel = page.locator("#workshop")
    expect(panel).to_contain_text("1 of 5", timeout=15_000)
    same = _stay(page)
    _delete(plan, 3)
    expect(panel).to_contain_text("4 of 5", timeout=15_000)
    expect(panel).to_contain_text("files a minute lately")
    assert same()


def test_given_up_work_is_started_again_from_the_keyboard(
    deleting: tuple[Request, Plan], supervisor: User, sign_in: Callable[[User], Page], live_server: Any
) -> None:
    case, _ = deleting
    Errand.objects.update(attention="poisoned", starts=4)
    page = sign_in(supervisor)
    page.goto(live_server.url + reverse("admin:requests_app_request_change", args=[case.pk]))
    reason = page.get_by_label("Start the work again because")
    reason.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(11_000)  # the panel has asked for itself meanwhile
    expect(reason).to_have_value("looked_into")
    _sound(page)
    page.get_by_role("button", name="Start again").press("Enter")
    expect(page.get_by_text("Started again.")).to_be_visible()
    assert Errand.objects.get(request=case).attention == ""


def test_the_operators_page_is_readable_and_looks_again_by_itself(
    deleting: tuple[Request, Plan], supervisor: User, sign_in: Callable[[User], Page], live_server: Any
) -> None:
    case, plan = deleting
    system = plan.items.first().system  # type: ignore[union-attr]
    Breaker.objects.create(system=system, position="open", reason="timeout", retry_at=timezone.now())
    Errand.objects.update(attention="paused", failures=2)
    factories.heartbeat("cluster", node="blue-2", ago=timedelta(minutes=2))
    page = sign_in(supervisor)
    page.get_by_role("link", name="Operations").click()
    middle = page.locator("#operations")
    expect(middle).to_contain_text("blue-2 is silent")
    expect(middle).to_contain_text(case.reference)
    _sound(page)
    same = _stay(page)
    factories.heartbeat("cluster", node="green-7")
    expect(middle).to_contain_text("green-7", timeout=30_000)
    assert same()


def test_in_a_tab_that_nobody_sees_nothing_is_asked(
    deleting: tuple[Request, Plan], supervisor: User, sign_in: Callable[[User], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("content_app.admin.operating.EVERY", 1)
    monkeypatch.setattr("content_app.admin.operating.SELDOM", 1)
    page = sign_in(supervisor)
    page.get_by_role("link", name="Operations").click()
    middle = page.locator("#operations")
    factories.heartbeat("cluster", node="green-7")
    expect(middle).to_contain_text("green-7", timeout=15_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    factories.heartbeat("cluster", node="green-8")
    page.wait_for_timeout(4_000)
    assert asked == []
    monkeypatch.setattr("content_app.admin.operating.EVERY", 1_000)
    page.evaluate("delete document.hidden")
    expect(middle).to_have_attribute("hx-trigger", "every 1000s, look", timeout=15_000)
    factories.heartbeat("cluster", node="green-9")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(middle).to_contain_text("green-9", timeout=15_000)
