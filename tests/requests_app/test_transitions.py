"""The one hand on the state: every legal move, no other, and no race."""

import itertools

import pytest
from django.db import DatabaseError, transaction

from requests_app import audit, transitions
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Request
from requests_app.states import ENDS, MOVES, NEXT, PATH, State
from tests.factories import RequestFactory, UserFactory

pytestmark = pytest.mark.django_db

MADE = {
    State.RECEIVED: {}, State.VALIDATED: {"is_validated": True}, State.PLANNED: {"is_planned": True},
    State.APPROVED: {"is_approved": True}, State.EXECUTED: {"is_executed": True}, State.VERIFIED: {"is_verified": True},
    State.CLOSED: {"is_closed": True}, State.REFUSED: {"state": "refused"}, State.WITHDRAWN: {"state": "withdrawn"},
    State.NOT_IDENTIFIED: {"state": "not_identified"},
}  # fmt: skip


@pytest.mark.parametrize(("seen", "to"), list(itertools.permutations(State, 2)))
def test_only_the_moves_of_the_table_are_possible_in_the_room_and_in_the_database(seen, to):
    request = RequestFactory(**MADE[seen])
    changes = (
        {"approved_by": UserFactory(), "plan_digest": "d" * 64} if to == State.APPROVED else {"plan_digest": "d" * 64}
    )
    if (seen, to) in MOVES:
        transitions.move(request.pk, seen=seen, to=to, actor=audit.WORKER, **changes)
        request.refresh_from_db()
        assert request.state == to
        return
    with pytest.raises(Refused):
        transitions.move(request.pk, seen=seen, to=to, actor=audit.WORKER, **changes)
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=request.pk).update(state=to, **changes)


def test_losing_the_race_is_refused_and_overwrites_nothing():
    request = RequestFactory()
    transitions.move(request.pk, seen="received", to=State.WITHDRAWN, actor=audit.WORKER, reason="merged")
    with pytest.raises(Refused, match="Reload"), transaction.atomic():
        transitions.move(request.pk, seen="received", to=State.REFUSED, actor=audit.WORKER, reason="no_ground")
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_a_move_and_its_ledger_entry_are_one_commit(monkeypatch):
    request = RequestFactory()

    def broken(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "_store", broken)
    with pytest.raises(DatabaseError), transaction.atomic():
        transitions.move(request.pk, seen="received", to=State.WITHDRAWN, actor=audit.WORKER)
    request.refresh_from_db()
    assert request.state == "received"
    assert not LedgerLeaf.objects.exists()


def test_closed_history_never_moves():
    request = RequestFactory(origin="history", outcome="completed", state="closed")
    with pytest.raises(Refused):
        transitions.move(request.pk, seen="closed", to=State.PLANNED, actor=audit.WORKER, plan_digest="d" * 64)
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=request.pk).update(outcome="refused")


def test_a_request_is_never_deleted():
    request = RequestFactory()
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=request.pk).delete()


def test_every_state_says_what_happens_next_and_the_path_is_walkable():
    assert set(NEXT) == set(State)
    assert all(step in MOVES for step in itertools.pairwise(PATH))
    assert all(seen not in ENDS or seen == State.CLOSED for seen, _ in MOVES)
