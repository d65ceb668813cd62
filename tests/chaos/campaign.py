"""Kills a portal while it works, as often as it is told to: ``python -m tests.chaos.campaign --kills 1000``.

In:  how many kills, how far apart, how many items at least, on how many clusters; a seed for the dice.
Out: a table on the screen and, with ``--output``, in a file; with ``--json`` the figures. Ends with 1 when anything was
     lost, deleted twice, deleted without an earlier intent, or when the ledger does not verify.
Never here: a bound on time that fails a run. Recoveries are measured and told; a loaded machine is slow and no fault.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.core.management import call_command

from benchmarks import machine
from tests.chaos import mother
from tests.chaos.cluster import SETTINGS, Cluster, Host, Kill
from tests.chaos.hosts import Namespace

NAMES = {
    "worker": "worker of a cluster", "queue process": "pusher or monitor of a cluster", "guard": "guard of a cluster",
    "first process": "a cluster's first process", "loop": "loop (`pick_up --loop`)",
    "publisher": "publisher (`sequence_ledger`)", "backend": "PostgreSQL, one of its processes",
    "immediate": "PostgreSQL, immediate shutdown", "postmaster": "PostgreSQL, its first process",
}  # fmt: skip
#: Most of what is deleted goes in batches. What began less than so many hours ago goes file by file.
CHANGED = {"PORTAL_SETTLED_HOURS": 18, "PORTAL_MAX_ATTEMPTS": 20}
#: Seconds from one look of the loop for work that nobody holds to the next.
SWEEP = 1.0
VENDOR = {"interactions": 6000, "days": 6, "latency_ms": 20, "batch_seconds": 0.3}


@dataclass
class Story:
    """What was done to the portal, and what it made of it."""

    kills: list[Kill] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    by_host: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    #: Seconds from a kill to the next thing that any worker wrote down; to the look at the act that it interrupted; the
    #: same where nothing else was killed meanwhile.
    progress: list[float] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)


def run(given: argparse.Namespace) -> Story:
    """The whole of it, on a portal of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is stopped
    # Enough people that nobody kills a portal that has nothing to do: two or three kills fall to each request.
    subjects = min(300, max(given.items // 25, given.kills // 2) // given.vendors + 10)
    vendors = [VENDOR | {"seed": 100 + n, "subjects": subjects} for n in range(given.vendors)]
    settings = CHANGED | {"PORTAL_LEASE_SECONDS": given.lease, "PORTAL_CALL_DEADLINE": given.lease / 2}
    parts = Cluster(hosts=_hosts(given), vendors=vendors, settings=settings)
    try:
        parts.start_database()
        parts.start_vendors()
        os.environ |= parts.environment()
        django.setup()
        call_command("migrate", verbosity=0)
        return _on(parts, given)
    finally:
        parts.stop()


def _hosts(given: argparse.Namespace) -> list[Host]:
    """All on this machine, or two hosts whose clocks may be off by some days in either direction."""
    clusters = [f"cluster-{n + 1}" for n in range(given.clusters)]
    if not given.two_hosts and not given.skew:
        return [Host((*clusters, "loop", "publisher"))]
    places = [Namespace(1), Namespace(2)] if given.two_hosts else [None, None]
    wrappers = [_clock(days) for days in (given.skew, -given.skew)]
    units = [(*clusters[::2], "loop"), (*clusters[1::2], "publisher")]
    return [Host(*one) for one in zip(units, places, wrappers, strict=True)]


def _clock(days: float) -> tuple[str, ...]:
    return ("env", f"{mother.DAYS_OFF}={days:+g}") if days else ()


def _on(parts: Cluster, given: argparse.Namespace) -> Story:
    from tests.chaos import accounts, caseworkers, events  # noqa: PLC0415  after django.setup()

    people = caseworkers.Caseworkers(
        parts.vendors, wanted=given.items, at_once=given.at_once, width=given.width, days=VENDOR["days"]
    )
    parts.start_units()
    happening = events.Events(parts, random.Random(given.seed), given.pace, rest=2.5 * given.lease)
    story, began, said = Story(), time.monotonic(), 0
    while time.monotonic() < began + given.patience and not (happening.over and people.is_over()):
        people.round()
        if time.monotonic() > began + given.stop_after:
            happening.stop()
            people.stop()
        if people.at_it:
            happening.round()
            people.at_it = not happening.over  # there is always something to be killed at
        elif not happening.done and people.approved_items():
            happening.plan(kill=given.kills, upset=given.upsets, sleeper=given.sleepers)
            people.at_it = True
        if given.verbose and len(happening.kills) // 25 > said:
            said = len(happening.kills) // 25
            sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {len(happening.kills)} kills\n")
        time.sleep(0.2)
    happening.end()
    story.seconds = time.monotonic() - began
    story.kills, story.done = happening.kills, dict(happening.done)
    story.by_host = {place.name: place.connections for place in parts.namespaces}
    parts.stop_units()
    call_command("sequence_ledger", verbosity=0, stdout=sys.stderr)
    found = accounts.compare(people.systems, in_flight=given.width)
    story.faults = [f"did not come to its end: {one}" for one in caseworkers.trouble()] + found.faults
    story.figures = found.figures | {"started again by a person": people.restarts}
    if given.skew and parts.days_between_clocks() < 1.9 * given.skew:
        story.faults.append("the hosts' clocks were not as far apart as they should have been")
    _measure(story)
    if story.faults:
        sys.stderr.write(parts.log())
    return story


# --- how long it took ------------------------------------------------------------------------------------------------


def _measure(story: Story) -> None:
    """From each kill to the next thing that any worker wrote down, and from each interrupted act to its look."""
    from content_app.models import Receipt, Step  # noqa: PLC0415  after django.setup()
    from requests_app import audit  # noqa: PLC0415
    from requests_app.models import LedgerLeaf  # noqa: PLC0415

    written = [at.timestamp() for at in LedgerLeaf.objects.order_by("at").values_list("at", flat=True)
               .filter(actor=audit.pseudonym_of(audit.WORKER))]  # fmt: skip
    moments = sorted(kill.at for kill in story.kills)
    for at in moments:
        place = bisect_right(written, at)
        if place < len(written):
            story.progress.append(written[place] - at)
    probed = Receipt.objects.filter(probed=True).exclude(intent__step__kind=Step.Kind.LOOK)
    for intended, settled in probed.values_list("intent__at", "at"):
        first = bisect_right(moments, intended.timestamp())
        last = bisect_right(moments, settled.timestamp())
        if first < last:
            took = settled.timestamp() - moments[first]
            story.recoveries.append(took)
            if last - first == 1:
                story.undisturbed.append(took)


def _within(seconds: list[float], lease: float) -> str:
    """How many were over by when the dead one's lease was, and the next sweep."""
    bound = lease + SWEEP
    return f"{sum(took <= bound for took in seconds)} of {len(seconds)} within lease + sweep ({bound:g} s)"


def _spread(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"{len(seconds)} measured"
    cuts = statistics.quantiles(seconds, n=20)
    return (
        f"{len(seconds)}: median {statistics.median(seconds):.1f} s, 95 % {cuts[-1]:.1f} s, most {max(seconds):.1f} s"
    )


# --- telling ---------------------------------------------------------------------------------------------------------


def document(story: Story, *, given: argparse.Namespace, before: str) -> str:
    """The results as a page."""
    died = Counter(kill.kind for kill in story.kills)
    kills = [f"| {NAMES[kind]} | {died[kind]:,} |" for kind in NAMES]
    truths = [f"| {what} | {number:,} |" for what, number in story.figures.items()]
    lease = given.lease
    return "\n".join([
        "# A portal that is killed", "",
        f"Written by `python -m tests.chaos.campaign --kills {given.kills} --items {given.items} --pace {given.pace:g} "
        f"--lease {lease:g}`, seed {given.seed}.",
        f"Machine: {machine.described()}.", "", f"Before: {before}. After: {machine.load()}.", "",
        f"{len(story.kills):,} times SIGKILL within {story.seconds:,.0f} seconds, at {given.clusters} clusters of two "
        f"workers and {given.vendors} accounts. Leases of {lease:g} s, a sweep each {SWEEP:g} s, high assurance.",
        "", "| Killed | Times |", "| --- | --: |", *kills, f"| all | {len(story.kills):,} |", "",
        "## What came of it", "", "| Counted | |", "| --- | --: |", *truths, "",
        "**Nothing was lost, and nothing was done twice.**" if not story.faults else "**Faults:**",
        *[f"- {fault}" for fault in story.faults], "",
        "## How long it took", "",
        f"- from a kill to the next thing that any worker wrote down: {_spread(story.progress)}",
        f"- from a kill to the look at the act that it interrupted: {_spread(story.recoveries)}",
        f"- of these, where nothing else was killed meanwhile: {_spread(story.undisturbed)}; "
        f"{_within(story.undisturbed, lease)}", "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a portal while it works, and see what is left of it.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--items", type=int, default=10_000, help="on approved lists, at least")
    parser.add_argument(
        "--pace",
        type=float,
        default=2.0,
        help="seconds from one kill to the next, at least",
    )
    parser.add_argument("--lease", type=float, default=SETTINGS["PORTAL_LEASE_SECONDS"])
    parser.add_argument("--clusters", type=int, default=2)
    parser.add_argument("--vendors", type=int, default=2)
    parser.add_argument("--width", type=int, default=1, help="deletes that an account allows at once")
    parser.add_argument("--upsets", type=int, default=0, help="how often the queue is emptied or doubled")
    parser.add_argument("--sleepers", type=int, default=0, help="workers that are stopped for longer than their lease")
    parser.add_argument("--skew", type=float, default=0, help="days that the hosts' clocks are off, each way")
    parser.add_argument("--two-hosts", action="store_true", help="clusters in network namespaces of their own")
    parser.add_argument("--at-once", type=int, default=6, help="requests that are open at the same time")
    parser.add_argument("--stop-after", type=float, default=3.5 * 3600, help="seconds after which nothing new begins")
    parser.add_argument("--patience", type=float, default=4 * 3600, help="seconds after which it ends in any case")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--json", action="store_true", help="figures instead of the page")
    parser.add_argument("--quiet", dest="verbose", action="store_false")
    given = parser.parse_args()
    before = machine.load()
    story = run(given)
    page = document(story, given=given, before=before)
    if given.output:
        given.output.write_text(page, encoding="utf-8")
    told = {
        "kills": len(story.kills), "figures": story.figures, "faults": story.faults, "by host": story.by_host,
        "done": story.done, "seed": given.seed,
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n" if given.json else page)
    sys.exit(bool(story.faults))


if __name__ == "__main__":
    main()
