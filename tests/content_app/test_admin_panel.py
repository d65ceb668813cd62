"""The workshop's panel: what it says in each state, to whom, and what it never says."""

import html
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from content_app import reporting, windows
from content_app.models import Candidate, Errand, Leftover, Search, System
from content_app.reporting import certificate
from requests_app import approval, publisher
from requests_app.models import Request
from tests import factories, story
from tests.content_app import admin_story
from tests.content_app.admin_story import address

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def look(login):
    """``look(user, request)`` is the panel as this person gets it."""

    def panel(user, request, **query):
        return login(user).get(address("request_panel", request.pk), query)

    return panel


def words(answer):
    """What is to be read, without the markup."""
    return " ".join(strip_tags(html.unescape(answer.content.decode())).split())


@pytest.mark.parametrize("role", ["staff", "supervisor", "auditor", "privacy_manager", "dpo", "superuser"])
def test_whoever_sees_requests_sees_the_panel(role, request, look, staff, validator):
    case = admin_story.found(staff, validator)
    assert look(request.getfixturevalue(role), case).status_code in (200, 286)


@pytest.mark.parametrize("role", ["agent", "administrator", "outsider"])
def test_nobody_else_does(role, request, look, staff, validator):
    case = admin_story.found(staff, validator)
    assert look(request.getfixturevalue(role), case).status_code == 403


def test_before_validation_it_says_what_will_happen(look, staff):
    answer = look(staff, story.received(staff))
    assert answer.status_code == 286
    assert b"The search starts by itself" in answer.content


def test_while_searching_it_shows_the_cursor_and_asks_again(look, staff, validator):
    case = story.validated(staff, validator)
    system = factories.SystemFactory()
    Search.objects.create(request=case, system=system, until=timezone.now(), cursor=139, calls_expected=424)
    answer = look(staff, case)
    assert answer.status_code == 200
    assert b"139 of 424 look-ups" in answer.content
    assert b'hx-trigger="every 2s, look"' in answer.content


def test_in_a_pass_for_many_it_shows_the_windows_and_how_many_share_it(look, staff, validator):
    case = story.validated(staff, validator)
    now = timezone.now()
    Search.objects.create(
        request=case, system=factories.SystemFactory(), until=now, way="sweep", cursor=3,
        calls_expected=11, sharers=200, spans=windows.packed([(now - timedelta(days=10), now)]),
    )  # fmt: skip
    assert b"3 of 5 look-ups, in one pass for 200 requests" in look(staff, case).content


def test_once_searched_it_says_what_that_cost(look, staff, validator):
    case = admin_story.found(staff, validator)
    Search.objects.update(way="sweep", cursor=53, calls_expected=105, calls_made=106, sharers=200)
    assert b"106 calls, 105 expected, in one pass for 200 requests" in look(staff, case).content
    Search.objects.update(way="subject", calls_made=1, sharers=1)
    assert b"1 call, 105 expected." in look(staff, case).content


def test_what_the_statistics_still_hold_is_said_from_the_search_to_the_end(look, staff, validator, supervisor):
    case = admin_story.found(staff, validator)
    admin_story.left_over(case, contacts=3, doubtful=1)
    told = words(look(staff, case))
    assert (
        "still hold 3 contacts of this person, 2 March 2026 to 9 March 2026, of which no content was found; 1 more"
        in told
    )
    assert "No API deletes them; use the vendor's screen Right to be Forgotten" in told
    assert "Statistics of Contact centre EMEA: 1 call, 2 expected, in one pass for 3 requests." in told
    waiting, _ = admin_story.listed(staff, validator)
    done, _ = admin_story.verified(staff, validator, supervisor)
    for other in (waiting, done):
        admin_story.left_over(other, doubtful=1)
        assert "still hold 1 contact that may be this person's" in words(look(staff, other)), other.state
    reporting.record_reply(done.pk, actor=staff, channel="email")
    assert "still hold 1 contact that may be this person's" in words(look(staff, done))


def test_nothing_left_is_said_too_and_what_was_never_counted_is_not_mentioned(look, staff, validator):
    case = admin_story.found(staff, validator)
    assert "statistics" not in words(look(staff, case)).lower()
    admin_story.left_over(case)
    assert "hold no further contact of this person" in words(look(staff, case))


