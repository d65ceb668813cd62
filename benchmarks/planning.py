"""The calls of searching: ``python -m benchmarks.planning [--subjects 200] [--interactions 100000] [--days 365]``.

In:  nothing but the machine. The other side is the sandbox contact centre, a process of its own, which counts.
Out: a table on the screen, and the same in ``benchmarks/results/planning.md``.
Never here: a verdict, or a count that the portal made of itself: what was called, the sandbox's own log says.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.ledger import environment, table
from tests.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

RESULTS = Path(__file__).parent / "results" / "planning.md"


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The figures, from a process of its own on an empty database."""
    told = environment(f"sqlite:///{folder / 'portal.sqlite3'}", folder) | {
        "BENCH_CLIENT_ID": CLIENT_ID, "BENCH_CLIENT_SECRET": CLIENT_SECRET, "PORTAL_RATE_LIMIT": "0",
    }  # fmt: skip
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], env=told, check=True)
    sandbox = Sandbox(patience=600, interactions=given.interactions, days=given.days, subjects=given.subjects)
    try:
        command = [sys.executable, "-m", "benchmarks.planning_figures", sandbox.url, str(given.days), str(given.alone)]
        done = subprocess.run(command, env=told, check=True, stdout=subprocess.PIPE, text=True)
    finally:
        sandbox.stop()
    return json.loads(done.stdout)


def document(told: dict[str, Any], *, before: str, after: str, given: argparse.Namespace) -> str:
    """The results as a page."""
    sweep, alone = told["sweep"], told["alone"]
    rows = [
        ["Calls, all of them", f"{sweep['calls']:,}", f"{told['bound']:,}", f"{sweep['calls'] / told['bound']:.3f}"],
        ["of them pages of the account", f"{sweep['pages']:,}", f"{told['bound']:,}",
         f"{sweep['pages'] / told['bound']:.3f}"],
        ["Calls that were expected before the first", f"{sweep['expected']:,}", f"{told['bound']:,}",
         f"{sweep['expected'] / told['bound']:.3f}"],
    ]  # fmt: skip
    return "\n\n".join([
        "# Figures of searching",
        f"Written by `python -m benchmarks.planning --subjects {given.subjects} --interactions {given.interactions} "
        f"--days {given.days} --alone {given.alone}`.",
        f"Machine: {machine.described()}.\n\nBefore: {before}. After: {after}.",
        f"## One pass for all who wait\n\n{told['requests']:,} requests wait; the account holds "
        f"{told['interactions']:,} interactions with content over {given.days} days, in {told['windows']} windows. "
        "Nothing was known of it before. The bound is the pages of one pass, Σ max(1, ⌈interactions in the window ÷ "
        "1000⌉), counted afterwards. The calls are those in the sandbox's log, tokens included.\n\n"
        + table(["", "Measured", "Bound", "Ratio"], rows),
        f"It took {sweep['seconds']:.0f} s and {sweep['runs']} runs of a worker that sent a call. Contacts of the "
        f"persons: {told['theirs']:,}; found {told['found']:,}, missed {told['missed']:,}, "
        f"included though a stranger's {told['strangers']:,}.",
        f"## Each alone\n\nThe same for {alone['requests']} of them, each alone: {alone['calls']:,} calls, "
        f"{alone['calls'] / alone['requests']:,.0f} a request; for all {told['requests']:,} that would be about "
        f"{alone['calls'] / alone['requests'] * told['requests']:,.0f}. Their candidates were "
        f"{'the same' if alone['same'] else 'NOT the same'} both ways.",
    ]) + "\n"  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the calls of searching.")
    parser.add_argument("--subjects", type=int, default=200, help="persons who wait at the same time, at most 200")
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--alone", type=int, default=3, help="persons who are searched for once more, each alone")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the sandbox is stopped
    before, folder = machine.load(), Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    try:
        told = measure(folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = document(told, before=before, after=machine.load(), given=given)
    given.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
