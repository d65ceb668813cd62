"""Runs the tests where they have to run, and sums up: ``python -m tests.run sqlite postgresql browser``.

In:  the names of legs.
Out: each leg's own output, one line for each at the end, and a closing line for all.
Never here: a leg that is left out in silence. What cannot run says so, and in CI (``CI=true``) that is a failure, as is
every skipped test.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests import chromium

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
_PYTEST = (sys.executable, "-m", "pytest")
_NO_TESTS = 5
#: Two at a time; whichever is done first takes over from the other, since a few tests last a minute.
_TWO = ("-n", "2", "--dist", "worksteal")


@dataclass
class Leg:
    """One run of pytest, and what came of it."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    broke: bool = False

    @property
    def ok(self) -> bool:
        bad = self.broke or self.counts.get("failed", 0)
        return not bad and not (IN_CI and (self.missing or self.counts.get("skipped", 0)))

    @property
    def verdict(self) -> str:
        if not self.ok:
            return "FAILED"
        return "!!" if self.missing else "ok"


def sqlite() -> Leg:
    """Everything but the browser, the pure tests too."""
    return Leg("SQLite", (*_PYTEST, *_TWO, "-m", "not browser and not long"), {"DATABASE_URL": ""})


def postgresql() -> Leg:
    """What touches a database, once more on the other one."""
    return Leg(
        "PostgreSQL",
        (sys.executable, "-m", "tests.postgres", *_PYTEST, *_TWO, "-m", "not pure and not browser and not long"),
    )


def browser() -> Leg:
    """What people see, in Chromium. A file tells one story, so one browser tells all of it."""
    program = chromium.find() or chromium.fetch()
    return Leg(
        "Chromium",
        (*_PYTEST, "-n", "2", "--dist", "loadfile", "-m", "browser"),
        {"DATABASE_URL": "", "CHROMIUM": program or ""},
        missing="" if program else "no Chromium was found, and Playwright could not fetch one",
    )


LEGS: dict[str, Callable[[], Leg]] = {"sqlite": sqlite, "postgresql": postgresql, "browser": browser}


def run(leg: Leg) -> None:
    """Run a leg to its end, and read what came of it."""
    print(f"\n\033[1m· {leg.name}\033[0m", flush=True)
    if leg.missing:
        _shout(f"NOT RUN: {leg.missing}.", "Debian: apt-get install chromium. Or CHROMIUM=/path/to/chromium.")
        return
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = (*leg.command, f"--junit-xml={report}")
        code = subprocess.run(command, env=os.environ | leg.environment, check=False).returncode
        leg.seconds = time.monotonic() - began
        leg.broke = code not in (0, _NO_TESTS)
        leg.counts = _read(report) if report.exists() else {}


def _read(report: Path) -> dict[str, int]:
    suites = ET.parse(report).getroot().iter("testsuite")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in suites:
        bad, skipped = int(suite.get("failures", 0)) + int(suite.get("errors", 0)), int(suite.get("skipped", 0))
        counts["failed"] += bad
        counts["skipped"] += skipped
        counts["passed"] += int(suite.get("tests", 0)) - bad - skipped
    return counts


def _shout(*lines: str) -> None:
    wall = "!" * 100
    print(wall, *(f"!!  {line}" for line in lines), wall, sep="\n", flush=True)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "no tests"


def sum_up(legs: list[Leg]) -> None:
    """One line for each leg, and a closing line that counts all of them."""
    print("\n")
    for leg in legs:
        story = f"NOT RUN: {leg.missing}" if leg.missing else f"{_told(leg.counts):40} {leg.seconds:6.1f} s"
        print(f"  {leg.name:12} {leg.verdict:8} {story}")
        if IN_CI and leg.counts.get("skipped"):
            print(f"  {'':12} {'':8} in CI nothing may be skipped")
    totals: dict[str, int] = {}
    for what in ("passed", "failed", "skipped"):
        totals[what] = sum(leg.counts.get(what, 0) for leg in legs)
    missing = [leg.name for leg in legs if leg.missing]
    closing = _told(totals) + (f", {' and '.join(missing)} NOT RUN" if missing else "")
    print(f"\n===== {closing} in {sum(leg.seconds for leg in legs):.2f}s =====", flush=True)


def main(names: list[str]) -> int:
    """Run the legs one after the other; two cores are busy with one."""
    legs = []
    for name in names:
        legs.append(LEGS[name]())
        run(legs[-1])
    sum_up(legs)
    return 0 if all(leg.ok for leg in legs) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or list(LEGS)))
    except KeyboardInterrupt:
        sys.exit(130)
