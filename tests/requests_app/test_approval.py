"""Room 4: four eyes, in the room and in the database."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from requests_app import approval
from requests_app.errors import Refused
from requests_app.models import Approval, ApprovalBar, LedgerLeaf, Request
from tests.factories import RequestFactory

pytestmark = pytest.mark.django_db

DIGEST = "d" * 64


def approve(request, actor, **changes):
    told = {"plan_id": uuid4(), "digest": DIGEST, "expires_at": timezone.now() + timedelta(days=1)}
    told |= {"items": 1, "listed": 1} | changes
    return approval.approve(request.pk, actor=actor, **told)


def refused_codes():
    return [code for leaf in LedgerLeaf.objects.filter(type="attempt.refused") for code in [bytes(leaf.leaf).decode()]]


@pytest.fixture
def planned(db):
    return RequestFactory(is_planned=True)


def test_a_second_person_approves_exactly_this_digest(planned, supervisor):
    given = approve(planned, supervisor)
    planned.refresh_from_db()
    assert (planned.state, planned.approved_by, given.digest) == ("approved", supervisor, DIGEST)
    assert LedgerLeaf.objects.filter(type="approval.given", object_id=str(planned.pk)).exists()


@pytest.mark.parametrize("ground", ApprovalBar.Ground.values)
def test_whoever_is_barred_cannot_approve_and_the_attempt_is_written_down(planned, supervisor, ground):
    ApprovalBar.objects.create(request=planned, user=supervisor, ground=ground)
    with pytest.raises(Refused, match="A colleague must"):
        approve(planned, supervisor)
    planned.refresh_from_db()
    assert (planned.state, Approval.objects.count()) == ("planned", 0)
    assert '"reason":"barred"' in refused_codes()[0]


def test_a_superuser_is_barred_like_anyone(planned, superuser):
    ApprovalBar.objects.create(request=planned, user=superuser, ground="opened")
    with pytest.raises(Refused):
        approve(planned, superuser)


def test_the_database_refuses_a_barred_person_whatever_the_code_does(planned, supervisor):
    ApprovalBar.objects.create(request=planned, user=supervisor, ground="heard")
    with pytest.raises(DatabaseError), transaction.atomic():
        Approval.objects.create(
            request=planned, plan_id=uuid4(), digest=DIGEST, by=supervisor, execute_after=timezone.now()
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=planned.pk).update(state="approved", approved_by=supervisor)


@pytest.mark.parametrize("who", ["opened_by", "validated_by"])
def test_the_database_knows_the_opener_and_the_validator_without_a_bar(planned, who):
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=planned.pk).update(state="approved", approved_by=getattr(planned, who))


def test_a_bar_that_the_room_overlooked_is_a_refusal_not_a_fault(planned, supervisor, monkeypatch):
    ApprovalBar.objects.create(request=planned, user=supervisor, ground="heard")
    monkeypatch.setattr(approval, "_require_unbarred", lambda request, actor: None)
    with pytest.raises(Refused, match="A colleague must"):
        approve(planned, supervisor)
    assert '"reason":"barred"' in refused_codes()[0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"digest": "e" * 64}, "stale_digest"),
        ({"digest": ""}, "stale_digest"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "plan_expired"),
    ],
)
def test_a_list_that_is_not_the_one_seen_cannot_be_approved(planned, supervisor, changes, code):
    with pytest.raises(Refused) as refused:
        approve(planned, supervisor, **changes)
    assert refused.value.code == code


@pytest.mark.parametrize("who", ["agent", "staff", "auditor", "administrator", "privacy_manager", "dpo", "outsider"])
def test_only_supervisors_approve(planned, who, request):
    with pytest.raises(Refused, match="role"):
        approve(planned, request.getfixturevalue(who))


def test_an_approved_request_cannot_be_approved_again(planned, supervisor, second_supervisor):
    approve(planned, supervisor)
    with pytest.raises(Refused, match="approved"):
        approve(planned, second_supervisor)


def test_the_hook_for_the_second_factor_can_refuse(planned, supervisor):
    def not_shown(user):
        raise Refused("step_up", "Show your second factor first.")

    with pytest.raises(Refused, match="second factor"):
        approve(planned, supervisor, step_up=not_shown)
    planned.refresh_from_db()
    assert planned.state == "planned"


def test_an_approval_can_be_withdrawn_before_the_first_act(planned, supervisor):
    given = approve(planned, supervisor)
    approval.withdraw_approval(planned.pk, actor=supervisor, reason="mistake", acts_begun=lambda: False)
    planned.refresh_from_db()
    assert (planned.state, planned.approved_by, planned.plan_digest) == ("validated", None, "")
    assert given.withdrawal.reason == "mistake"


def test_an_approval_cannot_be_withdrawn_after_the_first_act(planned, supervisor):
    approve(planned, supervisor)
    with pytest.raises(Refused, match="emergency stop"):
        approval.withdraw_approval(planned.pk, actor=supervisor, reason="mistake", acts_begun=lambda: True)


def test_sending_back_makes_a_fresh_list_necessary(planned, supervisor):
    approval.send_back(planned.pk, actor=supervisor, reason="wrong_items")
    planned.refresh_from_db()
    assert (planned.state, planned.plan_digest) == ("validated", "")


def test_refusing_needs_a_reason_that_the_law_knows(planned, privacy_manager):
    with pytest.raises(Refused, match="reason"):
        approval.refuse(planned.pk, actor=privacy_manager, reason="too much work")
    approval.refuse(planned.pk, actor=privacy_manager, reason="legal_claims")
    planned.refresh_from_db()
    assert (planned.state, planned.outcome) == ("refused", "refused")


@pytest.mark.parametrize("who", ["agent", "staff", "auditor", "administrator", "dpo", "outsider"])
def test_only_supervisors_and_privacy_managers_refuse(planned, who, request):
    with pytest.raises(Refused, match="role"):
        approval.refuse(planned.pk, actor=request.getfixturevalue(who), reason="legal_claims")


def test_whether_acts_have_begun_is_asked_while_nobody_can_begin_one(planned, supervisor):
    approve(planned, supervisor)
    inside = []

    def begun():
        inside.append(len(connection.atomic_blocks))
        return True

    before = len(connection.atomic_blocks)
    with pytest.raises(Refused, match="has begun"):
        approval.withdraw_approval(planned.pk, actor=supervisor, reason="mistake", acts_begun=begun)
    assert inside[0] > before


def test_a_database_that_is_away_is_no_bar(planned, supervisor, monkeypatch):
    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(approval, "_store", locked)
    with pytest.raises(OperationalError):
        approve(planned, supervisor)
    assert refused_codes() == []


def test_the_person_concerned_does_not_send_their_own_list_back(planned, supervisor):
    Request.objects.filter(pk=planned.pk).update(subject_user=supervisor)
    with pytest.raises(Refused, match="about you"):
        approval.send_back(planned.pk, actor=supervisor, reason="wrong_items")
    planned.refresh_from_db()
    assert planned.state == "planned"
