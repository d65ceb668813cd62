"""`docs/ledger.md` describes the entries that are written: types, facts, members, hashes."""

import hashlib
import json

from django.db import transaction
from uuid_utils.compat import uuid7

from requests_app import audit, commitments, sequencer
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerLeaf
from tests import story
from tests.docs import tables

DOCUMENT = "docs/ledger.md"


def test_every_type_is_described_with_its_facts():
    described = {}
    for row in tables.table(DOCUMENT, "Registry"):
        facts = dict(fact.replace("`", "").split() for fact in row["Facts"].split(", "))
        described[tables.code(row["Type"])] = (row["Title"], facts, row["Retention"])
    assert described == {name: (spec.title, spec.facts, spec.retention) for name, spec in TYPES.items()}


def test_a_leaf_has_the_described_members_and_hash(db):
    audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")
    stored = LedgerLeaf.objects.get()
    leaf = bytes(stored.leaf)
    body = json.loads(leaf)
    assert {*body, "commitment"} == {tables.code(row["Member"]) for row in tables.table(DOCUMENT, "A leaf")}
    assert leaf == json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    assert bytes(stored.hash) == hashlib.sha256(b"\0" + leaf).digest()
    assert body["v"] == audit.VERSION


def test_a_commitment_is_the_described_digest_over_the_described_payload(staff):
    request = story.received(staff)
    leaf = LedgerLeaf.objects.get(type="identifier.added")
    body = json.loads(bytes(leaf.leaf))
    assert set(body) == {tables.code(row["Member"]) for row in tables.table(DOCUMENT, "A leaf")}
    ((_, opened),) = commitments.of_subject(request.subject_id)
    text = json.dumps(opened.payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert body["commitment"] == hashlib.sha256(b"portal-audit-v1" + b"\0" + opened.salt + text).hexdigest()


def test_every_type_that_commits_is_described():
    described = {tables.code(row["Type"]): tables.codes(row["Payload"]) for row in tables.table(DOCUMENT, "Payloads")}
    assert described == {name: list(spec.payload) for name, spec in TYPES.items() if spec.payload}


def test_the_root_is_the_described_tree(transactional_db):
    """RFC 6962, section 2.1, written down once more by its recursive definition."""
    with transaction.atomic():
        for _ in range(7):
            audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")
    sequencer.drain()

    def root(leaves):
        if len(leaves) == 1:
            return hashlib.sha256(b"\0" + leaves[0]).digest()
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()

    leaves = [bytes(leaf) for leaf in LedgerLeaf.objects.order_by("index__seq").values_list("leaf", flat=True)]
    assert audit.verify().root == root(leaves).hex()


def test_the_largest_leaf_is_the_described_one():
    assert f"{audit.MAX_LEAF:,} bytes" in tables.text_of(DOCUMENT)
