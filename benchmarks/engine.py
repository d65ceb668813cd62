"""The figures of the engine: ``python -m benchmarks.engine [--items 4000] [--memory 10000 100000] [--speed 2]``.

In:  nothing but the machine. PostgreSQL comes as a wheel and flushes every commit, as it must in production; the other
     side is ``benchmarks.vendor``, a process of its own.
Out: a table on the screen, and the same in ``benchmarks/results/engine.md``.
Never here: a verdict. Each figure stands beside its bound, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import machine
from benchmarks.ledger import DURABLE, environment, table
from tests.postgres import Server

RESULTS = Path(__file__).parent / "results" / "engine.md"
WIDTHS = (8, 16, 32)
#: What the closest open-source peer took for the same shape of work, in another run on such a machine.
PEER = {
    "many": "86.4 s, 23 items/s",
    "single": "25.0 s, 41 items/s",
    "kill": "172 s idle, then an error, or every item twice",
}


class Bench:
    """A PostgreSQL server, and for each figure an empty database and a vendor of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.server = Server(folder, options=DURABLE, segment_mb=16)

    def measure(self, what: str, *numbers: float, world: dict[str, Any], **more: str) -> dict[str, Any]:
        """One figure, from a process of its own."""
        self.count += 1
        name = f"bench{self.count}"
        folder = self.folder / name
        folder.mkdir()
        given = environment(self._database(name), folder) | {
            "BENCH_CLIENT_ID": "bench", "BENCH_CLIENT_SECRET": "bench", "PORTAL_RATE_LIMIT": "0",
            "PORTAL_APPROVAL_DELAY_HOURS": "0", "PORTAL_PLAN_CAP": "1000000",
            "PORTAL_DAY_CAP": "1000000", "PORTAL_APPROVER_CAP": "1000000", "PORTAL_VERIFY_AGAIN_DAYS": "7",
        } | more  # fmt: skip
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], env=given, check=True)
        with vendor(**world) as url:
            command = [sys.executable, "-m", "benchmarks.engine_figures", what, url, *map(str, numbers)]
            done = subprocess.run(command, env=given, check=True, stdout=subprocess.PIPE, text=True)
        told = json.loads(done.stdout)
        sys.stderr.write(f"{what} {numbers} {world} {told}\n")
        return told

    def _database(self, name: str) -> str:
        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.server.url.replace("/postgres?", f"/{name}?")


