"""`docs/plan-format.md` is enough to recompute a digest: this test does it without the portal's own code."""

import datetime as dt
import hashlib
import json

import pytest

from content_app import plan_digest, planning
from content_app.models import Candidate, Item, Plan
from tests import factories, story
from tests.docs import tables

DOCUMENT = "docs/plan-format.md"


def canonical(members):
    """RFC 8785, for objects whose members are texts, whole numbers and truth values."""
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instant(value):
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def recomputed(plan):
    rows = list(Item.objects.filter(plan=plan))
    header = {
        "format": "portal-plan-v1", "plan": str(plan.pk), "request": str(plan.request_id), "version": plan.version,
        "kind": plan.kind, "scope_as_of": instant(plan.scope_as_of), "created_at": instant(plan.created_at),
        "expires_at": instant(plan.expires_at), "items": len(rows),
    }  # fmt: skip
    lines = {
        (str(row.system_id).encode(), row.external_id.encode(), row.content_key.encode()): {
            "system": str(row.system_id), "class": row.content_class, "interaction": row.external_id,
            "key": row.content_key, "occurred_at": instant(row.occurred_at), "action": row.action,
            "ground": row.ground, "shared": row.shared, "commitment": row.commitment,
        }
        for row in rows
    }  # fmt: skip
    return b"\n".join([canonical(header), *(canonical(lines[place]) for place in sorted(lines))])


@pytest.fixture
def plan(db, staff, validator):
    request = story.validated(staff, validator)
    contents = [
        {"content_key": "transcript", "content_class": "transcript"},
        {"content_key": "Ärger_b", "content_class": "attachment"},
        {"content_key": "Zahl_a", "content_class": "attachment"},
        {"included": False, "link": "other_person"},
    ]
    story.found(request, factories.SystemFactory(), *contents)
    return planning.freeze(request.pk, actor=validator)


def test_a_digest_can_be_recomputed_from_the_description(plan):
    assert hashlib.sha256(recomputed(plan)).hexdigest() == plan.digest == Plan.objects.get().request.plan_digest


def test_a_commitment_can_be_recomputed_too(plan):
    index = bytes(plan.request.subject.identifiers.get().blind_index)
    expected = hashlib.sha256(b"portal-match-v1" + b"\0" + bytes(plan.salt) + index).hexdigest()
    assert set(plan.items.values_list("commitment", flat=True)) == {expected}


def test_every_member_is_described(plan):
    header = json.loads(plan_digest.header(plan, count=1))
    line = json.loads(plan_digest.line(plan.items.first()))
    assert {tables.code(row["Member"]) for row in tables.table(DOCUMENT, "Header")} == set(header)
    assert {tables.code(row["Member"]) for row in tables.table(DOCUMENT, "Item")} == set(line)


def test_every_ground_is_described():
    described = {tables.code(row["Ground"]): row["Means"] for row in tables.table(DOCUMENT, "Grounds")}
    assert described == {link.value: link.label for link in Candidate.Link}
