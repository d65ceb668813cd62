"""What the database lets forgetting do to a frozen list and to closed history: take details away, nothing else."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from content_app.models import Item, Plan
from requests_app.models import DataSubject, Request
from tests import factories

pytestmark = pytest.mark.django_db


def refused(rows, **changes):
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**changes)


@pytest.fixture
def listed(system, centre, rooms):
    """The one item of a frozen list, as a queryset."""
    centre.hold("a", "voicemail", agents=("7",))
    rooms.approved()
    return Item.objects.all()


def emptied(item):
    return {
        "external_id": "", "content_key": item.pk.hex, "occurred_at": item.plan.created_at, "length": None, "line": "",
        "agents": [],
    }  # fmt: skip


def forget_all():
    DataSubject.objects.update(forgotten_at=timezone.now())


def test_a_frozen_list_keeps_its_details_while_the_person_is_not_forgotten(listed):
    refused(listed, **emptied(listed.get()))
    refused(Plan.objects.all(), salt=b"")


def test_a_forgotten_list_gives_all_its_details_away_and_nothing_else(listed):
    item, kept = listed.get(), Plan.objects.values("digest", "version").get()
    forget_all()
    for name in emptied(item):
        some = emptied(item)
        del some[name]
        refused(listed, **some)
    others = {
        "content_class": "transcript", "action": "keep", "ground": "said_so", "shared": True, "commitment": "0" * 64,
        "direction": "outbound", "keep_until": timezone.localdate(),
    }  # fmt: skip
    for name, value in others.items():
        refused(listed, **emptied(item), **{name: value})
    for name, value in {"external_id": "b", "content_key": "b", "occurred_at": timezone.now(), "length": 9}.items():
        refused(listed, **emptied(item) | {name: value})
    assert listed.update(**emptied(item)) == 1
    refused(Plan.objects.all(), salt=b"other")
    refused(Plan.objects.all(), salt=b"", digest="0" * 64)
    refused(Plan.objects.all(), salt=b"", expires_at=timezone.now())
    assert Plan.objects.update(salt=b"") == 1
    assert Plan.objects.values("digest", "version").get() == kept
    with pytest.raises(DatabaseError), transaction.atomic():
        listed.delete()


@pytest.mark.parametrize(
    ("model", "module", "emptied_name", "kept_name"),
    [
        (Item, "content_app.migrations.0002_guards", "EMPTIED_ITEM", "KEPT_ITEM"),
        (Plan, "content_app.migrations.0002_guards", "EMPTIED_PLAN", "KEPT_PLAN"),
        (Request, "requests_app.migrations.0002_guards", "EMPTIED", "KEPT"),
    ],
)
def test_every_column_is_either_emptied_or_kept(model, module, emptied_name, kept_name):
    guards = __import__(module, fromlist=["*"])
    columns = {field.column for field in model._meta.local_fields}
    told_emptied, told_kept = set(getattr(guards, emptied_name)), set(getattr(guards, kept_name))
    assert told_emptied | told_kept == columns
    assert not told_emptied & told_kept


def test_closed_history_loses_its_line_of_the_import_and_nothing_else():
    request = factories.RequestFactory.create(
        origin="history", state="closed", import_key="k" * 64, outcome="completed", closed_at=timezone.now()
    )
    rows = Request.objects.filter(pk=request.pk)
    refused(rows, import_key=None)
    forget_all()
    refused(rows, import_key=None, outcome="refused")
    refused(rows, import_key="l" * 64)
    refused(rows, import_key=None, received_at=timezone.now() - timedelta(days=9))
    assert rows.update(import_key=None) == 1


def test_the_request_of_a_forgotten_person_moves_no_more():
    request = factories.RequestFactory.create(is_verified=True)
    forget_all()
    refused(Request.objects.filter(pk=request.pk), state="closed")


def test_the_guards_are_the_only_ones_on_their_tables(listed):
    names = {"guard_content_app_item_update", "guard_content_app_plan_update", "guard_requests_app_request_update"}
    source = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(source)
        found = [name for (name,) in cursor.fetchall()]
    assert {name: found.count(name) for name in names} == dict.fromkeys(names, 1)
