"""The screen of the safeguards, the banner on every page, and what a supervisor sees and types of a large list."""

import re

import pytest
from django.urls import reverse

from content_app import brakes, safeguards
from content_app.models import Allowance, BrakeRelease, Errand, Safeguard, System
from requests_app import clock
from requests_app.models import ApprovalBar, LedgerLeaf
from tests import factories
from tests.content_app import admin_story
from tests.content_app.admin_story import address

PAGE = "/admin/safeguards/"
BANNER = "nothing is sent to any system"


def text(answer):
    """What a page says: its markup taken out, entities and white space made plain."""
    page = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(page.replace("&#x27;", "'").replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture
def look(login):
    """``look(user)`` is the screen as this person sees it."""
    return lambda user: login(user).get(PAGE, follow=True)


def held(settings, staff, validator, supervisor):
    """An approved list of two files, which is more than one list may have."""
    settings.PORTAL_APPROVAL_DELAY_HOURS, settings.PORTAL_PLAN_CAP = 0, 1
    case, plan = admin_story.approved(staff, validator, supervisor, {}, {})
    Errand.objects.update_or_create(request=case, defaults={"attention": "braked", "next_at": clock.now()})
    return case, plan


# --- the stop of all systems -----------------------------------------------------------------------------------------


def test_one_click_stops_everything_and_lifting_wants_a_reason(look, login, supervisor, db):
    page = look(supervisor)
    assert "Stop all systems now" in text(page)
    answer = login(supervisor).post(address("stop_all"), follow=True)
    assert Safeguard.objects.get().reason == "precaution", "an emergency does not wait for words"
    assert "The emergency stop is set. Nothing more is sent to any system." in text(answer)
    answer = login(supervisor).post(address("lift_all"), follow=True)
    assert "Choose a reason" in text(answer)
    assert safeguards.is_stopped()
    login(supervisor).post(address("lift_all"), {"reason": "false_alarm"})
    assert not safeguards.is_stopped()


def test_the_screen_says_who_stopped_everything_when_and_why(look, supervisor, second_supervisor):
    safeguards.set_stop(actor=second_supervisor, reason="misuse")
    said = text(look(supervisor))
    assert "The emergency stop of all systems is set" in said
    assert f"Set by {second_supervisor.get_full_name()} on" in said
    assert "An account of ours may be misused" in said


@pytest.mark.parametrize("role", ["agent", "staff", "supervisor", "auditor", "administrator", "dpo", "outsider"])
def test_while_everything_is_stopped_every_page_says_so_to_everybody(role, request, login, supervisor):
    person = request.getfixturevalue(role)
    assert BANNER not in text(login(person).get(reverse("admin:index")))
    safeguards.set_stop(actor=supervisor)
    assert BANNER in text(login(person).get(reverse("admin:index")))
    safeguards.lift_stop(actor=supervisor, reason="false_alarm")
    assert BANNER not in text(login(person).get(reverse("admin:index")))


@pytest.mark.parametrize("role", ["auditor", "dpo"])
def test_whoever_only_looks_has_no_button(role, request, look, login, supervisor, db):
    factories.SystemFactory()
    person = request.getfixturevalue(role)
    page = look(person).content.decode()
    assert "<h1>Safeguards</h1>" in page
    assert "stop-form" not in page
    assert login(person).post(address("stop_all"), {"reason": "misuse"}).status_code == 403
    assert not Safeguard.objects.exists()


@pytest.mark.parametrize("role", ["agent", "staff", "privacy_manager", "outsider"])
def test_nobody_else_sees_the_screen(role, request, look):
    assert look(request.getfixturevalue(role)).status_code == 403


def test_each_system_has_its_switch_there_and_the_way_leads_back(look, login, supervisor):
    system = factories.SystemFactory(name="Branch")
    assert "Branch" in text(look(supervisor))
    stop, resume = address("system_stop", system.pk), address("system_resume", system.pk)
    answer = login(supervisor).post(stop, {"reason": "system_trouble", "back": "safeguards"}, follow=True)
    assert answer.redirect_chain[-1][0] == address("safeguards")
    assert System.objects.get().stopped
    login(supervisor).post(resume, {"reason": "system_is_back", "back": "safeguards"})
    assert not System.objects.get().stopped


# --- the brake -------------------------------------------------------------------------------------------------------


def test_today_s_use_of_each_cap_is_shown(look, settings, supervisor, second_supervisor):
    settings.PORTAL_DAY_CAP, settings.PORTAL_APPROVER_CAP, settings.PORTAL_PLAN_CAP = 5000, 1500, 777
    day = brakes.today()
    Allowance.objects.create(day=day, items=1234)
    Allowance.objects.create(day=day, items=1100, approver=second_supervisor)
    said = text(look(supervisor))
    assert "1,234 of 5,000 in all" in said
    assert f"1,100 of 1,500 on approvals of {second_supervisor.get_full_name()}" in said
    assert "over 777 files" in said


def test_the_first_page_has_today_s_figure_with_a_way_to_the_screen(login, supervisor, staff):
    Allowance.objects.create(day=brakes.today(), items=42)
    page = login(supervisor).get(reverse("admin:index"))
    assert "42 of 100,000 items deleted today" in text(page)
    assert address("safeguards") in page.content.decode()
    assert "items deleted today" not in text(login(staff).get(reverse("admin:index")))


def test_a_held_list_is_named_with_what_it_exceeds(look, settings, staff, validator, supervisor, administrator):
    case, _ = held(settings, staff, validator, supervisor)
    said = text(look(supervisor))
    assert f"{case.reference} More than 1 file of one list" in said
    page = look(administrator).content.decode()
    assert case.reference in page
    assert str(case.pk) not in page, "an administrator sees no case, so there is no way to it"


def test_a_second_supervisor_releases_a_list_on_the_request_s_page(
    login, look, settings, staff, validator, supervisor, second_supervisor
):
    case, plan = held(settings, staff, validator, supervisor)
    panel = text(login(second_supervisor).get(address("request_panel", case.pk)))
    assert "The brake holds this list" in panel
    assert "Release the list" in panel
    form = {"plan_id": plan.pk, "items": "2", "reason": "size_explained"}
    answer = login(second_supervisor).post(address("release", case.pk), form, follow=True)
    assert "Released. The deletion goes on within a minute." in text(answer)
    made = BrakeRelease.objects.get()
    assert (made.plan, made.cap, made.by, made.items) == (plan, "plan", second_supervisor, 2)
    said = text(look(supervisor))
    assert f"{case.reference} Items of one list · 2 files · {second_supervisor.get_full_name()}" in said


def test_whoever_approved_it_sees_why_they_may_not(login, settings, staff, validator, supervisor):
    case, plan = held(settings, staff, validator, supervisor)
    panel = text(login(supervisor).get(address("request_panel", case.pk)))
    assert "You may not release it: you approved it. A colleague must." in panel
    assert "Release the list" not in panel
    form = {"plan_id": plan.pk, "items": "2", "reason": "checked"}
    answer = login(supervisor).post(address("release", case.pk), form, follow=True)
    assert "You may not release this list: you approved it" in text(answer)
    assert not BrakeRelease.objects.exists()
    assert LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(case.pk)).count() == 1


