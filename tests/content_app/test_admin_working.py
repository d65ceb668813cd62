"""How the work gets on, as people see it, and the button that starts it again."""

import pytest
from django.utils import timezone

from content_app.models import Errand
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
    assert 'hx-trigger="every 10s"' in page, "somebody else may start it again meanwhile"


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
