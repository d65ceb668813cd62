"""The screens of a request: who may open them, what each may see, and what is never lost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from requests_app import identifiers, intake, validation
from requests_app.admin import exports
from requests_app.models import AccessLogEntry, Decision, LedgerLeaf, Request
from requests_app.states import State
from tests import factories

Login = Callable[[User], Client]
LIST = "admin:requests_app_request_changelist"
PAGE = "admin:requests_app_request_change"
ADD = "admin:requests_app_request_add"

NAME, PHONE, MAIL = "Margaret O’Brien", "+447700900123", "margaret@example.org"


def told(**changes: Any) -> dict[str, Any]:
    """What an agent types, as the form sends it."""
    return {
        "right": "erasure",
        "name": NAME,
        "channel": "phone",
        "received_at": "2026-03-02T08:00",
        "jurisdiction": "UK",
        "scope": "everything",
        "subject_kind": "customer",
        "identifier_kind": ["phone", "email"],
        "identifier_value": ["07700 900123", MAIL],
    } | changes


@pytest.fixture
def taken(agent: User, clock: Any) -> Request:
    """A request that the agent took down."""
    return intake.open_request(
        actor=agent,
        right="erasure",
        channel="phone",
        jurisdiction="UK",
        received_at=factories.timezone.now(),
        name=NAME,
        identifiers=[("phone", PHONE), ("email", MAIL)],
    ).request


# --- doors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["staff", "supervisor", "auditor", "privacy_manager", "dpo"])
def test_whoever_handles_cases_opens_list_and_page(who: str, taken: Request, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(reverse(PAGE, args=[taken.pk])).status_code == 200


@pytest.mark.parametrize("who", ["agent", "administrator", "outsider"])
def test_nobody_else_opens_them(who: str, taken: Request, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse(PAGE, args=[taken.pk])).status_code == 403


@pytest.mark.parametrize("who", ["supervisor", "auditor", "administrator", "dpo", "privacy_manager", "outsider"])
def test_only_agents_and_staff_take_down_requests(who: str, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), told()).status_code == 403
    assert not Request.objects.exists()


def test_no_stock_form_changes_or_deletes_a_request(superuser: User, taken: Request, login: Login) -> None:
    client = login(superuser)
    client.post(reverse(PAGE, args=[taken.pk]), {"state": "closed", "right": "access"})
    taken.refresh_from_db()
    assert (taken.state, taken.right) == ("received", "erasure")
    assert client.get(reverse("admin:requests_app_request_delete", args=[taken.pk])).status_code == 403


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_staff_see_the_person_in_clear_and_the_access_log_says_so(staff: User, taken: Request, login: Login) -> None:
    page = login(staff).get(reverse(PAGE, args=[taken.pk])).content.decode()
    assert PHONE in page
    assert MAIL in page
    assert NAME in page
    entry = AccessLogEntry.objects.get()
    assert (entry.user, entry.what, entry.object_id) == (staff, "request", str(taken.pk))


def test_the_auditor_sees_no_name_and_no_identifier(auditor: User, taken: Request, login: Login) -> None:
    client = login(auditor)
    for url in (reverse(PAGE, args=[taken.pk]), reverse(LIST)):
        page = client.get(url).content.decode()
        assert PHONE not in page
        assert MAIL not in page
        assert "Margaret" not in page
    masked = identifiers.mask(identifiers.Kind.PHONE, PHONE)
    assert masked in client.get(reverse(PAGE, args=[taken.pk])).content.decode()
    assert not AccessLogEntry.objects.exists()


def test_a_forgotten_person_is_shown_as_destroyed(staff: User, taken: Request, login: Login) -> None:
    taken.subject.keys.update(wrapped=None, destroyed_at=factories.timezone.now())
    page = login(staff).get(reverse(PAGE, args=[taken.pk]))
    assert page.status_code == 200
    assert b"Destroyed" in page.content
    assert PHONE not in page.content.decode()


def test_the_page_says_what_is_next_and_who_can(auditor: User, taken: Request, login: Login) -> None:
    page = login(auditor).get(reverse(PAGE, args=[taken.pk])).content.decode()
    assert "Check who is asking, then validate the request" in page
    assert "Who can: staff." in page
    assert "Validate the request</button>" not in page


# --- taking down -----------------------------------------------------------------------------------------------------


def test_an_agent_gets_a_reference_and_nothing_more(agent: User, login: Login, clock: Any) -> None:
    client = login(agent)
    page = client.post(reverse(ADD), told(), follow=True)
    made = Request.objects.get()
    assert made.reference in page.content.decode()
    assert reverse(PAGE, args=[made.pk]) not in page.content.decode()
    assert NAME not in page.content.decode()
    assert made.opened_by == agent


def test_a_mistake_is_marked_and_nothing_typed_is_lost(agent: User, login: Login, clock: Any) -> None:
    wrong = told(
        identifier_kind=["phone", "email", "phone"], identifier_value=["07700 900123", "", "12"], contact="Box 7"
    )
    page = login(agent).post(reverse(ADD), wrong)
    text = page.content.decode()
    assert page.status_code == 200
    assert not Request.objects.exists()
    assert 'value="07700 900123"' in text
    assert 'value="12"' in text
    assert 'value="Box 7"' in text
    assert 'id="identifier-error-3"' in text
    assert text.count('class="field-error"') == 1


def test_a_request_in_the_future_is_refused_beside_its_field(agent: User, login: Login, clock: Any) -> None:
    page = login(agent).post(reverse(ADD), told(received_at="2031-01-01T00:00"))
    assert "This lies in the future" in page.content.decode()
    assert "id_received_at_error" in page.content.decode()


@pytest.mark.parametrize("moment", ["2026-03-29T01:30", "2025-10-26T01:30"])
def test_an_hour_in_which_the_clocks_change_is_refused_in_words(login, agent, moment):
    page = login(agent).post(reverse(ADD), told(received_at=moment)).content.decode()
    assert "The clocks were changed in this hour. Choose a time before or after it." in page
    assert not Request.objects.exists()


def test_whoever_is_signed_out_is_told_so_before_a_form_is_sent(client, login, agent):
    assert client.get("/signed-in/").json() == {"signed_in": False, "sign_in": "/accounts/login/"}
    told_to = login(agent).get("/signed-in/")
    assert told_to.json()["token"]
    assert "no-store" in told_to["Cache-Control"]


def test_without_any_identifier_the_form_asks_for_one(agent: User, login: Login, clock: Any) -> None:
    page = login(agent).post(reverse(ADD), told(identifier_kind=["phone"], identifier_value=[" "]))
    assert "at least one number" in page.content.decode()


def test_a_duplicate_is_announced(agent: User, taken: Request, login: Login) -> None:
    page = login(agent).post(reverse(ADD), told(), follow=True).content.decode()
    assert "The same was asked before" in page
    assert taken.reference not in page  # an agent sees no other request


# --- acts ------------------------------------------------------------------------------------------------------------


def act(client: Client, name: str, request: Request, **data: Any) -> Any:
    return client.post(reverse(f"admin:requests_app_request_{name}", args=[request.pk]), data, follow=True)


def test_staff_record_a_check_and_validate(staff: User, taken: Request, login: Login) -> None:
    client = login(staff)
    act(client, "finding", taken, method="callback", level="IAL-2", result="passed", doubt="")
    page = act(client, "validate", taken)
    taken.refresh_from_db()
    assert taken.state == State.VALIDATED
    assert b"Validated." in page.content


def test_a_refusal_of_the_room_is_a_message_and_never_an_error_page(staff: User, taken: Request, login: Login) -> None:
    page = act(login(staff), "validate", taken)
    assert page.status_code == 200
    assert b"this request needs IAL-2" in page.content
    taken.refresh_from_db()
    assert taken.state == State.RECEIVED


@pytest.mark.parametrize("name", ["validate", "withdraw", "not_identified", "refuse", "send_back"])
def test_the_auditor_is_refused_every_act_and_the_ledger_knows(
    name: str, auditor: User, taken: Request, login: Login
) -> None:
    assert act(login(auditor), name, taken, reason="no_answer").status_code == 403
    taken.refresh_from_db()
    assert taken.state == State.RECEIVED
    assert LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(taken.pk)).exists()


@pytest.mark.parametrize("name", ["finding", "evidence", "validate", "withdraw", "refuse", "send_back"])
def test_acts_are_posts(name: str, staff: User, taken: Request, login: Login) -> None:
    url = reverse(f"admin:requests_app_request_{name}", args=[taken.pk])
    assert login(staff).get(url).status_code == 405


def test_an_ending_needs_a_reason_from_the_list(staff: User, taken: Request, login: Login) -> None:
    assert b"Choose a reason" in act(login(staff), "withdraw", taken, reason="felt like it").content
    act(login(staff), "withdraw", taken, reason="person_withdrew")
    taken.refresh_from_db()
    assert taken.state == State.WITHDRAWN
    assert Decision.objects.get().reason == "person_withdrew"


def test_an_unfinished_check_comes_back_as_it_was(staff: User, taken: Request, login: Login) -> None:
    page = act(login(staff), "finding", taken, method="callback", level="", result="passed")
    assert page.status_code == 200
    assert '<option value="callback" selected>' in page.content.decode()


def test_a_check_that_the_room_refuses_keeps_what_was_chosen(staff: User, taken: Request, login: Login) -> None:
    page = act(login(staff), "finding", taken, method="document", level="IAL-3", result="passed").content.decode()
    assert "reasonable doubt: say which" in page
    assert '<option value="document" selected>' in page
    assert '<option value="IAL-3" selected>' in page


def test_nobody_handles_the_request_about_themselves(staff: User, validator: User, login: Login) -> None:
    own = factories.RequestFactory(subject_user=validator)
    page = login(validator).get(reverse(PAGE, args=[own.pk])).content.decode()
    assert "This request is about you" in page
    assert "Record a check" not in page


# --- searching and exporting -----------------------------------------------------------------------------------------


def find(client: Client, typed: str) -> Any:
    return client.post(reverse("admin:requests_app_request_find"), {"q": typed}, follow=True)


@pytest.mark.parametrize("typed", ["07700 900123", "+44 7700 900123", MAIL.upper()])
def test_staff_find_a_person_by_identifier_and_the_search_is_logged(
    typed: str, staff: User, taken: Request, login: Login
) -> None:
    other = factories.RequestFactory()
    page = find(login(staff), typed)
    assert taken.reference in page.content.decode()
    assert other.reference not in page.content.decode()
    assert AccessLogEntry.objects.filter(what="search", user=staff).exists()


def test_what_was_searched_for_never_stands_in_an_address(staff: User, taken: Request, login: Login) -> None:
    page = find(login(staff), "07700900123")
    assert page.redirect_chain
    assert all("900123" not in url for url, _ in page.redirect_chain)
    assert "900123" not in page.content.decode()


def test_a_search_that_finds_nobody_says_so(staff: User, taken: Request, login: Login) -> None:
    assert b"No request has this reference or identifier" in find(login(staff), "07700 900999").content


def test_a_reference_is_found_in_part_and_is_no_personal_data(staff: User, taken: Request, login: Login) -> None:
    assert taken.reference in find(login(staff), taken.reference[4:].lower()).content.decode()
    assert not AccessLogEntry.objects.exists()


def test_the_auditor_cannot_search_for_a_person(auditor: User, taken: Request, login: Login) -> None:
    factories.RequestFactory()
    assert b"No request has this reference" in find(login(auditor), PHONE).content
    assert taken.reference in find(login(auditor), taken.reference).content.decode()


def test_whoever_sees_no_case_finds_none(administrator: User, taken: Request, login: Login) -> None:
    assert find(login(administrator), taken.reference).status_code == 403


def test_the_export_holds_no_personal_data_and_is_logged(staff: User, taken: Request, login: Login) -> None:
    response = login(staff).get(reverse("admin:requests_app_request_export"), {"state__exact": "received"})
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert taken.reference in text
    assert PHONE not in text
    assert "Margaret" not in text
    assert AccessLogEntry.objects.filter(what="list", user=staff).exists()


def test_the_export_follows_the_filter(staff: User, taken: Request, login: Login) -> None:
    response = login(staff).get(reverse("admin:requests_app_request_export"), {"state__exact": "closed"})
    assert taken.reference not in b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("who", ["agent", "administrator", "outsider"])
def test_whoever_may_not_export_does_not(who: str, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(reverse("admin:requests_app_request_export")).status_code == 403


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(cell: str) -> None:
    assert exports.harmless(cell) == f"'{cell}"
    assert exports.harmless("DSR-1") == "DSR-1"
    assert exports.harmless(None) == ""


def test_validation_is_offered_once_the_checks_reach_the_level(staff: User, taken: Request, login: Login) -> None:
    url = reverse(PAGE, args=[taken.pk])
    assert "Record a further check" in login(staff).get(url).content.decode()
    validation.record_finding(taken.pk, actor=staff, method="callback", level="IAL-2", result="passed")
    assert "Validate the request" in login(staff).get(url).content.decode()


@pytest.mark.parametrize("typed", ["DSR\0", "07700\0 900199", "x" * 5000, "%", "<script>"])
def test_whatever_is_typed_into_the_search_finds_nothing_and_says_so(login, staff, typed):
    answer = login(staff).post(reverse("admin:requests_app_request_find"), {"q": typed}, follow=True)
    assert answer.status_code == 200
    assert not Request.objects.exists()
    assert "Enter identifiers in full" in answer.content.decode()
