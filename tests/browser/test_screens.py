"""Every screen, as the one who uses it: no fault, no call outside, nothing wider than the screen, readable by all."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Page

from requests_app import intake, validation
from requests_app.models import LedgerLeaf, Request
from tests import factories
from tests.browser.visitor import DESK, ON_A_PHONE, PHONE, serious


@pytest.fixture
def outside(page: Page, live_server: Any) -> Iterator[list[str]]:
    """Addresses that a page called and that are not the portal's."""
    called: list[str] = []
    page.on(
        "request", lambda one: called.append(one.url) if not one.url.startswith((live_server.url, "data:")) else None
    )
    yield called
    assert not called


@pytest.fixture
def dsr(agent: User, staff: User) -> Request:
    taken = intake.open_request(
        actor=agent, right="erasure", channel="phone", jurisdiction="UK", received_at=factories.timezone.now(),
        name="Margaret O’Brien", identifiers=[("phone", "+447700900123"), ("email", "margaret@example.org")],
    ).request  # fmt: skip
    validation.record_finding(taken.pk, actor=staff, method="callback", level="IAL-2", result="passed")
    return taken


def look(page: Page, url: str) -> None:
    """Open one page at the desk in light and on the phone in dark."""
    for size, scheme, only in ((DESK, "light", ()), (PHONE, "dark", ON_A_PHONE)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(url)
        page.wait_for_load_state("networkidle")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{url} is {wider} pixels wider than {size['width']}"
        assert serious(page, only=only) == [], f"{url} {scheme}"


PAGES: dict[str, tuple[str, ...]] = {
    "agent": ("admin:index", "admin:requests_app_request_add"),
    "staff": (
        "admin:index", "admin:requests_app_request_changelist", "page", "mfa_index", "account_change_password",
        "usersessions_list", "admin:requests_app_datasubject_changelist",
    ),
    "supervisor": ("admin:index", "page"),
    "auditor": (
        "admin:index", "page", "admin:requests_app_ledgerleaf_changelist", "entry",
        "admin:requests_app_accesslogentry_changelist",
    ),
    "administrator": (
        "admin:index", "admin:auth_user_changelist", "admin:auth_user_add", "person", "admin:auth_group_changelist",
        "admin:requests_app_staffaccount_changelist", "admin:requests_app_staffaccount_add",
    ),
    "outsider": ("admin:index",),
}  # fmt: skip


@pytest.mark.parametrize("who", PAGES)
def test_every_screen_of_a_role_is_sound(
    who: str, request: Any, dsr: Request, sign_in: Callable[[User], Page], live_server: Any, outside: list[str]
) -> None:
    user = request.getfixturevalue(who)
    page = sign_in(user)
    for name in PAGES[who]:
        special = {
            "page": lambda: reverse("admin:requests_app_request_change", args=[dsr.pk]),
            "entry": lambda: reverse("admin:requests_app_ledgerleaf_change", args=[LedgerLeaf.objects.latest("id").pk]),
            "person": lambda: reverse("admin:auth_user_change", args=[dsr.opened_by_id]),
        }
        look(page, live_server.url + (special[name]() if name in special else reverse(name)))


def test_the_way_in_is_sound(page: Page, live_server: Any, db: None, outside: list[str]) -> None:
    look(page, live_server.url + reverse("account_login"))


def test_an_agent_takes_a_request_on_a_phone(
    agent: User, sign_in: Callable[[User], Page], live_server: Any, outside: list[str]
) -> None:
    page = sign_in(agent)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(live_server.url + reverse("admin:requests_app_request_add"))
    page.get_by_label("Name of the person").fill("Rosa Blum")
    page.get_by_label("Identifier 1", exact=True).fill("07700 900123")
    page.get_by_text("Another number or address").click()
    page.get_by_label("Identifier 2", exact=True).fill("rosa@example.org")
    page.get_by_role("button", name="Take the request").click()
    page.get_by_role("heading", name="The request is taken").wait_for()
    made = Request.objects.get()
    assert made.reference in page.inner_text("main")
    assert made.subject.identifiers.count() == 2


def test_what_was_typed_outlives_a_session_that_ended_in_another_tab(
    agent: User, sign_in: Callable[[User], Page], live_server: Any
) -> None:
    page = sign_in(agent)
    page.goto(live_server.url + reverse("admin:requests_app_request_add"))
    page.get_by_label("Name of the person").fill("Nina Typed")
    page.get_by_label("Identifier 1", exact=True).fill("07700 900321")
    Session.objects.all().delete()
    page.get_by_role("button", name="Take the request").click()
    page.get_by_text("You have been signed out").wait_for()
    assert page.get_by_label("Name of the person").input_value() == "Nina Typed"
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Sign in").click()
    door = opened.value
    door.fill("input[name=login]", agent.username)
    door.fill("input[name=password]", factories.PASSWORD)
    door.click("button[type=submit]")
    door.wait_for_url(f"{live_server.url}/admin/**")
    page.get_by_role("button", name="Take the request").click()
    page.get_by_role("heading", name="The request is taken").wait_for()
    assert Request.objects.count() == 1


def test_the_theme_changes_and_stays(staff: User, sign_in: Callable[[User], Page]) -> None:
    page = sign_in(staff)
    page.get_by_role("button", name="Change the theme").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")
    assert chosen in ("light", "dark")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == chosen
