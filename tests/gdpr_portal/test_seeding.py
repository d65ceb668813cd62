"""Invented requests by the million: what is stored holds as if people had done it."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from content_app import reconciliation
from content_app.models import Item
from requests_app import audit, keys
from requests_app.models import LedgerIndex, Request
from tests import factories

COUNT = 150


@pytest.mark.django_db(transaction=True)
def test_a_seeded_portal_holds_every_check(settings: Any) -> None:
    settings.DEMO = True
    call_command("seed_scale", requests=COUNT, verbosity=0)
    assert Request.objects.count() == COUNT
    assert Item.objects.count() >= 9 * COUNT
    assert LedgerIndex.objects.count() >= 9 * COUNT
    verdict = audit.verify()
    assert verdict.ok, verdict.faults[:3]
    assert verdict.checkpoints > LedgerIndex.objects.count() // 100
    accounts = list(reconciliation.everything())
    assert sum(account.readings for account in accounts) > 5 * COUNT
    assert [account.differences for account in accounts if account.differences] == []
    someone = Request.objects.first()
    assert keys.identifiers_of(someone.subject_id)[0][1].endswith("@scale.example")  # type: ignore[union-attr]


def test_a_portal_with_requests_is_never_seeded(db: None, settings: Any) -> None:
    settings.DEMO = True
    factories.RequestFactory()
    with pytest.raises(CommandError, match="Seed an empty database"):
        call_command("seed_scale", requests=5)
    assert Request.objects.count() == 1


def test_a_portal_that_is_worked_with_is_never_seeded(db: None, settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        call_command("seed_scale", requests=5)
    assert not Request.objects.exists()