def test_while_the_statistics_are_read_it_shows_how_far(look, staff, validator):
    case = admin_story.found(staff, validator)
    System.objects.update(reads_statistics=True)
    assert "Statistics of Contact centre EMEA Waits for the search" in words(look(staff, case))
    row = admin_story.left_over(case)
    Leftover.objects.filter(pk=row.pk).update(finished_at=None)
    assert "1 of about 2 look-ups, in one pass for 3 requests" in words(look(staff, case))


def test_a_missing_scope_is_said_with_what_to_do(look, staff, validator):
    case = admin_story.found(staff, validator)
    System.objects.update(reads_statistics=True)
    Errand.objects.create(request=case, next_at=timezone.now(), attention="statistics")
    told = words(look(staff, case))
    assert "A connected system does not let us read its statistics." in told
    assert "adds the scope stats to the account, or switches reading statistics off" in told


def test_it_says_so_when_no_system_is_connected(look, staff, validator):
    assert b"No system is connected" in look(staff, story.validated(staff, validator)).content


def test_found_content_is_counted_by_class_and_what_is_undecided_is_said(look, staff, validator):
    case = admin_story.found(staff, validator, {}, {"included": None, "link": "", "shared": True})
    answer = look(staff, case)
    assert answer.status_code == 286
    assert b"Call recordings" in answer.content
    assert b"1 to decide" in answer.content
    assert address("choose", case.pk).encode() in answer.content


def test_a_waiting_list_names_its_date_and_sends_the_supervisor_to_the_review(look, staff, validator, supervisor):
    case, _ = admin_story.listed(staff, validator)
    answer = look(supervisor, case).content.decode()
    assert "Approve by" in answer
    assert "1\N{NO-BREAK SPACE}call recording" in answer
    assert address("review", case.pk) in answer
    assert "Review and decide" in answer
    assert "Review and decide" not in look(staff, case).content.decode()


