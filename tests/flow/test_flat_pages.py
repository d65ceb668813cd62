"""Pages that stay as quick however many requests there are: how many questions they ask, and how those are answered.

Time is not measured here (``benchmarks/scale.py`` does that). What keeps a page flat can be asked of the database at
any size: every question about a large table is answered through an index, and reads no more than a page of it.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from content_app import pipeline
from requests_app import forgetting, publisher
from requests_app.admin import ledger_list
from requests_app.models import LedgerLeaf, Request, StaffPseudonym

#: Tables that grow with the requests.
LARGE = frozenset({
    "requests_app_request", "requests_app_datasubject", "requests_app_identifier", "requests_app_party",
    "requests_app_finding", "requests_app_approval", "requests_app_approvalbar", "requests_app_accesslogentry",
    "requests_app_ledgerleaf", "requests_app_ledgerindex", "requests_app_checkpoint", "requests_app_subjectkey",
    "content_app_plan", "content_app_item", "content_app_errand", "content_app_step", "content_app_stepitem",
    "content_app_intent", "content_app_receipt", "content_app_receiptitem", "content_app_verification",
})  # fmt: skip
COUNT = 300
#: Indexes of few rows, however many requests have ended: they may be read from end to end.
_SHORT = frozenset({"request_open", "errand_again", "errand_attention", "subject_being_forgotten", "subject_forgotten"})
#: What the planner prefers at this size, and rightly so.
_SMALL = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
#: Reads its input whole before it gives the first row.
_BLOCKS = frozenset({"Sort", "Hash", "Materialize"})


@pytest.fixture
def seeded(transactional_db: None, settings: Any) -> None:
    settings.DEMO = True
    call_command("seed_scale", requests=COUNT, verbosity=0)


def client_of(username: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return client


def pages() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(who looks, address, query): every list in every way in which it can be narrowed, and the pages behind it."""
    listed, ledger, looks = (
        reverse(f"admin:requests_app_{name}_changelist") for name in ("request", "ledgerleaf", "accesslogentry")
    )
    staff, auditor = "scale-staff-0", "scale-auditor-0"
    for who in (staff, "scale-supervisor-0", auditor, "scale-data-protection-officer-0"):
        yield who, reverse("admin:index"), {}
    filters = {"state__exact": "closed", "right__exact": "access", "jurisdiction__exact": "EU-DE"}
    for number in range(8):
        chosen = {name: value for bit, (name, value) in enumerate(filters.items()) if number >> bit & 1}
        yield staff, listed, chosen
        yield staff, listed, chosen | {"received_at__gte": "2026-01-01 00:00:00+00:00"}
    middle = Request.objects.order_by("received_at")[COUNT // 2]
    yield staff, listed, {"older": str(middle.pk)}
    yield staff, listed, {"q": middle.reference}
    yield staff, listed, {"subject__in": str(middle.subject_id)}
    for dsr in (
        middle,
        Request.objects.filter(state="closed").first(),
        Request.objects.order_by("-received_at").first(),
    ):
        assert dsr is not None
        yield staff, reverse("admin:requests_app_request_change", args=[dsr.pk]), {}
        yield auditor, reverse("admin:requests_app_request_ledger", args=[dsr.pk]), {}
    actor = str(StaffPseudonym.objects.get(user__username=staff).pseudonym)
    narrowed: list[dict[str, str]] = [
        {}, {"type": "request.moved"}, {"actor": actor}, {"type": "request.moved", "actor": actor},
        {"q": middle.reference}, {"since": "2026-01-01"}, {"type": "plan.frozen", "until": "2027-01-01"},
    ]  # fmt: skip
    if connection.vendor == "postgresql":  # SQLite has no index over beginnings, and none over what stands in an entry
        yield staff, listed, {"q": middle.reference[-4:]}
        narrowed += [{"role": "auditor"}, {"type": "request.moved", "role": "staff"}]
    for one in narrowed:
        yield auditor, ledger, one
    yield auditor, reverse("admin:requests_app_ledgerleaf_change", args=[LedgerLeaf.objects.all()[10].pk]), {}
    for one in ({}, {"what__exact": "request"}, {"reason__exact": "casework"}, {"q": "scale-staff-1"}):
        yield auditor, looks, one


def plan_of(sql: str) -> list[str]:
    """What is wrong with the way in which the database answers this."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            steps = [row[3] for row in cursor.fetchall()]
            return [
                one for one in steps if one.startswith("SCAN ") and " USING " not in one and one.split()[1] in LARGE
            ]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
        told = json.loads(found) if isinstance(found, str) else found
        return list(_faults(told[0]["Plan"], limited=False))


def _faults(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    """Scans of a large table that neither seek by an index nor end with the page."""
    kind, table = node["Node Type"], node.get("Relation Name")
    limited = kind == "Limit" or (limited and kind not in _BLOCKS)
    seeks = "Index Cond" in node or kind.startswith("Bitmap")
    if table in LARGE and (kind == "Seq Scan" or not (seeks or limited or node.get("Index Name") in _SHORT)):
        yield f"{kind} on {table} {node.get('Index Name', '')}"
    for child in node.get("Plans", ()):
        yield from _faults(child, limited=limited)


def slow_answers(queries: CaptureQueriesContext) -> list[str]:
    """Questions about large tables that would take longer the more rows there are."""
    found = []
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for setting in _SMALL if postgresql else ():
            cursor.execute(f"SET {setting} = off")
        for sql in {one["sql"] for one in queries.captured_queries if one["sql"].startswith("SELECT")}:
            found += [f"{fault}\n    {sql[:300]}" for fault in plan_of(sql)]
        for setting in _SMALL if postgresql else ():
            cursor.execute(f"RESET {setting}")
    return found


def test_every_page_asks_few_questions_and_each_finds_its_rows_by_an_index(seeded: None) -> None:
    wrong, clients = [], {}
    for who, url, query in pages():
        client = clients.setdefault(who, client_of(who))
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(url, query)
        assert answer.status_code == 200, f"{url} {query}"
        if len(queries) > 45:
            wrong.append(f"{url} {query}: {len(queries)} questions")
        wrong += [f"{url} {query}: {fault}" for fault in slow_answers(queries)]
    assert not wrong, "\n".join(wrong)


def test_the_loop_finds_what_is_due_among_few(seeded: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        pipeline.due()
        publisher.latest()
        forgetting.due()
        forgetting.begun()
    assert slow_answers(queries) == []


@pytest.mark.postgresql
@pytest.mark.parametrize("narrowed", ["type=deletion.receipt&role=staff", "type=deletion.receipt&actor=somebody"])
def test_a_pair_that_never_occurs_is_not_searched_for_in_the_whole_ledger(db: None, narrowed: str) -> None:
    """PostgreSQL knows how rare it is, so it asks the index that answers at once."""
    with connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO requests_app_ledgerleaf (id, leaf, hash, type, at, actor, object_id)
            SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                   convert_to(format('{"role":"%s","salt":"%s"}', (ARRAY['staff', 'machine'])[1 + n % 2],
                                     repeat('x', 300)), 'UTF8'),
                   '', (ARRAY['request.moved', 'deletion.receipt'])[1 + n % 2], now(),
                   (ARRAY['somebody', 'machine:worker'])[1 + n % 2], n::text
            FROM generate_series(1, 20000) n
        """)
        cursor.execute("ANALYZE requests_app_ledgerleaf")
    rows = ledger_list._narrowed(ledger_list.numbered(), QueryDict(narrowed))
    assert not rows.exists()
    assert " using leaf_by_type_and_" in rows.order_by("-pk")[:51].explain()