def test_staff_see_that_it_is_held_and_no_form(login, settings, staff, validator, supervisor):
    case, plan = held(settings, staff, validator, supervisor)
    panel = text(login(staff).get(address("request_panel", case.pk)))
    assert "The list is more than the brake allows: 1 file of one list." in panel
    assert "Release the list" not in panel
    assert login(staff).post(address("release", case.pk), {"plan_id": plan.pk}).status_code == 403


@pytest.mark.parametrize("items", ["", "two", "3", "-2", "2" * 30])
def test_a_number_that_is_not_the_list_s_releases_nothing(
    items, login, settings, staff, validator, supervisor, second_supervisor
):
    case, plan = held(settings, staff, validator, supervisor)
    form = {"plan_id": plan.pk, "items": items, "reason": "checked"}
    answer = login(second_supervisor).post(address("release", case.pk), form, follow=True)
    assert "The list does not delete that many files" in text(answer)
    assert not BrakeRelease.objects.exists()


def test_the_supervisor_sees_before_approving_what_a_list_exceeds(login, settings, staff, validator, supervisor):
    case, _ = admin_story.listed(staff, validator, {}, {}, {})
    review = address("review", case.pk)
    assert "more than the brake allows" not in text(login(supervisor).get(review))
    settings.PORTAL_PLAN_CAP, settings.PORTAL_APPROVER_CAP = 2, 2
    said = text(login(supervisor).get(review))
    assert "This list is more than the brake allows: 2 files of one list." in said
    assert "2 files a day on one person's approvals, of which 0 are used today." in said
    assert "until another supervisor releases the list" in said


