"""Chromium for the browser tests: which one, how it starts, and that a page without a fault stays without one.

A page whose console reports an error fails its test; that is how a breach of the content security policy shows.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page

from tests import chromium
from tests.browser.visitor import Visitor
from tests.demo import Demo, running
from tests.factories import PASSWORD


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    program = chromium.find()
    if program is None:
        pytest.fail("No Chromium here. `make test` fetches one; Debian has a package; CHROMIUM=/path names another.")
    return browser_type_launch_args | {"executable_path": program, "args": list(chromium.FLAGS)}


@pytest.fixture(autouse=True)
def faults(page: Page) -> Iterator[list[str]]:
    """What the console reported. A test that provokes a fault empties the list."""
    reported: list[str] = []
    page.on("console", lambda message: reported.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: reported.append(str(error)))
    yield reported
    assert not reported


@pytest.fixture
def sign_in(page: Page, live_server: Any) -> Callable[[User], Page]:
    """``sign_in(user)`` goes through the sign-in page, as a person does."""

    def enter(user: User) -> Page:
        page.goto(f"{live_server.url}/accounts/login/")
        page.fill("input[name=login]", user.username)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{live_server.url}/admin/**")
        return page

    return enter


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One running demo, with its story, for all tests that visit it."""
    with running(tmp_path_factory.mktemp("demo") / "here") as one:
        yield one


@pytest.fixture(scope="module")
def visit(browser: Browser, demo: Demo) -> Iterator[Callable[[str], Visitor]]:
    """``visit("staff")`` is that account, signed in, in a browser of its own that notices every fault."""
    visitors: dict[str, Visitor] = {}

    def arrive(who: str) -> Visitor:
        if who not in visitors:
            visitors[who] = Visitor(browser, demo, who)
            visitors[who].sign_in()
        return visitors[who]

    yield arrive
    for visitor in visitors.values():
        visitor.close()
