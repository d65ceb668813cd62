"""Measures pages and exports of one seeded database: ``python -m benchmarks.scale_figures ROUNDS``.

In:  a database that ``manage.py seed_scale`` has filled, ``benchmarks.settings``.
Out: one JSON object on standard output: medians in milliseconds, the export's speed and memory, how many rows.
Never here: a table for people. ``benchmarks.scale`` starts this once for each database, and writes it down.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from content_app import pipeline  # noqa: E402
from content_app.models import Item  # noqa: E402
from requests_app import forgetting, publisher, sequencer  # noqa: E402
from requests_app.admin import exports  # noqa: E402
from requests_app.admin.paging import CAP  # noqa: E402
from requests_app.models import LedgerLeaf, Request, StaffPseudonym  # noqa: E402
from requests_app.models.base import first_key  # noqa: E402

COLUMNS = ("reference", "right", "channel", "jurisdiction", "scope", "state", "outcome", "received_at", "captured_at",
           "closed_at", "origin")  # fmt: skip
STAFF, SUPERVISOR, AUDITOR = "scale-staff-0", "scale-supervisor-0", "scale-auditor-0"


def pages() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(name, who looks, address, query)."""
    listed, ledger, looks, people = (
        reverse(f"admin:requests_app_{name}_changelist")
        for name in ("request", "ledgerleaf", "accesslogentry", "datasubject")
    )
    yield "first page, staff", STAFF, reverse("admin:index"), {}
    yield "first page, supervisor", SUPERVISOR, reverse("admin:index"), {}
    yield "first page, auditor", AUDITOR, reverse("admin:index"), {}
    yield "requests", STAFF, listed, {}
    yield "requests, last page by number", STAFF, listed, {"p": min(CAP, Request.objects.count()) // 50}
    one, two = {"state__exact": "closed"}, {"right__exact": "access"}
    three = {"jurisdiction__exact": "EU-NL"}
    yield "requests, by state", STAFF, listed, one
    yield "requests, by two filters", STAFF, listed, one | two
    yield "requests, by three filters", STAFF, listed, one | two | three
    yield "requests, three rare ones", STAFF, listed, {
        "state__exact": "refused", "right__exact": "automated_decision", "jurisdiction__exact": "EU",
    }  # fmt: skip
    middle = _middle()
    since = middle.received_at.strftime("%Y-%m-%d 00:00:00+00:00")
    yield "requests, by a date", STAFF, listed, {"received_at__lt": since}
    yield "requests, behind a row", STAFF, listed, {"older": str(middle.pk)}
    yield "requests, by reference", STAFF, listed, {"q": middle.reference}
    closed = Request.objects.filter(state="closed", received_at__lte=middle.received_at).order_by("-received_at")[0]
    yield "a request", STAFF, reverse("admin:requests_app_request_change", args=[closed.pk]), {}
    yield "a request, its panel", STAFF, reverse("admin:content_request_panel", args=[closed.pk]), {}
    yield "a request, its list", STAFF, reverse("admin:content_review", args=[closed.pk]), {}
    yield "a request, its ledger", AUDITOR, reverse("admin:requests_app_request_ledger", args=[closed.pk]), {}
    actor = str(StaffPseudonym.objects.get(user__username=STAFF).pseudonym)
    yield "ledger", AUDITOR, ledger, {}
    yield "ledger, by type", AUDITOR, ledger, {"type": "plan.frozen"}
    yield "ledger, by type and actor", AUDITOR, ledger, {"type": "approval.given", "actor": actor}
    yield "ledger, by type and role", AUDITOR, ledger, {"type": "deletion.receipt", "role": "staff"}
    yield "ledger, by a role that never acted", AUDITOR, ledger, {"role": "auditor"}
    yield "ledger, before a day", AUDITOR, ledger, {"until": str(middle.received_at.date())}
    leaf = LedgerLeaf.objects.filter(pk__gte=first_key(middle.received_at)).order_by("pk")[0]
    yield "an entry", AUDITOR, reverse("admin:requests_app_ledgerleaf_change", args=[leaf.pk]), {}
    yield "access log", AUDITOR, looks, {}
    yield "access log, of a colleague", AUDITOR, looks, {"q": "scale-staff-7"}
    yield "data subjects", STAFF, people, {}
    yield "reconciliation, a portion", AUDITOR, reverse("admin:content_reconciliation"), {"after": str(middle.pk)}


def _middle() -> Request:
    return Request.objects.order_by("received_at")[Request.objects.count() // 2]


def views(rounds: int) -> dict[str, float]:
    """Milliseconds of each page, the median of some looks, after one that nobody counts."""
    clients: dict[str, Client] = {}
    found = {}
    for name, who, url, query in pages():
        if who not in clients:
            clients[who] = Client()
            clients[who].force_login(User.objects.get(username=who))
        client = clients[who]
        answer = client.get(url, query)
        assert answer.status_code in (200, 286), f"{name}: {answer.status_code}"
        found[name] = _timed(lambda client=client, url=url, query=query: client.get(url, query), rounds)
    return found


def loop(rounds: int) -> dict[str, float]:
    """What the loop asks every second or every minute."""
    asked: dict[str, Callable[[], Any]] = {
        "what is due (every second)": pipeline.due,
        "newest checkpoint (every second)": publisher.latest,
        "whom to forget (every minute)": forgetting.due,
        "entries without a number (every minute)": lambda: sequencer.repair(since=timezone.now() - timedelta(days=2)),
    }
    return {name: _timed(ask, rounds) for name, ask in asked.items()}


def _timed(work: Callable[[], Any], rounds: int) -> float:
    """Milliseconds of this process and of the database together, the median."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return median(took) * 1000


def exporting() -> dict[str, float]:
    """The list of all requests as CSV beside a bare COPY of the same columns, and how much memory that took."""
    count = Request.objects.count()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    rows = exports.stream("x.csv", Request.objects.order_by("-received_at", "-pk"), {one: one for one in COLUMNS})
    size = sum(len(piece) for piece in rows.streaming_content)  # type: ignore[arg-type]
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    listed = ", ".join(f'"{one}"' for one in COLUMNS)
    began = time.perf_counter()
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT {listed} FROM requests_app_request) TO STDOUT CSV") as copy,
    ):
        for _ in copy:
            pass
    bare = time.perf_counter() - began
    return {
        "rows": count, "bytes": size, "rows_a_second": count / took, "bare_rows_a_second": count / bare,
        "grew_mb": (peak - before) / 1024, "peak_mb": peak / 1024,
    }  # fmt: skip


def main(rounds: int) -> None:
    told = {
        "requests": Request.objects.count(), "items": Item.objects.count(), "entries": LedgerLeaf.objects.count(),
        "exporting": exporting(), "pages": views(rounds), "loop": loop(rounds),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
