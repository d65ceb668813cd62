"""What the database itself refuses, whatever code runs: a frozen list that changes, and a past that does."""

import pytest
from django.db import DatabaseError, connection, transaction

from content_app.models import Candidate, Coverage, Intent, Item, Plan, Receipt, ReceiptItem, Verification
from requests_app.models import (
    Approval,
    ApprovalBar,
    ApprovalWithdrawal,
    Decision,
    Finding,
    LedgerIndex,
    LedgerLeaf,
    Request,
)
from requests_app.states import MOVES, State
from tests import factories

pytestmark = pytest.mark.django_db

FROZEN = {Item: "content_key", Coverage: "ground"}
APPEND_ONLY = {
    Intent: "fence", Receipt: "hash", ReceiptItem: "code", Verification: "result", Approval: "digest",
    ApprovalBar: "ground", Decision: "reason", Finding: "method", LedgerLeaf: "type", LedgerIndex: "leaf_id",
}  # fmt: skip


def refused(act, *args, **kwargs):
    with pytest.raises(DatabaseError), transaction.atomic():
        act(*args, **kwargs)


def sql(text):
    with connection.cursor() as cursor:
        cursor.execute(text)


def rows(model):
    return list(model.objects.order_by("pk").values())


@pytest.fixture
def done(system, centre, rooms, supervisor):
    """A request that was carried out and read back: every table of the workshop has rows."""
    centre.hold("a", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    rooms.read_back(request)
    Decision.objects.create(request=request, kind="replied", reason="email", by=supervisor)
    return request


def copy_of(row):
    """The same row once more, as new."""
    row.pk, row._state.adding = None, True
    for name in ("content_key", "content_class"):
        if hasattr(row, name):
            setattr(row, name, "another")
    return row


@pytest.mark.parametrize("model", FROZEN, ids=lambda model: model.__name__)
def test_nothing_is_added_to_changed_in_or_taken_from_a_frozen_list(done, model):
    before, table, column = rows(model), model._meta.db_table, FROZEN[model]
    row = model.objects.order_by("pk").first()
    refused(model.objects.update, **{column: "x"})
    refused(sql, f"UPDATE {table} SET {column} = 'x'")
    refused(row.save)
    refused(model.objects.bulk_update, [row], [column])
    refused(model.objects.filter(pk=row.pk)._raw_delete, "default")
    refused(sql, f"DELETE FROM {table}")
    refused(model.objects.bulk_create, [type(row)(**{**before[0], "id": None, "content_class": "z"})])
    refused(copy_of(row).save)
    assert rows(model) == before


@pytest.mark.parametrize("column", ["digest", "version", "expires_at", "salt", "kind"])
def test_a_frozen_list_does_not_change_and_does_not_go(done, column):
    before = rows(Plan)
    refused(sql, f"UPDATE content_app_plan SET {column} = {column}")
    refused(Plan.objects.update, digest="")
    refused(Plan.objects.all()._raw_delete, "default")
    refused(sql, "DELETE FROM content_app_plan")
    assert rows(Plan) == before


def test_no_item_moves_between_a_frozen_list_and_another(done, rooms):
    frozen = done.plans.get()
    told = {name: getattr(frozen, name) for name in ("salt", "scope_as_of", "created_at", "expires_at", "created_by")}
    draft = Plan.objects.create(request=done, version=9, **told)
    refused(Item.objects.filter(plan=frozen).update, plan=draft)
    item = copy_of(frozen.items.get())
    item.plan = draft
    item.save()
    Item.objects.filter(plan=draft).update(content_key="may change")
    refused(Item.objects.filter(plan=draft).update, plan=frozen)
    Item.objects.filter(plan=draft).delete()
    draft.delete()


@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model.__name__)
def test_what_happened_does_not_change_and_does_not_go(done, model):
    before, table, column = rows(model), model._meta.db_table, APPEND_ONLY[model]
    assert before
    row = model.objects.order_by("pk").first()
    refused(row.save, update_fields=[row._meta.get_field(column.removesuffix("_id")).name])
    refused(sql, f"UPDATE {table} SET {column} = {column}")
    refused(model.objects.all()._raw_delete, "default")
    refused(sql, f"DELETE FROM {table}")
    assert rows(model) == before


def test_a_withdrawal_is_as_final_as_an_approval(done, supervisor):
    ApprovalWithdrawal.objects.create(approval=done.approvals.get(), by=supervisor, reason="mistake")
    refused(ApprovalWithdrawal.objects.update, reason="new_facts")
    refused(sql, "DELETE FROM requests_app_approvalwithdrawal")


@pytest.mark.postgresql
@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model.__name__)
def test_a_table_of_the_past_is_not_emptied(done, model):
    refused(sql, f"TRUNCATE {model._meta.db_table} CASCADE")


@pytest.mark.postgresql
def test_a_session_that_replicates_is_guarded_too(done):
    with transaction.atomic():
        sql("SET LOCAL session_replication_role = replica")
        refused(sql, "UPDATE content_app_item SET content_key = 'x'")


@pytest.mark.parametrize("ground", ApprovalBar.Ground.values)
def test_no_approval_of_a_barred_person_can_be_stored(done, second_supervisor, ground):
    ApprovalBar.objects.create(request=done, user=second_supervisor, ground=ground)
    approval = done.approvals.get()
    told = {"digest": approval.digest, "execute_after": approval.execute_after, "by": second_supervisor}
    refused(Approval.objects.create, request=done, plan_id=done.pk, **told)
    refused(Request.objects.filter(pk=done.pk).update, approved_by=second_supervisor)
    assert Approval.objects.count() == 1


def test_one_list_is_approved_once(done, second_supervisor):
    approval = done.approvals.get()
    told = {"digest": approval.digest, "execute_after": approval.execute_after, "by": second_supervisor}
    refused(Approval.objects.create, request=done, plan_id=approval.plan_id, **told)


@pytest.mark.parametrize("to", State.values)
@pytest.mark.parametrize("seen", ["received", "validated", "approved", "closed"])
def test_a_state_is_never_jumped(seen, to):
    trait = {f"is_{seen}": True} if seen != "received" else {}
    request = factories.RequestFactory.create(**trait)
    if seen != to and (State(seen), State(to)) not in MOVES:
        refused(sql, f"UPDATE requests_app_request SET state = '{to}'")
        assert Request.objects.get(pk=request.pk).state == seen


def test_a_request_past_its_list_has_a_digest_and_one_past_its_approval_has_an_approver(done):
    refused(Request.objects.filter(pk=done.pk).update, plan_digest="")
    refused(Request.objects.filter(pk=done.pk).update, approved_by=None)


def test_an_item_stands_on_a_list_once_and_a_candidate_in_a_request_once(done):
    row = Candidate.objects.get()
    row.pk, row._state.adding = None, True
    refused(row.save)
    refused(
        Verification.objects.create,
        item=Item.objects.get(),
        round=1,
        result="reappeared",
        leaf=LedgerLeaf.objects.first(),
    )
