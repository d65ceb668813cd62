"""The review and the decision: what a supervisor reads, who is barred, and that only the exact list is approved."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from content_app import planning, receipts
from content_app.models import Plan
from requests_app import approval
from requests_app.models import ApprovalBar, LedgerLeaf, StaffAccount
from tests import factories, story
from tests.content_app import admin_story
from tests.content_app.admin_story import address


@pytest.fixture
def waiting(staff, validator):
    """A request with a list of two contacts, one of them kept."""
    return admin_story.listed(
        staff, validator, {}, {"included": False, "link": "other_person", "content_class": "voicemail"}
    )


def _form(plan, **changes):
    return {"plan_id": plan.pk, "digest": plan.digest, "confirmed": "1"} | changes


def _text(answer):
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def _refusals(request):
    return LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(request.pk)).count()


# --- reading ---------------------------------------------------------------------------------------------------------


def test_it_reads_as_a_person_reads_it(login, waiting, supervisor):
    case, plan = waiting
    page = _text(login(supervisor).get(address("review", case.pk)))
    for words in ("1 call recording", "Approve by", "1 voicemail", "Another person&#x27;s", "With agent 1342",
                  "+442079460000", "Out of reach", "Nothing held", "Who may not approve", "Sam Staff"):  # fmt: skip
        assert words in page
    assert "Right to be Forgotten</i>" not in page
    admin_story.left_over(case, contacts=1_200)
    assert "<b>1,200 contacts</b> of this person" in _text(login(supervisor).get(address("review", case.pk)))
    visible = page.replace(f'value="{plan.digest}"', "")
    assert plan.digest not in visible


@pytest.mark.parametrize("role", ["agent", "administrator", "outsider"])
def test_who_sees_no_requests_reads_no_list(role, request, login, waiting):
    case, plan = waiting
    client = login(request.getfixturevalue(role))
    assert client.get(address("review", case.pk)).status_code == 403
    assert client.get(address("proof", plan.pk)).status_code == 403


def test_an_auditor_reads_it_masked_and_decides_nothing(login, waiting, auditor):
    case, _ = waiting
    page = _text(login(auditor).get(address("review", case.pk)))
    assert "900123" not in page
    assert "Approve the deletion" not in page


def test_what_changed_since_the_last_list_is_said(login, waiting, staff, supervisor):
    case, plan = waiting
    approval.send_back(case.pk, actor=supervisor, reason="wrong_items")
    story.found(case, plan.items.first().system, {"external_id": "00000000-0000-4000-8000-00000000aaaa"})
    planning.choose(
        case.pk, actor=staff, candidate_ids=[case.candidates.get(content_class="voicemail").pk], link="said_so"
    )
    planning.freeze(case.pk, actor=staff)
    page = _text(login(supervisor).get(address("review", case.pk)))
    assert "What changed since list 1" in page
    assert "Now deleted" in page
    earlier = _text(login(supervisor).get(address("review", case.pk) + "?version=1"))
    assert "not the list that counts now" in earlier
    assert "Approve the deletion" not in earlier


def test_there_is_no_review_before_there_is_a_list(login, staff, validator):
    case = admin_story.found(staff, validator)
    assert login(staff).get(address("review", case.pk)).status_code == 404


# --- approving -------------------------------------------------------------------------------------------------------


def test_a_supervisor_approves_exactly_this_list(login, waiting, supervisor):
    case, plan = waiting
    login(supervisor).post(address("approve", case.pk), _form(plan))
    case.refresh_from_db()
    assert (case.state, case.approved_by) == ("approved", supervisor)
    assert case.approvals.get().digest == plan.digest


@pytest.mark.parametrize("confirmed", ["", "2", "on"])
def test_the_box_must_be_ticked_for_the_count_that_was_shown(confirmed, login, waiting, supervisor):
    case, plan = waiting
    answer = login(supervisor).post(address("approve", case.pk), _form(plan, confirmed=confirmed), follow=True)
    assert "Tick the box" in _text(answer)
    case.refresh_from_db()
    assert case.state == "planned"


@pytest.mark.parametrize(
    "role", ["agent", "staff", "validator", "auditor", "administrator", "privacy_manager", "dpo", "outsider"]
)
def test_roles_that_do_not_approve_are_refused_and_noted(role, request, login, waiting):
    case, plan = waiting
    assert login(request.getfixturevalue(role)).post(address("approve", case.pk), _form(plan)).status_code == 403
    case.refresh_from_db()
    assert case.state == "planned"
    assert _refusals(case) == 1


@pytest.mark.parametrize("ground", ["opened", "validated", "subject", "heard"])
def test_whoever_is_barred_sees_why_gets_no_button_and_is_refused(ground, login, waiting, supervisor):
    case, plan = waiting
    ApprovalBar.objects.create(request=case, user=supervisor, ground=ground)
    client = login(supervisor)
    page = _text(client.get(address("review", case.pk)))
    assert "You may not approve this list" in page
    assert "Approve the deletion" not in page
    answer = client.post(address("approve", case.pk), _form(plan), follow=True)
    assert "You may not approve this request" in _text(answer)
    case.refresh_from_db()
    assert case.state == "planned"
    assert _refusals(case) == 1


def test_an_agent_who_is_heard_is_barred_by_freezing(login, staff, validator, supervisor, second_supervisor):
    system = factories.SystemFactory()
    StaffAccount.objects.create(system_id=system.pk, external_id="1342", user=second_supervisor)
    case = admin_story.found(staff, validator, system=system)
    plan = planning.freeze(case.pk, actor=staff)
    page = _text(login(supervisor).get(address("review", case.pk)))
    assert "is heard on an item of the list" in page
    login(second_supervisor).post(address("approve", case.pk), _form(plan))
    case.refresh_from_db()
    assert case.state == "planned"


def test_a_superuser_who_took_the_request_cannot_approve_it(login, validator, superuser):
    case, plan = admin_story.listed(superuser, validator)
    client = login(superuser)
    assert "Approve the deletion" not in _text(client.get(address("review", case.pk)))
    client.post(address("approve", case.pk), _form(plan))
    case.refresh_from_db()
    assert case.state == "planned"
    assert _refusals(case) == 1


def test_a_stale_digest_is_refused_in_words(login, waiting, supervisor):
    case, plan = waiting
    answer = login(supervisor).post(address("approve", case.pk), _form(plan, digest="0" * 64), follow=True)
    assert "The list has changed since you opened it" in _text(answer)
    assert urlsplit(answer.redirect_chain[-1][0]).path == address("review", case.pk)


def test_a_list_that_was_replaced_cannot_be_approved_any_more(login, waiting, staff, supervisor):
    case, old = waiting
    approval.send_back(case.pk, actor=supervisor, reason="wrong_items")
    story.found(case, old.items.first().system, {"external_id": "00000000-0000-4000-8000-00000000bbbb"})
    planning.freeze(case.pk, actor=staff)
    login(supervisor).post(address("approve", case.pk), _form(old))
    case.refresh_from_db()
    assert case.state == "planned"


@pytest.mark.parametrize("plan_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_list_of_nobody_is_not_found(plan_id, login, waiting, supervisor):
    case, plan = waiting
    assert login(supervisor).post(address("approve", case.pk), _form(plan, plan_id=plan_id)).status_code == 404


def test_a_list_of_another_request_is_not_found(login, waiting, staff, validator, supervisor):
    case, _ = waiting
    other = story.validated(staff, validator, identifiers=[("email", "other@example.org")])
    contact = {"external_id": "00000000-0000-4000-8000-000000000099"}
    story.found(other, Plan.objects.get().items.first().system, contact)
    foreign = planning.freeze(other.pk, actor=staff)
    assert login(supervisor).post(address("approve", case.pk), _form(foreign)).status_code == 404


def test_an_expired_list_is_not_approved(login, waiting, supervisor, clock, settings):
    case, plan = waiting
    clock.move_to(plan.expires_at + timedelta(minutes=1))
    client = login(supervisor)
    assert "Expired on" in _text(client.get(address("review", case.pk)))
    assert "The list has expired" in _text(client.post(address("approve", case.pk), _form(plan), follow=True))


# --- the other decisions ---------------------------------------------------------------------------------------------


def test_send_back_and_refuse_take_a_reason_from_the_list(login, waiting, supervisor):
    case, _ = waiting
    client = login(supervisor)
    answer = client.post(address("send_back", case.pk), {"reason": "I say so"}, follow=True)
    assert "Choose a reason from the list" in _text(answer)
    client.post(address("send_back", case.pk), {"reason": "missing_items"})
    case.refresh_from_db()
    assert case.state == "validated"
    client.post(address("refuse", case.pk), {"reason": "no_ground"})
    case.refresh_from_db()
    assert case.state == "refused"


@pytest.mark.parametrize("act", ["approve", "send_back", "refuse", "withdraw_approval", "reply", "freeze"])
def test_every_act_takes_a_post_with_a_token(act, login, waiting, supervisor):
    case, plan = waiting
    assert login(supervisor).get(address(act, case.pk)).status_code == 405
    client = Client(enforce_csrf_checks=True)
    client.force_login(supervisor)
    assert client.post(address(act, case.pk), _form(plan)).status_code == 403


# --- the proof -------------------------------------------------------------------------------------------------------


def test_the_proof_recomputes_the_digest_and_shows_every_step(login, staff, validator, supervisor, auditor):
    _, plan = admin_story.verified(staff, validator, supervisor)
    page = _text(login(auditor).get(address("proof", plan.pk)))
    step = plan.steps.get()
    receipt = step.intents.get().receipt
    for value in (plan.digest, "it matches", str(step.pk), receipt.hash, "Verified absent", "portal-plan-v1"):
        assert value in page
    assert "ledger entry" in page
    assert "900123" not in page


def test_the_proof_names_what_failed_for_good(login, staff, validator, supervisor, auditor):
    _, plan = admin_story.approved(staff, validator, supervisor)
    item = plan.items.get()
    step = receipts.open_step(plan, kind="content", items=[item])
    receipts.receive(receipts.intend(step, items=[item], kind="content"), [(item, "needs_person", "forbidden")])
    page = _text(login(auditor).get(address("proof", plan.pk)))
    assert "Failed for good" in page
    assert item.external_id in page
    assert "may not do this" in page


def test_the_proof_says_when_rows_were_changed(login, waiting, auditor, monkeypatch):
    _, plan = waiting
    monkeypatch.setattr("content_app.plan_digest.digest", lambda plan: "0" * 64)
    assert "it does not match" in _text(login(auditor).get(address("proof", plan.pk)))


def test_django_has_no_page_of_its_own_for_a_list(login, waiting, superuser):
    for path in ("", "add/", f"{waiting[1].pk}/change/", f"{waiting[1].pk}/delete/"):
        assert login(superuser).get(f"/admin/content_app/plan/{path}").status_code == 404
