"""Commitments: the ledger binds an identifier that nobody reads from it, and notices a payload that was changed."""

import hashlib

import pytest
import rfc8785
from django.db import transaction

from requests_app import audit, commitments, keys
from requests_app.models import LedgerLeaf, LedgerPayload, SubjectKey
from tests import factories, story

pytestmark = pytest.mark.django_db
PAYLOAD = {"kind": "phone", "value": "+447700900123"}


@pytest.fixture
def subject():
    return factories.DataSubjectFactory.create()


def write(subject, **more):
    told = {"payload": PAYLOAD, "subject": subject} | more
    with transaction.atomic():
        return audit.append("identifier.added", actor=audit.WORKER, about=subject, kind="phone", **told)


def test_a_leaf_commits_as_the_document_says(subject):
    leaf = write(subject)
    ((_, opened),) = commitments.of_subject(subject.pk)
    assert opened.payload == PAYLOAD
    assert len(opened.salt) == 32
    expected = hashlib.sha256(b"portal-audit-v1\0" + opened.salt + rfc8785.dumps(PAYLOAD)).hexdigest()
    assert commitments.of_leaf(leaf) == expected
    assert PAYLOAD["value"].encode() not in bytes(leaf.leaf)
    assert PAYLOAD["value"].encode() not in bytes(LedgerPayload.objects.get().payload_enc)


def test_the_same_identifier_is_never_committed_to_in_the_same_way(subject):
    assert commitments.of_leaf(write(subject)) != commitments.of_leaf(write(subject))


@pytest.mark.parametrize("payload", [{"kind": "phone"}, {**PAYLOAD, "name": "x"}, {}])
def test_an_entry_commits_to_what_its_type_says_and_nothing_else(subject, payload):
    with pytest.raises(audit.LedgerError):
        write(subject, payload=payload)


def test_a_commitment_belongs_to_a_person(subject):
    with pytest.raises(audit.LedgerError), transaction.atomic():
        audit.append("identifier.added", actor=audit.WORKER, about=subject, payload=PAYLOAD)


def test_every_identifier_that_is_taken_is_committed_to_apart(staff):
    request = story.received(staff, identifiers=[("phone", "+447700900123"), ("email", "Ines@Example.org")])
    found = [opened.payload for _, opened in commitments.of_subject(request.subject_id)]
    assert found == [PAYLOAD, {"kind": "email", "value": "ines@example.org"}]
    assert audit.verify().faults == ()


def test_a_payload_that_was_exchanged_is_found(subject):
    write(subject)
    row = LedgerPayload.objects.get()
    text = '{"salt": "' + "00" * 32 + '", "payload": {"kind": "phone", "value": "+447700900999"}}'
    sealed = keys.seal(row, "payload_enc", text, subject_id=subject.pk, purpose=SubjectKey.Purpose.LEDGER)
    LedgerPayload.objects.update(payload_enc=sealed)
    assert [fault for fault in audit.verify().faults if "is not what the entry commits to" in fault]


def test_a_payload_of_another_entry_does_not_open(subject):
    one, two = write(subject), write(subject)
    LedgerPayload.objects.filter(leaf=one).update(payload_enc=LedgerPayload.objects.get(leaf=two).payload_enc)
    assert [fault for fault in audit.verify().faults if "cannot be opened" in fault]


def test_a_payload_may_be_missing_only_when_the_person_is_forgotten(staff):
    subject = story.received(staff).subject
    LedgerPayload.objects.all().delete()
    assert [fault for fault in audit.verify().faults if "is missing" in fault]
    subject.forgotten_at = "2026-03-02T09:00:00Z"
    subject.save()
    assert audit.verify().faults == ()


def test_an_entry_that_was_taken_back_from_the_published_log_needs_none(staff):
    subject = story.received(staff).subject
    LedgerPayload.objects.all().delete()
    subject.identifiers.all().delete()  # as after a restore: the entry came back, the identifier did not
    assert audit.verify().faults == ()


def test_entries_without_a_payload_carry_no_commitment(staff):
    story.received(staff)
    assert not commitments.of_leaf(LedgerLeaf.objects.get(type="request.received"))
