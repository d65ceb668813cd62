"""Measures the engine on one empty database: ``python -m benchmarks.engine_figures WHAT VENDOR [NUMBER …]``.

In:  a migrated database and production's settings in the environment, the address of a ``benchmarks.vendor``.
Out: one JSON object on standard output.
Never here: a table for people. ``benchmarks.engine`` starts this once for each figure, and writes it down.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any
from uuid import UUID

import django

django.setup()

import httpx  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.vendor import number  # noqa: E402
from content_app import discovery, execution, limits, lookups, pipeline, planning, receipts, systems  # noqa: E402
from content_app.connectors import registry  # noqa: E402
from content_app.models import Errand, Item, ReceiptItem, System  # noqa: E402
from requests_app import intake, validation  # noqa: E402
from requests_app.models import Request  # noqa: E402
from requests_app.states import State  # noqa: E402

FOREVER = 1_000_000


class Vendor:
    """The other side: what it was asked, and what it still holds."""

    def __init__(self, url: str) -> None:
        self.url, self._http = url, httpx.Client(base_url=url, timeout=60, trust_env=False)

    def figures(self) -> dict[str, Any]:
        return self._http.get("/figures").json()

    def reset(self) -> None:
        self._http.get("/reset")

    def guids(self) -> list[str]:
        return self._http.get("/guids").json()


class Portal:
    """People, one connected system out of shadow mode, and requests that are walked through the rooms."""

    def __init__(self, vendor: Vendor, *, parallel: int = 1, speed: float = 1, days: int = 365) -> None:
        self.vendor = vendor
        self.staff, self.validator = (self._person(f"staff.{n}", "staff") for n in (1, 2))
        self.supervisor = self._person("super.visor", "supervisor")
        self.system = System.objects.create(
            name="Contact centre", credential="BENCH", gateway_url=vendor.url, auth_url=vendor.url, history_days=days,
            delete_parallel=parallel, calls_per_minute=154 * speed, batches_per_minute=15.4 * speed,
        )  # fmt: skip
        systems.propose_deletion(self.system.pk, actor=self._person("ad.ministrator", "administrator"))
        systems.confirm_deletion(self.system.pk, actor=self.supervisor)

    @staticmethod
    def _person(name: str, role: str) -> User:
        from tests import factories  # noqa: PLC0415  a worker is measured without what invents people

        return User.objects.filter(username=name).first() or factories.person(name, role)

    def taken(self, subject: int) -> Request:
        """Received, and validated by a second person."""
        request = intake.open_request(
            actor=self.staff, right="erasure", channel="phone", jurisdiction="UK", received_at=timezone.now(),
            name=f"Person {subject}", identifiers=[("phone", number(subject))],
        ).request  # fmt: skip
        validation.record_finding(
            request.pk, actor=self.validator, method="callback", level="IAL-2", result="passed"
        )  # fmt: skip
        validation.validate(request.pk, actor=self.validator)
        return request

    def approved(self, request: Request) -> Request:
        """Searched, frozen, approved."""
        from tests import story  # noqa: PLC0415  as above

        while not discovery.search(request.pk, budget=FOREVER, beat=_beat):
            pass
        plan = planning.freeze(request.pk, actor=self.validator)
        story.approve(request, plan, self.supervisor)
        request.refresh_from_db()
        return request


def _beat() -> None:
    """Nobody else works on it."""


def _until(done: Callable[[], bool], request_id: UUID) -> None:
    while not done():
        Errand.objects.filter(request_id=request_id).update(next_at=timezone.now())
        pipeline.advance(request_id)


def _state(request: Request) -> str:
    return Request.objects.values_list("state", flat=True).get(pk=request.pk)


def _peak() -> float:
    """Most memory that this process ever had, in MB. What ``getrusage`` says begins with that of the parent."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


# --- calls, and time at the vendor's limits --------------------------------------------------------------------------


