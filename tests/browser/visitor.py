"""Somebody who visits the demo in a browser, and notices everything that is wrong with a page.

In:  a browser, a running demo, an account.
Out: pages that were looked at: faults, breaches, foreign addresses, and what the eye cannot read fail the test.
Never here: a word about what a page is for. The tests know that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, ViewportSize, expect

from tests.demo import Demo
from tests.run import IN_CI

DESK, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
Scheme = Literal["light", "dark"]
PICTURES = Path(__file__).resolve().parents[2] / "test-results" / "screens"
#: Chromium says it too, but only for what it blocked; a policy that reports would stay unheard.
_LISTEN = """addEventListener("securitypolicyviolation", breach =>
  console.error("CSP: " + breach.violatedDirective + " " + breach.blockedURI))"""

#: Colours on their way from light to dark are neither.
_COME_TO_REST = """() => Promise.allSettled(document.getAnimations()
  .filter(one => one.effect.getComputedTiming().endTime !== Infinity).map(one => one.finished))"""
#: The first few elements that reach beyond the right edge.
_BEYOND = """() => [...document.querySelectorAll("body *")]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)
  .map(one => one.outerHTML.slice(0, 160))"""
#: What the same page can do wrong on a phone in dark alone: its names, its order and its roles are those of the desk.
ON_A_PHONE = ("color-contrast", "target-size", "scrollable-region-focusable", "aria-hidden-focus", "link-in-text-block")
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Visitor:
    """One account in a browser context of its own. ``faults`` is emptied by whoever provokes one on purpose."""

    def __init__(self, browser: Browser, demo: Demo, who: str, *, size: ViewportSize = DESK) -> None:
        self.demo, self.who, self.faults = demo, who, list[str]()
        self.context = browser.new_context(base_url=demo.url, viewport=size, reduced_motion="reduce")
        self.context.add_init_script(_LISTEN)
        self.context.on("request", lambda request: self._notice_address(request.url))
        self.context.on("response", lambda answer: self._notice_answer(answer.status, answer.url))
        self.context.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)

    def _notice_address(self, url: str) -> None:
        if not url.startswith((f"{self.demo.url}/", "data:")):
            self.faults.append(f"asked another host: {url}")

    def _notice_answer(self, status: int, url: str) -> None:
        if status >= 500:
            self.faults.append(f"{status} at {url}")

    # --- acting ------------------------------------------------------------------------------------------------------

    def sign_in(self) -> Page:
        """Through the sign-in page, as a person does."""
        self.page.goto("/accounts/login/")
        self.page.fill("input[name=login]", self.who)
        self.page.fill("input[name=password]", self.demo.password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")
        return self.page

    def open(self, path: str) -> Page:
        """Go there, and wait until the page is at rest but for what it asks again and again."""
        self.page.goto(path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Until the fragments that a page pulls in are there."""
        self.page.wait_for_load_state("load")
        expect(self.page.locator(".loading, .htmx-request")).to_have_count(0, timeout=30_000)

    def press(self, name: str) -> None:
        """Press the button of that name, and wait for the page that comes of it."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()
        self.settle()

    def close(self) -> None:
        self.context.close()
        assert self.faults == [], f"{self.who}, after the last look"

    # --- looking -----------------------------------------------------------------------------------------------------

    def look(self, name: str = "") -> None:
        """Nothing is wrong with the page that is open."""
        wrong = self.inspect(name)
        assert wrong == [], wrong

    def inspect(self, name: str = "") -> list[str]:
        """What is wrong with the page that is open: on the desk in light, on a phone in dark. With a name: pictures."""
        wrong = self._inspect(DESK, "light", name) + self._inspect(PHONE, "dark", name, only=ON_A_PHONE)
        self.page.set_viewport_size(DESK)
        self.page.emulate_media(color_scheme="light")
        wrong += [f"{self.who} at {self.page.url}: {fault}" for fault in self.faults]
        self.faults.clear()
        return wrong

    def _inspect(self, size: ViewportSize, scheme: Scheme, name: str, only: tuple[str, ...] = ()) -> list[str]:
        """A page that follows the work loads itself afresh when a state changes; then it is looked at again."""
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=scheme)
        for attempt in range(3):
            self.settle()
            try:
                wider, wrong = self.page.evaluate(_TOO_WIDE), serious(self.page, only=only)
                if name:
                    self._keep_picture(f"{self.who}-{name}-{size['width']}-{scheme}")
                break
            except Error:
                # Chromium answers late, oddly or never of a page that leaves meanwhile; its picture waits for a frame.
                if attempt == 2:
                    raise
        if wider > 0:
            wrong.append(f"{wider} px wider than the screen: {self.page.evaluate(_BEYOND)}")
        return [f"{self.who} at {self.page.url}, {size['width']} px, {scheme}: {one}" for one in wrong]

    def _keep_picture(self, name: str) -> None:
        """For somebody to look at. In CI nobody does, and it takes a minute of all."""
        if IN_CI:
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{re.sub('[^a-z0-9-]+', '-', name.lower())}.jpg"
        # JPEG takes a fraction of the time of a PNG. Seconds, also on a busy machine: what takes longer is tried again.
        self.page.screenshot(path=path, full_page=True, type="jpeg", quality=85, timeout=10_000)


def serious(page: Page, *, only: tuple[str, ...] = ()) -> list[str]:
    """What keeps somebody from reading or using the page, as axe sees it once its colours are at rest."""
    page.evaluate(_COME_TO_REST)
    rules = {"runOnly": list(only)} if only else {}
    found = Axe().run(page, options={"resultTypes": ["violations"]} | rules).response["violations"]
    return [
        f"{one['id']}: {[(node['target'], node.get('failureSummary', '')[:200]) for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
