"""Whoever is barred is barred through one door, and the ledger says so once."""

import json

import pytest
from django.db import transaction

from requests_app import audit, barring
from requests_app.models import ApprovalBar, LedgerLeaf
from tests import story

pytestmark = pytest.mark.django_db
Ground = ApprovalBar.Ground


def told(request):
    """Pseudonym and ground of each entry about this request."""
    leaves = LedgerLeaf.objects.filter(type="approval.barred", object_id=str(request.pk)).order_by("id")
    facts = [json.loads(bytes(leaf.leaf))["facts"] for leaf in leaves]
    return [(fact["person"], fact["ground"]) for fact in facts]


def test_every_bar_of_a_validated_request_is_in_the_ledger(staff, validator):
    request = story.validated(staff, validator)
    bars = [(audit.pseudonym_of(bar.user), bar.ground) for bar in request.bars.order_by("at", "pk")]
    assert {ground for _, ground in bars} == {"opened", "validated"}
    assert told(request) == bars


def test_a_person_is_barred_once_on_a_ground(staff, supervisor):
    request = story.received(staff)
    before = told(request)
    with transaction.atomic():
        assert barring.bar(request, user=supervisor, ground=Ground.HEARD, actor=audit.WORKER)
        assert not barring.bar(request, user=supervisor, ground=Ground.HEARD, actor=audit.WORKER)
        assert barring.bar(request, user=supervisor, ground=Ground.SET_HOLD, actor=supervisor)
    who = audit.pseudonym_of(supervisor)
    assert told(request) == [*before, (who, "heard"), (who, "set_hold")]


def test_without_the_entry_nobody_is_barred(staff, supervisor, monkeypatch):
    request = story.received(staff)
    before = request.bars.count()
    monkeypatch.setattr(audit, "append", lambda *args, **facts: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        barring.bar(request, user=supervisor, ground=Ground.HEARD, actor=audit.WORKER)
    assert request.bars.count() == before