def erasure(vendor: Vendor, speed: float) -> dict[str, Any]:
    """One subject's interactions re-checked, deleted, read back: calls beside the fewest that would do, and time."""
    limits.CATCH_UP /= speed  # as many turns as in a minute that passes as minutes do
    portal = Portal(vendor, speed=speed)
    request = portal.approved(portal.taken(0))
    items = list(Item.objects.filter(plan__request=request).values_list("external_id", "occurred_at"))
    pages = _pages_of(items, vendor)
    before = vendor.figures()["left"]
    vendor.reset()
    began = time.perf_counter()
    _until(lambda: _state(request) == State.EXECUTED, request.pk)
    deleted = time.perf_counter()
    middle = vendor.figures()
    _until(lambda: _state(request) == State.VERIFIED, request.pk)
    ended = time.perf_counter()
    told = vendor.figures()
    # Signing in, the test of the credentials (two tokens, one look), the trial: one look before it, one after it.
    proofs = 1 + 3 + 2
    return {
        "items": len(items), "calls": sum(told["calls"].values()), "by_kind": told["calls"],
        "bound": ceil(len(items) / 50) + 2 * pages + proofs, "look_ups": pages, "proofs": proofs,
        "deleting": deleted - began, "reading_back": ended - deleted, "left": before - told["left"],
        "deleting_calls": middle["calls"], "refused": told["refused"], "twice": told["twice"],
        "most_at_once": told["most_at_once"],
    }  # fmt: skip


def _pages_of(items: list[tuple[str, Any]], vendor: Vendor) -> int:
    """Fewest calls that look at all of these: by page, or one by one, whichever is less for each stretch of a week."""
    system = System.objects.get()
    connector = registry.connect("vcc", systems.account_of(system), limits.Gate(system.pk))
    calls = 0
    for part in lookups.spans(items, within=lookups.longest(connector)):
        pages, token = 0, None
        while pages == 0 or token:
            page = connector.find(
                None, start=part[0][1] - timedelta(minutes=1), end=part[-1][1] + timedelta(minutes=1), token=token
            )
            pages, token = pages + 1, page.next_token
        calls += min(pages, len(part))
    connector.close()
    return calls


class Effort:
    """Seconds that work took, and how many of the machine's cores were busy meanwhile, with whatever."""

    def __init__(self) -> None:
        self._began, self._busy = time.perf_counter(), _processor_seconds()

    def told(self) -> dict[str, float]:
        seconds = time.perf_counter() - self._began
        return {"seconds": seconds, "cores": (_processor_seconds() - self._busy) / seconds}


def _processor_seconds() -> float:
    """What all cores together have worked since the machine began: everything but to idle and to wait for a disk."""
    user, nice, system, _idle, _waits, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")


# --- items a second --------------------------------------------------------------------------------------------------


def parallel(vendor: Vendor, count: float, width: float) -> dict[str, Any]:
    """Single files deleted at a system that takes several deletes at once."""
    settings.PORTAL_SETTLED_HOURS = 24 * 366 * 10  # so that nothing goes whole
    settings.PORTAL_RUN_BUDGET = FOREVER
    portal = Portal(vendor, parallel=int(width))
    request = portal.approved(portal.taken(0))
    vendor.reset()
    effort = Effort()
    while not execution.run(request.pk, budget=FOREVER, beat=_beat):
        pass
    took = effort.told()
    told = vendor.figures()
    assert told["deleted"] == count, told
    assert not told["twice"], told
    return took | {"most_at_once": told["most_at_once"], "calls": told["calls"]}


def bare(vendor: Vendor, count: float, width: float) -> dict[str, Any]:
    """The same deletes by a bare client: one ``httpx.AsyncClient`` for each connection, nothing written down."""
    waiting = iter(vendor.guids()[: int(count)])
    vendor.reset()
    trusted = httpx.create_ssl_context(trust_env=False)  # reading certificates takes longer than many a call

    async def lane() -> None:
        async with httpx.AsyncClient(base_url=vendor.url, timeout=60, verify=trusted, trust_env=False) as client:
            for guid in waiting:
                answer = await client.delete(f"/interaction-content/interactions/{guid}/content/callRecording")
                assert answer.status_code == 204

    async def all_lanes() -> dict[str, float]:
        effort = Effort()
        await asyncio.gather(*(lane() for _ in range(int(width))))
        return effort.told()

    return asyncio.run(all_lanes())


# --- memory ----------------------------------------------------------------------------------------------------------


def memory(vendor: Vendor) -> dict[str, Any]:
    """Most memory of a worker that searches, of one that deletes and reads back, and of who freezes and approves."""
    settings.PORTAL_PLAN_CAP = settings.PORTAL_DAY_CAP = settings.PORTAL_APPROVER_CAP = FOREVER
    portal = Portal(vendor)
    request = portal.taken(0)
    searching = _worker_of(vendor, request, "searched")
    before = _peak()
    portal.approved(request)
    approving = _peak()
    deleting = _worker_of(vendor, request, "verified")
    told, listed = vendor.figures(), Item.objects.filter(plan__request=request).count()
    assert told["deleted"] == listed, (told, listed)
    return {
        "listed": listed, "idle": searching["idle"], "searching": searching["peak"], "deleting": deleting["peak"],
        "approving": approving - before, "seconds": deleting["seconds"],
    }  # fmt: skip


