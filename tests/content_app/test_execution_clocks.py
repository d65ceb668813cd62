"""Rooms 1 to 6 on hosts whose own clocks are a day off: every delay and every order is the database's."""

from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from content_app import receipts, reconciliation
from content_app.models import Intent, Receipt, Verification
from requests_app import approval, clock, validation
from requests_app.errors import Refused
from requests_app.models import Approval, Request
from tests import story

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.parametrize("days", [-1, 1], ids=["a-day-behind", "a-day-ahead"]),
]
DELAY = timedelta(hours=12)
#: What a slow machine needs for a step of a test.
SOON = timedelta(minutes=1)


@contextmanager
def host(days):
    """What is done in it is done on a host whose clock is so many days off; the database's is not."""
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        yield


def is_now(moment: datetime) -> bool:
    return abs(clock.now() - moment) < SOON


def test_an_approval_can_be_withdrawn_for_as_long_as_the_delay_says(
    days, rooms, centre, system, settings, supervisor, monkeypatch
):
    settings.PORTAL_APPROVAL_DELAY_HOURS = DELAY / timedelta(hours=1)
    centre.hold("a", "voicemail")
    request = rooms.take()
    assert rooms.search(request)
    with host(days):
        rooms.approve(request, rooms.freeze(request))
    given = Approval.objects.get()
    assert is_now(given.execute_after - DELAY)
    centre.log.clear()
    monkeypatch.setattr(clock, "now", lambda: given.execute_after - SOON)
    with pytest.raises(Refused) as refused:
        rooms.execute(request)
    assert (refused.value.code, centre.log) == ("not_yet", [])
    monkeypatch.setattr(clock, "now", lambda: given.execute_after)
    assert rooms.execute(request)


def test_what_was_known_is_searched_for_and_the_search_counts(days, rooms, centre, system):
    centre.hold("a", "voicemail")
    with host(days):
        request = rooms.take()
    assert is_now(request.scope_as_of)
    assert rooms.search(request)
    assert rooms.freeze(request).items.count() == 1


def test_a_host_in_order_validates_what_another_took(days, rooms, centre, system, staff, validator):
    centre.hold("a", "voicemail")
    with host(days):
        taken = story.received(staff)
    validation.record_finding(taken.pk, actor=validator, method="callback", level="IAL-2", result="passed")
    validation.validate(taken.pk, actor=validator)
    request = Request.objects.get()
    assert rooms.search(request)
    assert rooms.freeze(request).items.count() == 1


def test_a_list_holds_for_as_long_as_it_says(days, rooms, centre, system, settings, supervisor):
    centre.hold("a", "voicemail")
    request = rooms.take()
    assert rooms.search(request)
    with host(days):
        plan = rooms.freeze(request)
    assert is_now(plan.created_at)
    assert is_now(plan.expires_at - timedelta(days=settings.PORTAL_PLAN_VALID_DAYS))
    with host(days * (settings.PORTAL_PLAN_VALID_DAYS + 1)):
        rooms.approve(request, plan)
    assert request.state == "approved"


def test_a_list_that_was_sent_back_is_searched_for_again_and_once(days, rooms, centre, system, supervisor):
    centre.hold("a", "voicemail")
    request = rooms.take()
    assert rooms.search(request)
    rooms.freeze(request)
    with host(days):
        approval.send_back(request.pk, actor=supervisor, reason="missing_items")
    request.refresh_from_db()
    with pytest.raises(Refused) as refused:
        rooms.freeze(request)
    assert refused.value.code == "search_unfinished"
    assert rooms.search(request)
    assert rooms.freeze(request).version == 2


def test_what_is_still_there_waits_for_another_list(days, rooms, centre, system):
    centre.hold("a", "voicemail")
    centre.hold("b", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    centre.hold("b", "voicemail")
    with host(days):
        assert rooms.read_back(request)
    assert receipts.waiting(request).count() == 1
    rooms.approve(request, rooms.freeze(request))
    assert receipts.waiting(request).count() == 0


def test_the_accounts_agree_whatever_a_host_believes(days, rooms, centre, system):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    with host(days):
        assert rooms.execute(request)
        assert rooms.read_back(request)
    told = [one.code for account in reconciliation.everything() for one in account.differences if one.fault]
    assert told == []
    (intent,), (receipt,) = Intent.objects.all(), Receipt.objects.all()
    assert is_now(intent.at)
    assert intent.at <= receipt.at
    assert all(is_now(one.at) for one in Verification.objects.all())
