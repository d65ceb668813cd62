"""The figures of the ledger: ``python -m benchmarks.ledger [--seconds 10] [--backlog 50000] [--entries 1000000]``.

In:  nothing but the machine. PostgreSQL comes as a wheel and flushes every commit, as it must in production.
Out: a table on the screen, and the same in ``benchmarks/results/ledger.md``.
Never here: a verdict. Figures are compared within one run, on one machine.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine
from tests.postgres import Server

RESULTS = Path(__file__).parent / "results" / "ledger.md"
#: PostgreSQL as it comes, which is durable; only the pace of its checkpoints is set for long runs.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_wal_size=4GB", "max_connections=60")


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """name → address of an empty database of each kind."""
    server = Server(folder, options=DURABLE, segment_mb=16)
    try:
        server.start()
        yield {"PostgreSQL": server.url, "SQLite": f"sqlite:///{folder / 'portal.sqlite3'}"}
    finally:
        server.stop()


def environment(url: str, folder: Path) -> dict[str, str]:
    """Production's settings, with keys that nothing else uses."""
    seal, index, digest = (base64.b64encode(os.urandom(32)).decode() for _ in range(3))
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "gdpr_portal.settings", "DATABASE_URL": url, "PORTAL_VAR_DIR": str(folder),
        "PORTAL_SECRET_KEY": os.urandom(32).hex(), "PORTAL_KEKS": f"1:{seal}", "PORTAL_INDEX_KEYS": f"1:{index}",
        "PORTAL_DIGEST_KEYS": f"1:{digest}",
        "PORTAL_LEDGER_NAME": "benchmark/audit", "PORTAL_LOG_LEVEL": "ERROR", "PORTAL_TLS": "0", "DEMO": "1",
    }  # fmt: skip


def measure(url: str, folder: Path, *numbers: float) -> dict[str, Any]:
    """One database's figures, from a process of its own."""
    given = environment(url, folder)
    folder.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], env=given, check=True)
    command = [sys.executable, "-m", "benchmarks.ledger_figures", *map(str, numbers)]
    done = subprocess.run(command, env=given, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


# --- writing down ----------------------------------------------------------------------------------------------------


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _appends(told: dict[str, dict[str, Any]]) -> str:
    rows = [
        [name, writers, f"{one['entries']:,.0f}", f"{one['bare']:,.0f}", f"{one['entries'] / one['bare']:.2f}"]
        for name, figures in told.items()
        for writers, one in figures["appending"].items()
        if writers != "bytes"
    ]
    return table(["Database", "Writers", "Entries a second", "Bare inserts a second", "Ratio"], rows)


def _publishes(told: dict[str, dict[str, Any]]) -> str:
    rows = [
        [name, *(f"{figures['publishing'][what]:,.0f}" for what in ("numbered", "published", "both"))]
        for name, figures in told.items()
    ]
    return table(["Database", "Numbered a second", "Published a second", "Both, one after the other"], rows)


def _verifies(told: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, figures in told.items():
        one = figures["verifying"]
        took = [f"{one[what]:.1f}" for what in ("seconds", "processor", "sha256")]
        rows.append([name, f"{one['entries']:,}", *took, f"{one['processor'] / one['sha256']:.1f}"])
    head = ["Database", "Entries", "Seconds to verify", "of them on the processor", "Bare SHA-256", "Ratio of the two"]
    return table(head, rows)


def document(told: dict[str, dict[str, Any]], *, before: str, after: str, given: argparse.Namespace) -> str:
    """The results as a page."""
    size = next(iter(told.values()))["appending"]["bytes"]
    return "\n\n".join([
        "# Figures of the ledger",
        f"Written by `python -m benchmarks.ledger --seconds {given.seconds:g} --backlog {given.backlog} "
        f"--entries {given.entries}`.",
        f"Machine: {machine.described()}.\n\nBefore: {before}. After: {after}.",
        f"## Appending\n\nAn entry of {size} bytes in a transaction of its own, every commit flushed to the disk; "
        "beside the same bytes into a table with nothing but a number. Medians of five rounds that take turns.\n\n"
        + _appends(told),
        f"## Numbering and publishing\n\nA backlog of {given.backlog:,} entries: numbers; then tiles, bundles and one "
        "signed checkpoint.\n\n" + _publishes(told),
        "## Verifying\n\n`manage.py verify_audit`: every hash, number, column, checkpoint; beside the SHA-256 of the "
        "same tree over the same bytes in memory.\n\n" + _verifies(told),
    ]) + "\n"  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ledger on this machine.")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement of appends")
    parser.add_argument("--backlog", type=int, default=50_000, help="entries to number and publish")
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries to verify")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped
    before, folder = machine.load(), Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    try:
        with databases(folder) as found:
            told = {
                name: measure(url, folder / f"{name.lower()}-var", given.seconds, given.backlog, given.entries)
                for name, url in found.items()
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = document(told, before=before, after=machine.load(), given=given)
    given.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