def _worker_of(vendor: Vendor, request: Request, until: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.engine_figures", "one", vendor.url, str(request.pk), until]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def one(vendor: Vendor, request_id: str, until: str) -> dict[str, Any]:
    """A worker that does one request and nothing else."""
    request, idle, began = Request.objects.get(pk=request_id), _peak(), time.perf_counter()
    if until == "searched":
        _until(lambda: discovery.is_finished(request), request.pk)
    else:
        _until(lambda: _state(request) == State.VERIFIED, request.pk)
    return {"idle": idle, "peak": _peak(), "seconds": time.perf_counter() - began}


# --- whole workers ---------------------------------------------------------------------------------------------------


def worker(vendor: Vendor) -> dict[str, Any]:
    """Does what is due, until it is stopped."""
    while True:
        found = pipeline.due(limit=20)
        random.shuffle(found)
        if not sum(pipeline.advance(request_id) for request_id in found):
            time.sleep(0.05)


class Workers:
    """Processes that do what is due."""

    def __init__(self, vendor: Vendor, count: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.engine_figures", "worker", vendor.url]
        self.running = [subprocess.Popen(self._command) for _ in range(count)]

    def kill_and_start(self) -> None:
        """All of them, without a word; others take their place at once."""
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.running = [subprocess.Popen(self._command) for _ in self.running]

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()


def many(vendor: Vendor, subjects: float, width: float) -> dict[str, Any]:
    """Many small requests, from the first intake to the last read-back, by two workers."""
    portal = Portal(vendor, parallel=int(width), days=28)
    workers = Workers(vendor, 2)
    try:
        began = time.perf_counter()
        requests = [portal.taken(subject) for subject in range(int(subjects))]
        waiting = {request.pk for request in requests}
        while Request.objects.exclude(state=State.VERIFIED).exists():
            _approve_what_was_found(portal, waiting)
            time.sleep(0.25)  # people look now and then; whoever asks all the time takes work from the workers
        took = time.perf_counter() - began
    finally:
        workers.stop()
    told = vendor.figures()
    return {"seconds": took, "items": told["deleted"], "twice": told["twice"], "most_at_once": told["most_at_once"]}


def _approve_what_was_found(portal: Portal, waiting: set[UUID]) -> None:
    for request in Request.objects.filter(pk__in=waiting, state=State.VALIDATED):
        if discovery.is_finished(request):
            portal.approved(request)
            waiting.discard(request.pk)


def single(vendor: Vendor, width: float, kill: float) -> dict[str, Any]:
    """One subject's many files by one worker, from approval to the last read-back; killed once at half if so wanted."""
    portal = Portal(vendor, parallel=int(width), days=28)
    request = portal.approved(portal.taken(0))
    total = Item.objects.filter(plan__request=request).count()
    vendor.reset()
    workers = Workers(vendor, 1)
    try:
        began, resumed = time.perf_counter(), 0.0
        if kill:
            while vendor.figures()["deleted"] < total / 2:
                time.sleep(0.005)
            workers.kill_and_start()
            killed, there = time.perf_counter(), vendor.figures()["deleted"]
            while vendor.figures()["deleted"] <= there:
                time.sleep(0.02)
            resumed = time.perf_counter() - killed
        while _state(request) != State.VERIFIED:
            time.sleep(0.02)
        took = time.perf_counter() - began
    finally:
        workers.stop()
    told = vendor.figures()
    final = ReceiptItem.objects.filter(item__plan__request=request, outcome__in=ReceiptItem.GONE)
    return {
        "seconds": took, "resumed": resumed, "items": total, "deleted": told["deleted"], "twice": told["twice"],
        "accounted": final.values("item").distinct().count(), "most_at_once": told["most_at_once"],
        "open": receipts.unfinished(Request.objects.get(pk=request.pk).plans.get()).count(),
    }  # fmt: skip


WHAT: dict[str, Callable[..., dict[str, Any]]] = {
    "erasure": erasure, "parallel": parallel, "bare": bare, "memory": memory, "one": one, "worker": worker,
    "many": many, "single": single,
}  # fmt: skip


if __name__ == "__main__":
    what, url, *more = sys.argv[1:]
    os.environ.setdefault("PORTAL_RATE_LIMIT", "0")
    given = [one_more if what == "one" else float(one_more) for one_more in more]
    sys.stdout.write(json.dumps(WHAT[what](Vendor(url), *given)))