# --- the typed number ------------------------------------------------------------------------------------------------


def approve(login, who, case, plan, confirmed):
    form = {"plan_id": plan.pk, "digest": plan.digest, "confirmed": confirmed}
    return login(who).post(address("approve", case.pk), form, follow=True)


@pytest.fixture
def large(settings, staff, validator):
    """A list of three files, where the number of over two is typed."""
    settings.PORTAL_TYPED_ABOVE = 2
    return admin_story.listed(staff, validator, {}, {}, {})


def test_the_number_of_a_large_list_is_typed_and_nowhere_in_the_form(large, login, supervisor):
    case, plan = large
    page = login(supervisor).get(address("review", case.pk)).content.decode()
    form = page[page.index('name="plan_id"') : page.index("Approve the deletion</button>")]
    assert "Type how many files are deleted for good" in form
    assert 'type="checkbox"' not in form
    assert 'value="3"' not in form
    approve(login, supervisor, case, plan, "3")
    case.refresh_from_db()
    assert case.state == "approved"
    assert b'"items":3' in bytes(LedgerLeaf.objects.get(type="approval.given").leaf)


@pytest.mark.parametrize("typed", ["4", "0", "33"])
def test_a_wrong_number_approves_nothing_and_the_attempt_is_written_down(large, login, supervisor, typed):
    case, plan = large
    assert "The list does not delete that many files" in text(approve(login, supervisor, case, plan, typed))
    case.refresh_from_db()
    assert case.state == "planned"
    assert b'"reason":"wrong_count"' in bytes(LedgerLeaf.objects.get(type="attempt.refused").leaf)


@pytest.mark.parametrize("typed", ["", "on", "three", "-3"])
def test_what_is_no_number_is_asked_for_again(large, login, supervisor, typed):
    case, plan = large
    assert "Type how many files are deleted" in text(approve(login, supervisor, case, plan, typed))
    case.refresh_from_db()
    assert case.state == "planned"


@pytest.mark.parametrize("typed", [" 3 ", "3.", "'3"])
def test_a_number_may_be_typed_as_people_write_them(large, login, supervisor, typed):
    case, plan = large
    approve(login, supervisor, case, plan, typed)
    case.refresh_from_db()
    assert case.state == "approved"


# --- the delay and the first deletion --------------------------------------------------------------------------------


def test_the_delay_counts_down_on_the_request_and_on_the_screen(look, login, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 12
    case, _ = admin_story.approved(staff, validator, supervisor)
    panel = login(supervisor).get(address("request_panel", case.pk))
    assert re.search("It begins in 11 hours, 59 minutes", text(panel))
    assert b'hx-trigger="every 30s, look"' in panel.content
    said = text(look(supervisor))
    assert re.search(f"{case.reference} Approved by {supervisor.get_full_name()} begins in 11 hours, 59 minutes", said)
    login(supervisor).post(address("withdraw_approval", case.pk), {"reason": "mistake"})
    assert case.reference not in text(look(supervisor))


def test_the_first_deletion_has_its_line(login, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, plan = admin_story.approved(staff, validator, supervisor, {}, {})

    def said():
        return text(login(staff).get(address("request_panel", case.pk)))

    assert "First deletion in Contact centre EMEA One contact is deleted alone" in said()
    item = plan.items.first()
    told = {"item": item, "round": 0, "leaf": LedgerLeaf.objects.first()}
    item.verifications.create(**told, result="reappeared")
    assert "Did not take effect" in said()


def test_whoever_is_barred_sees_the_ground(login, settings, staff, validator, supervisor, second_supervisor):
    case, _ = held(settings, staff, validator, supervisor)
    ApprovalBar.objects.create(request=case, user=second_supervisor, ground="heard")
    panel = text(login(second_supervisor).get(address("request_panel", case.pk)))
    assert "you are heard on an item of its list. A colleague must." in panel
