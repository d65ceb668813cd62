"""The workshop's half of forgetting: what waits, what goes, and that it can be done again."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from content_app import clearing
from content_app.models import (
    Candidate,
    Coverage,
    Errand,
    Item,
    Leftover,
    Plan,
    ReceiptItem,
    Search,
    System,
    Verification,
)
from requests_app.models import DataSubject, LedgerLeaf
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(system, centre, rooms):
    """A request that was carried out and read back: two interactions, three files."""
    centre.hold("a", "voicemail", "transcript", agents=("7",))
    centre.hold("b", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    rooms.read_back(request)
    return request


def forget(request):
    DataSubject.objects.filter(pk=request.subject_id).update(forgotten_at=timezone.now())


def proof():
    return [
        list(model.objects.order_by("pk").values(*names))
        for model, names in (
            (Item, ("pk", "content_class", "action", "ground", "commitment")),
            (ReceiptItem, ("pk", "item_id", "outcome")),
            (Verification, ("item_id", "result", "leaf_id")),
            (Coverage, ("content_class", "disposition", "count")),
            (Plan, ("digest", "version")),
        )
    ]


def test_details_go_and_counts_classes_outcomes_and_digests_stay(done):
    before = proof()
    forget(done)
    assert clearing.clear(done.subject_id, chunks=10)
    assert proof() == before
    assert not Candidate.objects.exists()
    assert not Search.objects.exists()
    plan = Plan.objects.get()
    assert bytes(plan.salt) == b""
    for item in Item.objects.all():
        told = (item.external_id, item.content_key, item.line, item.agents, item.length, item.occurred_at)
        assert told == ("", item.pk.hex, "", [], None, plan.created_at)
    assert LedgerLeaf.objects.filter(type="list.cleared", object_id=str(done.pk)).count() == 1


def test_counts_of_leftovers_go_even_one_under_way_and_the_ledger_s_number_stays(system, centre, rooms):
    System.objects.update(reads_statistics=True)
    centre.hold("gone")
    request = rooms.take()
    rooms.search(request)
    finished = Leftover.objects.get()
    Leftover.objects.create(
        request=request, system=system, served_by=finished.served_by, counted=["gone"], started_at=timezone.now()
    )
    forget(request)
    assert clearing.clear(request.subject_id, chunks=10)
    assert not Leftover.objects.exists()
    leaf = LedgerLeaf.objects.get(type="leftovers.counted")
    assert b'"contacts":1' in bytes(leaf.leaf)
    assert b"gone" not in bytes(leaf.leaf)


def test_it_goes_on_where_it_stopped_and_says_so_once(done, monkeypatch):
    monkeypatch.setattr(clearing, "CHUNK", 1)
    forget(done)
    rounds = 1
    while not clearing.clear(done.subject_id, chunks=1):
        rounds += 1
    assert rounds == 7, "three candidates, three items, and the lists"
    assert clearing.clear(done.subject_id, chunks=1)
    assert LedgerLeaf.objects.filter(type="list.cleared").count() == 1


def test_nobody_else_loses_anything(done, system, centre, rooms):
    centre.hold("c", "voicemail", connect_from="+447700900777")
    other = rooms.take(name="Somebody Else", identifiers=[("phone", "+447700900777")])
    rooms.search(other)
    plan = rooms.freeze(other)
    before = list(Item.objects.filter(plan=plan).values()), list(Candidate.objects.filter(request=other).values())
    forget(done)
    clearing.clear(done.subject_id, chunks=10)
    assert before == (
        list(Item.objects.filter(plan=plan).values()), list(Candidate.objects.filter(request=other).values()),
    )  # fmt: skip
    assert before[1]


def test_a_later_read_back_is_waited_for(done):
    assert not clearing.still_needs(done.subject_id)
    Errand.objects.create(request=done, next_at=timezone.now(), again_at=timezone.now() + timedelta(days=7))
    assert clearing.still_needs(done.subject_id)


def test_what_is_kept_until_a_day_is_waited_for(done):
    connection.check_constraints()  # PostgreSQL alters no table while a foreign key waits to be checked
    for day, waits in ((timezone.localdate(), True), (timezone.localdate() - timedelta(days=1), False)):
        with guards_aside(connection):
            Item.objects.filter(content_key="transcript").update(keep_until=day)
            connection.check_constraints()
        assert clearing.still_needs(done.subject_id) == waits