def test_in_the_delay_the_approval_can_be_withdrawn(look, login, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 12
    case, _ = admin_story.approved(staff, validator, supervisor)
    answer = look(supervisor, case)
    assert answer.status_code == 200, "the time that is left counts down"
    assert b"Withdraw the approval" in answer.content
    assert b"csrfmiddlewaretoken" in answer.content
    assert b"Withdraw the approval" not in look(staff, case).content
    login(supervisor).post(address("withdraw_approval", case.pk), {"reason": "mistake"})
    case.refresh_from_db()
    assert case.state == "validated"


def test_once_something_was_done_an_approval_stands(look, login, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, plan = admin_story.approved(staff, validator, supervisor)
    plan.steps.create(system=plan.items.get().system, kind="batch")
    assert b"Withdraw the approval" not in look(supervisor, case).content
    answer = login(supervisor).post(address("withdraw_approval", case.pk), {"reason": "mistake"}, follow=True)
    assert b"The deletion has begun" in answer.content
    case.refresh_from_db()
    assert case.state == "approved"


def test_while_deleting_it_counts_and_asks_again(look, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, _ = admin_story.approved(staff, validator, supervisor, {}, {})
    answer = look(staff, case)
    assert answer.status_code == 200
    assert b"0 of 2" in answer.content
    assert b'hx-trigger="every 2s, look"' in answer.content


def test_a_block_is_said_in_plain_words_and_asked_about_more_slowly(look, settings, staff, validator, supervisor):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, _ = admin_story.approved(staff, validator, supervisor)
    Errand.objects.create(request=case, attention="shadow", next_at=timezone.now())
    answer = look(staff, case).content
    assert b"A connected system is in shadow mode" in answer
    assert b'hx-trigger="every 10s, look"' in answer


def test_a_page_that_shows_an_older_state_is_told_to_load_again(look, staff, validator):
    case = admin_story.found(staff, validator)
    assert look(staff, case, seen="received.received").headers["HX-Refresh"] == "true"
    assert "HX-Refresh" not in look(staff, case, seen="validated.found").headers


def test_read_back_results_and_the_reply_form_come_after_verification(look, staff, validator, supervisor):
    case, _ = admin_story.verified(staff, validator, supervisor)
    answer = look(staff, case).content
    assert b"All 1 file verified absent" in answer
    assert b"Record the reply and close" in answer
    assert b"Record the reply and close" not in look(supervisor, case).content


def test_what_turned_up_later_is_shown_with_a_button_to_freeze_it(look, staff, validator, supervisor):
    case, plan = admin_story.verified(staff, validator, supervisor)
    item = plan.items.get()
    Candidate.objects.create(
        request=case, system=item.system, external_id=item.external_id, content_key="late", content_class="transcript",
        occurred_at=item.occurred_at, direction="inbound", kind="discovered", included=True, link="own_identifier",
        chosen_at=timezone.now(),
    )  # fmt: skip
    answer = look(staff, case).content
    assert b"1 file on contacts that were approved" in answer
    assert b"Freeze the supplementary list" in answer
    assert b"Freeze the supplementary list" not in look(supervisor, case).content


def test_a_refused_request_says_that_nothing_was_deleted(look, staff, validator, supervisor):
    case = story.validated(staff, validator)
    approval.refuse(case.pk, actor=supervisor, reason="no_ground")
    assert b"Nothing was deleted" in look(staff, case).content


def test_imported_history_offers_nothing(look, staff):
    case = factories.RequestFactory(origin=Request.Origin.HISTORY, state="closed")
    answer = look(staff, case).content
    assert b"Closed history" in answer
    assert b"<form" not in answer
    assert b"Completion report" not in answer


@pytest.mark.parametrize("state", ["found", "listed", "verified"])
def test_an_auditor_reads_no_personal_data_and_gets_no_button(state, look, auditor, staff, validator, supervisor):
    case = {
        "found": lambda: admin_story.found(staff, validator),
        "listed": lambda: admin_story.listed(staff, validator)[0],
        "verified": lambda: admin_story.verified(staff, validator, supervisor)[0],
    }[state]()
    answer = look(auditor, case).content.decode()
    assert "900123" not in answer
    assert "Ines" not in answer
    assert "<form" not in answer


def test_reports_are_for_those_who_may_export(look, login, staff, validator, supervisor, auditor):
    case, _ = admin_story.verified(staff, validator, supervisor)
    assert b"Completion report" in look(auditor, case).content
    download = login(auditor).get(address("report", case.pk, "json"))
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in download.headers["Content-Security-Policy"]
    assert login(auditor).get(address("report", case.pk, "exe")).status_code == 404
    elsewhere = login(auditor).get(address("report", case.pk, "json"), headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403


def test_the_panel_names_the_certificate_that_signs(look, staff, validator, supervisor, settings):
    case, _ = admin_story.verified(staff, validator, supervisor)
    assert certificate.known().fingerprint in look(staff, case).content.decode()
    settings.PORTAL_REPORT_CERTIFICATE += ".gone"
    assert b"no report goes out unsigned" in look(staff, case).content


def test_the_panel_says_what_a_proof_still_waits_for(look, staff, validator, supervisor):
    case, _ = admin_story.verified(staff, validator, supervisor)
    assert b"for publication" in look(staff, case).content
    publisher.publish()
    assert b"JSON and PDF carry the proof" in look(staff, case).content


def test_an_early_report_is_refused_in_words(login, staff, validator):
    case = admin_story.found(staff, validator)
    answer = login(staff).get(address("report", case.pk, "pdf"), follow=True)
    assert b"once everything is read back" in answer.content


def test_the_reply_closes_the_request(login, staff, validator, supervisor):
    case, _ = admin_story.verified(staff, validator, supervisor)
    answer = login(staff).post(address("reply", case.pk), {"channel": "pigeon"}, follow=True)
    assert b"Choose from the list" in answer.content
    login(staff).post(address("reply", case.pk), {"channel": "email"})
    case.refresh_from_db()
    assert case.state == "closed"


def test_the_names_that_a_system_sends_are_escaped(look, login, staff, validator, supervisor):
    system = factories.SystemFactory(name=HOSTILE)
    later = {"external_id": HOSTILE[:36], "occurred_at": timezone.now() - timedelta(hours=1)}
    hostile = {"agents": [HOSTILE], "line": HOSTILE, "content_class": HOSTILE[:40]}
    case = admin_story.found(staff, validator, hostile, hostile | later, system=system)
    pages = [look(staff, case), login(staff).get(address("choose", case.pk))]
    login(staff).post(address("freeze", case.pk))
    plan = case.plans.get()
    pages += [look(supervisor, case), login(supervisor).get(address("review", case.pk))]
    pages += [login(supervisor).get(address("proof", plan.pk))]
    for page in pages:
        assert page.status_code in (200, 286)
        assert "<img" not in page.content.decode()
