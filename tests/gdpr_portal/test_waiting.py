"""The first page: each sees what waits for them, in a handful of queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from content_app.models import Errand
from gdpr_portal import waiting
from gdpr_portal.menu import menu
from requests_app import audit, self_check
from requests_app.models import ApprovalBar, SequencerLease
from tests import factories

Login = Callable[[User], Client]


def first_page(client: Client) -> str:
    return client.get(reverse("admin:index")).content.decode()


def test_an_agent_sees_one_button_and_no_request(agent: User, login: Login) -> None:
    dsr = factories.RequestFactory()
    page = first_page(login(agent))
    assert "Take down a request" in page
    assert dsr.reference not in page


def test_staff_see_what_is_to_validate(staff: User, login: Login) -> None:
    dsr = factories.RequestFactory()
    page = first_page(login(staff))
    assert dsr.reference in page
    assert "<b>1</b><span>to validate</span>" in page


def test_a_supervisor_sees_what_they_may_approve_and_why_not_the_rest(supervisor: User, login: Login) -> None:
    mine = factories.RequestFactory(is_planned=True)
    barred = factories.RequestFactory(is_planned=True)
    ApprovalBar.objects.create(request=barred, user=supervisor, ground="heard")
    page = first_page(login(supervisor))
    assert mine.reference in page
    assert barred.reference in page
    assert "<b>1</b><span>lists to approve</span>" in page
    assert "not for you: you are heard on an item of its list" in page


def test_what_stopped_the_workers_comes_first(supervisor: User, login: Login) -> None:
    dsr = factories.RequestFactory(is_approved=True)
    Errand.objects.create(request=dsr, attention=Errand.Attention.SHADOW, next_at=factories.timezone.now())
    found = waiting.gather(supervisor)
    assert found.sections[0].title == "The workers need you"
    assert found.sections[0].rows[0].title == dsr.reference


@pytest.mark.parametrize("who", ["auditor", "dpo", "privacy_manager"])
def test_the_first_thing_an_auditor_sees_is_what_the_last_check_found(who: str, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    page = first_page(client)
    assert "Not checked yet" in page
    factories.RequestFactory()
    self_check.record()
    page = first_page(client)
    assert "The ledger holds" in page
    assert page.index("The ledger holds") < page.index("open requests") < page.index("numbered entries")
    assert "No independent witness" in page
    self_check.keep(audit.Verdict(7, 0, "a" * 64, ("entry 3 does not match its hash",)))
    page = first_page(client)
    assert "The ledger does not hold" in page
    assert "entry 3 does not match its hash" in page


def test_staff_see_no_check_of_the_ledger(staff: User, login: Login) -> None:
    assert "Check now" not in first_page(login(staff))


def test_an_administrator_sees_systems_that_do_not_delete(administrator: User, login: Login) -> None:
    system = factories.SystemFactory()
    page = first_page(login(administrator))
    assert system.name in page
    assert "shadow mode" in page


def test_an_outsider_is_told_whom_to_ask(outsider: User, login: Login) -> None:
    assert "Your account has no role yet" in first_page(login(outsider))


@pytest.mark.parametrize("who", ["staff", "supervisor", "auditor", "administrator", "dpo", "privacy_manager"])
def test_it_takes_few_queries_however_much_waits(
    who: str, db: None, request: Any, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    factories.RequestFactory.create_batch(4, is_planned=True)
    factories.RequestFactory.create_batch(4)
    user = User.objects.get(pk=request.getfixturevalue(who).pk)
    with django_assert_max_num_queries(20):
        waiting.gather(user)


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        ("agent", {"What waits for you"}),
        ("outsider", {"What waits for you"}),
        (
            "auditor",
            {"What waits for you", "Requests", "Ledger", "Samples", "Reconciliation", "Access log", "Safeguards"},
        ),
        ("administrator", {"What waits for you", "People", "Agent ids", "Roles", "Safeguards"}),
    ],
)
def test_the_menu_shows_only_what_opens(who: str, labels: set[str], request: Any, login: Login) -> None:
    user = request.getfixturevalue(who)
    links = [link for group in menu(user) for link in group.links]
    assert labels <= {link.label for link in links}
    assert {link.label for link in links} - labels <= {"Connected systems", "Operations"}
    client = login(user)
    assert all(client.get(link.url).status_code == 200 for link in links)


@pytest.mark.parametrize(
    ("who", "hears"),
    [
        ("auditor", True),
        ("administrator", True),
        ("supervisor", True),
        ("dpo", True),
        ("staff", False),
        ("agent", False),
    ],
)
def test_whoever_can_have_the_ledger_mended_hears_that_nothing_is_deleted(
    who: str, hears: bool, request: Any, login: Login
) -> None:
    client = login(request.getfixturevalue(who))
    assert "Nothing is deleted" not in first_page(client)
    SequencerLease.objects.create(name="ledger", fault="shorter")
    assert ("run manage.py recover_ledger" in first_page(client)) is hears


# --- the machinery ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["administrator", "supervisor"])
def test_whoever_can_see_to_it_is_told_that_a_part_stands_still(role, request, login):
    client = login(request.getfixturevalue(role))
    assert b"No worker cluster has shown a sign of life." in client.get("/admin/").content
    factories.heartbeat("cluster")
    factories.heartbeat("loop")
    assert b"stands still" not in client.get("/admin/").content


@pytest.mark.parametrize("role", ["staff", "agent", "auditor", "outsider"])
def test_nobody_else_is_told_so(role, request, login):
    assert b"stands still" not in login(request.getfixturevalue(role)).get("/admin/").content
