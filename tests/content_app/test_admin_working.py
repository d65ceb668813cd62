"""How the work gets on, as people see it, and the button that starts it again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import receipts
from content_app.admin import working
from content_app.models import Breaker, Errand
from requests_app.models import LedgerLeaf, Request
from tests.content_app import admin_story
from tests.content_app.admin_story import address

PARKED = ["poisoned", "deadline"]
START = b"Start again"


@pytest.fixture
def parked(settings, staff, validator, supervisor):
    """An approved request that the workers have given up."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, _ = admin_story.approved(staff, validator, supervisor)
    Errand.objects.create(request=case, attention="poisoned", starts=4, failures=7, next_at=timezone.now())
    return case


def _restarts(case):
    return LedgerLeaf.objects.filter(type="work.restarted", object_id=str(case.pk)).count()


# --- starting again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", PARKED)
def test_a_supervisor_starts_given_up_work_again(attention, login, parked, supervisor):
    Errand.objects.update(attention=attention)
    client = login(supervisor)
    assert START in client.get(address("request_panel", parked.pk)).content
    answer = client.post(address("restart", parked.pk), {"reason": "mended"}, follow=True)
    assert b"Started again." in answer.content
    errand = Errand.objects.get(request=parked)
    assert (errand.attention, errand.starts, errand.failures) == ("", 0, 0)
    assert errand.next_at <= timezone.now()
    assert _restarts(parked) == 1
    assert START not in client.get(address("request_panel", parked.pk)).content


@pytest.mark.parametrize("attention", PARKED)
def test_the_panel_says_why_and_what_to_do(attention, login, parked, staff):
    Errand.objects.update(attention=attention)
    page = login(staff).get(address("request_panel", parked.pk)).content.decode()
    assert "It is not tried again by itself" in page
    assert 'hx-trigger="every 10s, look"' in page, "somebody else may start it again meanwhile"


@pytest.mark.parametrize("role", ["staff", "auditor", "privacy_manager", "dpo", "administrator", "agent", "outsider"])
def test_nobody_else_starts_it_again(role, request, login, parked):
    client = login(request.getfixturevalue(role))
    assert client.post(address("restart", parked.pk), {"reason": "mended"}).status_code == 403
    assert START not in client.get(address("request_panel", parked.pk)).content
    assert Errand.objects.get(request=parked).attention == "poisoned"
    assert _restarts(parked) == 0


def test_it_wants_a_reason_from_the_list(login, parked, supervisor):
    answer = login(supervisor).post(address("restart", parked.pk), {"reason": "because"}, follow=True)
    assert b"Choose a reason from the list." in answer.content
    assert _restarts(parked) == 0


@pytest.mark.parametrize("attention", ["", "crashed", "unreachable", "shadow"])
def test_work_that_goes_on_by_itself_has_no_such_button(attention, login, parked, supervisor):
    Errand.objects.update(attention=attention)
    client = login(supervisor)
    assert START not in client.get(address("request_panel", parked.pk)).content
    answer = client.post(address("restart", parked.pk), {"reason": "mended"}, follow=True)
    assert b"The work goes on by itself." in answer.content
    assert _restarts(parked) == 0


def test_nobody_starts_a_request_about_themselves_again(login, parked, second_supervisor):
    Request.objects.filter(pk=parked.pk).update(subject_user_id=second_supervisor.pk)
    client = login(second_supervisor)
    assert START not in client.get(address("request_panel", parked.pk)).content
    answer = client.post(address("restart", parked.pk), {"reason": "mended"}, follow=True)
    assert b"This request is about you." in answer.content
    assert _restarts(parked) == 0


# --- how it gets on --------------------------------------------------------------------------------------------------


@pytest.fixture
def deleting(settings, clock, staff, validator, supervisor):
    """Three of four files were deleted in the last two minutes."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, plan = admin_story.approved(staff, validator, supervisor, {}, {}, {}, {})
    items = list(receipts.to_delete(plan))[:3]
    intent = receipts.intend(receipts.open_step(plan, kind="batch", items=items), items=items, kind="batch")
    clock.shift(timedelta(minutes=2))
    receipts.receive(intent, [(item, "deleted", "") for item in items])
    later = timezone.now() + timedelta(seconds=40)
    Errand.objects.create(request=case, next_at=later, failures=2, attention="paused")
    Breaker.objects.create(system=items[0].system, position="open", reason="server_error", retry_at=later)
    return case


def _words(answer):
    return " ".join(answer.content.decode().split())


def test_the_panel_says_how_fast_it_goes_and_what_holds_it_up(login, deleting, staff):
    words = _words(login(staff).get(address("request_panel", deleting.pk)))
    assert "<b>2</b> files a minute lately; less than a minute left." in words
    assert "Failed 2 times in a row; tried again at 09:02:40." in words
    assert "Left alone for a while</span> Contact centre EMEA (server_error), until 09:02:40." in words


def test_the_first_page_shows_what_the_workers_do_and_asks_again(login, deleting, staff):
    page = _words(login(staff).get("/admin/"))
    assert "What the workers do now" in page
    assert deleting.reference in page
    assert "3 of 4 files" in page
    assert f'hx-get="{address("now")}"' in page
    assert login(staff).get(address("now")).status_code == 200


def test_once_nothing_moves_it_stops_asking(login, deleting, staff):
    Errand.objects.update(attention="shadow")
    answer = login(staff).get(address("now"))
    assert answer.status_code == 286
    assert b"hx-get" not in answer.content
    assert b"What the workers do now" not in login(staff).get("/admin/").content


@pytest.mark.parametrize("role", ["agent", "administrator", "outsider"])
def test_who_sees_no_requests_sees_no_work(role, request, login, deleting):
    client = login(request.getfixturevalue(role))
    assert client.get(address("now")).status_code == 403
    assert deleting.reference.encode() not in client.get("/admin/").content


def test_a_long_list_is_cut_and_says_so(login, deleting, staff, validator, supervisor, monkeypatch):
    monkeypatch.setattr(working, "SHOWN", 1)
    other, _ = admin_story.approved(staff, validator, supervisor)
    Errand.objects.create(request=other, next_at=timezone.now())
    page = login(staff).get(address("now")).content
    assert deleting.reference.encode() in page
    assert other.reference.encode() not in page
    assert b"And 1 more." in page