@contextmanager
def vendor(**world: Any) -> Iterator[str]:
    """The other side, as a process."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in world.items() if value is not True]
    words += [f"--{name}" for name, value in world.items() if value is True]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.vendor", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.kill()
        process.wait()


# --- the parts -------------------------------------------------------------------------------------------------------


def calls(bench: Bench) -> str:
    rows = []
    for label, world in (
        ("spread over a year, 100,000 of others", {"each": 1000, "strangers": 100_000, "days": 365}),
        ("within six days, 7,000 of others", {"each": 1000, "strangers": 7_000, "days": 6}),
        ("spread over a year, nobody else", {"each": 1000, "strangers": 0, "days": 365}),
    ):
        told = bench.measure("erasure", 1, world=world)
        rows.append([
            label, f"{told['calls']}", f"{told['bound']}", f"{told['calls'] / told['bound']:.3f}",
            f"{2 * told['look_ups']}",
        ])  # fmt: skip
    head = ["1,000 interactions", "Calls", "Bound", "Ratio", "of the bound, look-ups"]
    return (
        "## Calls to re-check, delete and read back 1,000 interactions\n\nThe bound: ⌈1,000 / 50⌉ batches, the cheaper "
        "look-ups twice (each week by page or one by one), and six calls for signing in, the test of the credentials "
        "and the trial.\n\n" + table(head, rows)
    )


def limits(bench: Bench, speed: float) -> str:
    rows = []
    for label, world in (
        ("4,000 interactions within six days", {"each": 4000, "strangers": 1000, "days": 6}),
        ("1,000 over a year, 100,000 of others", {"each": 1000, "strangers": 100_000, "days": 365}),
    ):
        told = bench.measure(
            "erasure", speed, world=world | {"limited": True, "speed": speed}, PORTAL_RATE_LIMIT="1"
        )  # fmt: skip
        deleting, reading = told["deleting_calls"], told["by_kind"]["GET call"] - told["deleting_calls"]["GET call"]
        batches = deleting["POST batch"]
        bound = (max(batches / 16, deleting["GET call"] / 160) + reading / 160) * 60 / speed
        took = told["deleting"] + told["reading_back"]
        rows.append([
            label, f"{told['by_kind']['GET call']}", f"{batches}", f"{took * speed / 60:.2f}",
            f"{bound * speed / 60:.2f}", f"{took / bound:.3f}", f"{told['refused']}",
        ])  # fmt: skip
    head = ["Work", "Reads", "Batches", "Minutes", "Calls ÷ limit", "Ratio", "Refused by the vendor"]
    return (
        "## Time at the vendor's limits\n\n160 calls and 16 batches a minute, enforced over a sliding minute; minutes "
        f"pass {speed:g} times faster on both sides. While a request deletes it looks between its batches: the bound "
        "is the larger of batches ÷ 16 and reads ÷ 160. Then it reads back: reads ÷ 160.\n\n" + table(head, rows)
    )


def rates(bench: Bench, count: int) -> str:
    rows, efforts = [], []
    world = {"each": count, "days": 6, "latency_ms": 20}
    for width in WIDTHS:
        bare = bench.measure("bare", count, width, world=world)
        ours = [bench.measure("parallel", count, width, world=world, PORTAL_HIGH_ASSURANCE=one) for one in ("0", "1")]
        row = [f"{width}", f"{count / bare['seconds']:,.0f}"]
        for one in ours:
            row += [f"{count / one['seconds']:,.0f}", f"{bare['seconds'] / one['seconds']:.2f}"]
        rows.append(row)
        for one, who in zip((bare, *ours), ("bare client", "portal, high assurance off", "on"), strict=True):
            each = one["cores"] * one["seconds"] / count * 1000
            efforts.append([f"{width}", who, f"{one['cores']:.2f}", f"{each:.2f}"])
    head = ["Deletes at once", "Bare client", "Items a second, high assurance off", "Ratio", "on", "Ratio"]
    spent = ["Deletes at once", "Who", "Cores busy", "Milliseconds of them an item"]
    return (
        f"## Items a second without a limit\n\n{count:,} files deleted one call each at 20 ms, at a system that takes "
        "several deletes at once. Every intent, receipt and ledger entry is flushed to PostgreSQL's disk; with high "
        "assurance every intent is in a published checkpoint before its calls. Beside `httpx.AsyncClient`, one a "
        "connection, that makes the same calls and writes nothing down.\n\n" + table(head, rows) + "\n\nWhat that "
        "took of the machine's processor, the system that answers and PostgreSQL included. Where no more than "
        "one core is busy with many in flight, it is the portal's own process that is full.\n\n" + table(spent, efforts)
    )


def memories(bench: Bench, sizes: list[int]) -> str:
    rows = []
    for size in sizes:
        told = bench.measure("memory", world={"each": size, "days": 365})
        megabytes = (told[name] for name in ("idle", "searching", "deleting", "approving"))
        rows.append([f"{told['listed']:,}", *(f"{one:.0f}" for one in megabytes), f"{told['seconds']:.0f}"])
    head = [
        "Items",
        "Worker at rest, MB",
        "searching",
        "deleting, reading back",
        "Freezing, approving: more by",
        "Seconds",
    ]
    about = (
        "Most resident memory of a worker that does nothing, of one that searches, of one that deletes and reads back; "
        "by how much a web process grows that freezes the list and has it approved; and how long deleting and reading "
        "back took."
    )
    return f"## Memory of a worker\n\n{about}\n\n" + table(head, rows)


def peer(bench: Bench) -> str:
    wide = {"latency_ms": 20, "days": 6}
    many = bench.measure("many", 200, 8, world=wide | {"subjects": 200, "each": 10})
    one = bench.measure("single", 8, 0, world=wide | {"each": 1000}, PORTAL_SETTLED_HOURS="90000")
    batch = bench.measure("single", 1, 0, world=wide | {"each": 1000})
    kill = bench.measure(
        "single", 1, 1, world=wide | {"each": 600}, PORTAL_SETTLED_HOURS="90000", PORTAL_LEASE_SECONDS="15",
        PORTAL_CALL_DEADLINE="5",
    )  # fmt: skip
    rows = [
        ["200 subjects × 10 items, from intake to the last read-back", _pace(many, many["items"]), PEER["many"]],
        ["1 subject × 1,000 items, file by file, 8 at once", _pace(one, one["items"]), PEER["single"]],
        ["1 subject × 1,000 items, batches of 50, one at a time", _pace(batch, batch["items"]), "–"],
        [
            "600 items one at a time, worker killed at half and started at once; lease 15 s",
            f"goes on after {kill['resumed']:.1f} s; {kill['accounted']} of {kill['items']} accounted for, "
            f"{kill['twice']} sent twice",
            PEER["kill"],
        ],
    ]
    return (
        "## Beside the closest open-source peer\n\nAt 20 ms. The peer's figures (Fides 2.86.2, production mode) come "
        "from another run on such a machine and include no list, no approval of a list and no read-back; ours include "
        "all of them, but for the human steps, which take no time here.\n\n" + table(["Work", "Here", "Peer"], rows)
    )


def _pace(told: dict[str, Any], items: int) -> str:
    return f"{told['seconds']:.1f} s, {items / told['seconds']:,.0f} items/s, {told['twice']} sent twice"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine on this machine.")
    parser.add_argument("--items", type=int, default=4000, help="files deleted in parallel")
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 100_000], help="items of one request")
    parser.add_argument("--speed", type=float, default=2, help="how much faster minutes pass at the vendor's limits")
    parser.add_argument("--parts", nargs="*", default=["calls", "limits", "rates", "memory", "peer"])
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped
    before, folder = machine.load(), Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    bench = Bench(folder)
    parts = {
        "calls": lambda: calls(bench), "limits": lambda: limits(bench, given.speed),
        "rates": lambda: rates(bench, given.items), "memory": lambda: memories(bench, given.memory),
        "peer": lambda: peer(bench),
    }  # fmt: skip
    try:
        bench.server.start()
        told = [parts[name]() for name in given.parts]
    finally:
        bench.server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = "\n\n".join([
        "# Figures of the engine",
        f"Written by `python -m benchmarks.engine --items {given.items} --speed {given.speed:g} --memory "
        f"{' '.join(map(str, given.memory))}`.",
        f"Machine: {machine.described()}.\n\nBefore: {before}. After: {machine.load()}.",
        *told,
    ]) + "\n"  # fmt: skip
    given.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
