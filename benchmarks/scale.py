"""Pages and exports with few and with many requests: ``python -m benchmarks.scale [--tiers 1000 100000]``.

In:  nothing but the machine; or with ``--measured`` what ``benchmarks.scale_figures`` has told of databases.
Out: each page's median beside the same page with the fewest requests, on the screen and in ``results/scale.md``.
Never here: a verdict, or a durable database. Nothing is written while pages are looked at.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import machine
from benchmarks.ledger import environment, table
from tests.postgres import FAST, Server

RESULTS = Path(__file__).parent / "results" / "scale.md"
#: As ``docs/operations.md`` advises for many requests, but for what keeps a database safe.
OPTIONS = (*FAST, "shared_buffers=1GB", "max_wal_size=16GB", "random_page_cost=1.1")


def seeded(server: Server, folder: Path, tier: int) -> dict[str, str]:
    """The environment of a database with so many requests."""
    name = f"tier{tier}"
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as made:
        made.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    given = environment(server.url.replace("/postgres?", f"/{name}?"), folder / name)
    (folder / name).mkdir()
    for command in (["migrate", "--verbosity=0"], ["seed_scale", f"--requests={tier}"]):
        subprocess.run([sys.executable, "manage.py", *command], env=given, check=True, stdout=sys.stderr)
    with psycopg.connect(f"host={folder} user=postgres dbname={name}", autocommit=True) as seeded_one:
        seeded_one.execute("VACUUM (ANALYZE)")  # now, and not by itself while pages are looked at
    return given


def figures(given: dict[str, str], rounds: int) -> dict[str, Any]:
    """One database's figures, from a process of its own."""
    given = given | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale_figures", str(rounds)]
    return json.loads(subprocess.run(command, env=given, check=True, stdout=subprocess.PIPE, text=True).stdout)


def web_memory(given: dict[str, str], views: int) -> list[list[float]]:
    """[views, megabytes] of a web worker that shows this database's pages, after each tenth of the views."""
    given = given | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.web_memory", str(views)]
    return json.loads(subprocess.run(command, env=given, check=True, stdout=subprocess.PIPE, text=True).stdout)


def beside(told: list[dict[str, Any]], what: str) -> str:
    """Medians of each tier, and the ratio of the last to the first."""
    head = ["Milliseconds", *(f"{one['requests']:,} requests" for one in told), "Ratio"]
    rows = [
        [name, *(f"{one[what][name]:.1f}" for one in told), f"{told[-1][what][name] / told[0][what][name]:.2f}"]
        for name in told[0][what]
    ]
    return table(head, rows)


def document(told: list[dict[str, Any]], *, before: str, after: str, words: str) -> str:
    """The results as a page."""
    exported = told[-1]["exporting"]
    ratio = exported["rows_a_second"] / exported["bare_rows_a_second"]
    counted = [[f"{one[name]:,}" for name in ("requests", "items", "entries")] for one in told]
    sizes = table(["Requests", "Items", "Ledger entries"], counted)
    looked = (
        "The median of looks through the whole of Django, after one that is not counted. The fewest requests are "
        "looked at before and after the others."
    )
    return "\n\n".join([
        "# Figures of scale",
        f"Written by `python -m benchmarks.scale {words}`.",
        f"Machine: {machine.described()}.\n\nBefore: {before}. After: {after}.",
        sizes,
        f"## Pages\n\n{looked}\n\n{beside(told, 'pages')}",
        "## The loop\n\n" + beside(told, "loop"),
        f"## Export\n\nThe list of {exported['rows']:,} requests as CSV ({exported['bytes'] / 1e6:.0f} MB): "
        f"{exported['rows_a_second']:,.0f} rows a second, beside {exported['bare_rows_a_second']:,.0f} of a bare "
        f"`COPY` of the same columns, unsorted: {ratio:.2f}. The process grew by {exported['grew_mb']:.1f} MB, to "
        f"{exported['peak_mb']:.0f} MB.",
        "## Memory of a web worker\n\nThe same pages with the most requests, over and over, in one process.\n\n"
        + table(["Views", "Resident, MB"], [[f"{views:,.0f}", f"{held:.1f}"] for views, held in told[-1]["web"]]),
    ]) + "\n"  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure pages and exports with few and with many requests.")
    parser.add_argument("--tiers", type=int, nargs="+", default=[1000, 100_000], help="how many requests each")
    parser.add_argument("--rounds", type=int, default=15, help="looks at each page")
    parser.add_argument("--views", type=int, default=3000, help="page views of the web worker whose memory is read")
    parser.add_argument("--measured", type=Path, nargs="*", help="figures that benchmarks.scale_figures has told")
    parser.add_argument("--note", default="", help="what else is to be said about this run")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    before = machine.load()
    if given.measured:
        told = [json.loads(one.read_text(encoding="utf-8")) for one in given.measured]
    else:
        told = _measured(given.tiers, given.rounds, given.views)
    words = f"--tiers {' '.join(str(one['requests']) for one in told)} --rounds {given.rounds}"
    text = document(told, before=before, after=machine.load(), words=words)
    text += f"\n{given.note}\n" if given.note else ""
    given.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _mix(first: dict[str, Any], again: dict[str, Any]) -> None:
    """The fewest requests are measured before and after the others: a machine is not as fast at every moment."""
    for what in ("pages", "loop"):
        first[what] = {name: (took + again[what][name]) / 2 for name, took in first[what].items()}


def _measured(tiers: list[int], rounds: int, views: int) -> list[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    server = Server(folder, options=OPTIONS, segment_mb=16)
    try:
        server.start()
        ready = [seeded(server, folder, tier) for tier in tiers]
        told = [figures(one, rounds) for one in ready]
        _mix(told[0], figures(ready[0], rounds))
        told[-1]["web"] = web_memory(ready[-1], views)
        return told
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
