"""Finds Chromium for the browser tests: on this machine, else Playwright's own, fetched if it must be.

In:  the machine.
Out: the program's path, or ``None``.
Never here: silence. ``tests.run`` says loudly when there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PLACES = ("/usr/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

#: Nothing that speaks to the world by itself, and nothing that a container lacks.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)


def find() -> str | None:
    """A Chromium that is here already. ``CHROMIUM=/path`` decides by itself."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return chosen
    installed = (shutil.which(name) for name in _NAMES)
    known = (place for place in _PLACES if Path(place).exists())
    return next(filter(None, (*installed, *known)), None) or _playwrights_own()


def fetch() -> str | None:
    """Playwright's own, downloaded. ``None`` when the network does not give it."""
    install = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(install, check=True, timeout=300, stdin=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        return None
    return _playwrights_own()


def _playwrights_own() -> str | None:
    cache = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    folders = [
        Path(cache) if cache else Path.home() / ".cache" / "ms-playwright",
        Path.home() / "Library" / "Caches" / "ms-playwright",
    ]
    paths = (path for folder in folders for path in folder.glob("chromium*/**/*"))
    return max((str(path) for path in paths if path.name in _OWN and path.is_file()), default=None)


#: What Playwright calls its program, on one system or another.
_OWN = {"chrome", "chrome-headless-shell", "headless_shell", "Chromium", "Google Chrome for Testing"}
