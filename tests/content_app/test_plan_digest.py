"""The digest of a list: the same on every database and in any order, and another as soon as anything changes."""

from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

import pytest
import rfc8785
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from content_app import plan_digest
from content_app.models import Item, Plan
from tests import factories

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
SALT = bytes(range(32))
#: Of the list below, on every engine and for ever. Computed once; the format has no second version yet.
VECTOR = "50a78403652a827fe68d64c64cc8b14fa631a7a8f05726cb0707d2ee86633a9c"


def uuid(number):
    return UUID(f"00000000-0000-4000-8000-{number:012x}")


#: Ids whose order a locale, an alphabet or a collation would change.
PLACES = [
    ("b", "k"),
    ("B", "k"),
    ("a-b", "k"),
    ("a.b", "k"),
    ("é", "k"),
    ("z", "k"),
    ("Z", "10"),
    ("Z", "9"),
    ("z", "K"),
]


def a_list(places=PLACES, **header):
    request = factories.RequestFactory.create(pk=uuid(1), is_validated=True)
    system = factories.SystemFactory.create(pk=uuid(2))
    other = factories.SystemFactory.create(pk=uuid(3))
    told = {
        "pk": uuid(4), "request": request, "version": 1, "salt": SALT, "scope_as_of": AT, "created_at": AT,
        "expires_at": AT + timedelta(days=14), "created_by": factories.UserFactory.create(),
    }  # fmt: skip
    plan = Plan.objects.create(**(told | header))
    Item.objects.bulk_create(
        Item(
            plan=plan, system=other if key == "9" else system, content_class="voicemail", external_id=external_id,
            content_key=key, occurred_at=AT, direction="inbound", action="delete_interaction", ground="own_identifier",
            commitment=plan_digest.commitment(SALT, b"index"),
        )
        for external_id, key in places
    )  # fmt: skip
    return plan


#: What JSON escapes, and what it does not.
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(words, words, words, words, words, words, st.booleans())
def test_a_line_is_an_object_as_rfc_8785_writes_it(class_, interaction, key, action, ground, commitment, shared):
    item = plan_digest.Listed(uuid(2), class_, interaction, key, AT, action, ground, shared, commitment)
    assert plan_digest.line(item) == rfc8785.dumps({
        "system": "00000000-0000-4000-8000-000000000002", "class": class_, "interaction": interaction, "key": key,
        "occurred_at": "2026-03-02T09:00:00.123456Z", "action": action, "ground": ground, "shared": shared,
        "commitment": commitment,
    })  # fmt: skip


def test_it_is_the_same_on_every_database():
    assert plan_digest.digest(a_list()) == VECTOR


def test_it_does_not_depend_on_the_order_of_the_rows():
    assert plan_digest.digest(a_list(places=PLACES[::-1])) == VECTOR


@pytest.mark.postgresql
def test_no_locale_of_the_database_orders_the_lines():
    plan = a_list()
    with CaptureQueriesContext(connection) as asked:
        plan_digest.digest(plan)
    assert any(query["sql"].count('COLLATE "C"') == 2 for query in asked)


@pytest.mark.parametrize("part", [1, 2, 7])
def test_it_never_holds_more_than_a_part_and_knows_no_difference_between_one_and_many(monkeypatch, part):
    plan = a_list(places=[*PLACES, *((f"{number}", key) for number in range(9) for key in "kK")])
    once = plan_digest.digest(plan)
    monkeypatch.setattr(plan_digest, "PART", part)
    with CaptureQueriesContext(connection) as asked:
        assert plan_digest.digest(plan) == once
    rows = [query["sql"] for query in asked if "ORDER BY" in query["sql"]]
    assert len(rows) == ceil(27 / part) + 1, "the last part is followed by none"
    assert all(f"LIMIT {part}" in sql for sql in rows)


@pytest.mark.parametrize(
    "change",
    [
        {"content_class": "transcript"}, {"external_id": "y"}, {"content_key": "y"},
        {"occurred_at": AT + timedelta(microseconds=1)}, {"action": "delete_content"}, {"action": "keep"},
        {"ground": "said_so"}, {"shared": True}, {"commitment": "0" * 64}, {"system_id": uuid(3)},
    ],
    ids=str,
)  # fmt: skip
def test_every_part_of_an_item_counts(change):
    plan = a_list()
    Item.objects.filter(plan=plan, external_id="é").update(**change)
    assert plan_digest.digest(plan) != VECTOR


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"kind": "supplementary"}, {"scope_as_of": AT + timedelta(microseconds=1)},
        {"created_at": AT + timedelta(microseconds=1)}, {"expires_at": AT + timedelta(days=15)},
    ],
    ids=str,
)  # fmt: skip
def test_every_part_of_the_header_counts(change):
    assert plan_digest.digest(a_list(**change)) != VECTOR


def test_the_list_and_its_request_count():
    plan = a_list()
    items = plan.items.count()
    header = plan_digest.header(plan, count=items)
    plan.request_id = uuid(9)
    assert plan_digest.header(plan, count=items) != header
    plan.request_id, plan.pk = uuid(1), uuid(9)
    assert plan_digest.header(plan, count=items) != header
    plan.pk = uuid(4)
    assert plan_digest.header(plan, count=items) == header != plan_digest.header(plan, count=items + 1)


def test_an_item_more_or_less_counts():
    assert plan_digest.digest(a_list(places=PLACES[:-1])) != VECTOR


def test_the_hour_counts_and_not_the_zone_it_is_written_in():
    elsewhere = datetime.fromisoformat("2026-03-02T14:30:00.123456+05:30")
    assert plan_digest.digest(a_list(created_at=elsewhere)) == VECTOR


def test_a_commitment_needs_both_the_salt_and_the_index():
    one = plan_digest.commitment(SALT, b"index")
    assert one == plan_digest.commitment(SALT, b"index")
    assert len({one, plan_digest.commitment(SALT, b"other"), plan_digest.commitment(bytes(32), b"index")}) == 3


def test_every_list_has_a_salt_of_its_own():
    salts = {plan_digest.new_salt() for _ in range(10)}
    assert len(salts) == 10
    assert {len(salt) for salt in salts} == {32}
