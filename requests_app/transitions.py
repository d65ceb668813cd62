"""The one hand on the state.

In:  a request's id, the state that the caller saw, the state it wants, who wants it, and a coded reason.
Out: the request in its new state, with its ledger entry, in one transaction.
Never here: permissions and guards. Each room asks its own before it calls ``move``.

A conditional update rather than a row lock, because it behaves the same on SQLite and PostgreSQL. Losing the race
raises ``Refused``; it never overwrites.
"""

from typing import Any
from uuid import UUID

from django.db import transaction

from requests_app import audit
from requests_app.errors import Refused
from requests_app.models import Request
from requests_app.states import MOVES, State


def move(
    request_id: UUID,
    *,
    seen: State | str,
    to: State,
    actor: audit.Actor,
    reason: str = "",
    plan: UUID | None = None,
    digest: str | None = None,
    **changes: Any,
) -> None:
    """Move a request one step along the table of moves, with the ``changes`` that belong to the step.

    Must be called inside the room's transaction. ``Refused('illegal_move')`` for a move that the table lacks,
    ``Refused('moved_on')`` when the request is not in the state that the caller saw.
    """
    if (State(seen), to) not in MOVES:
        raise Refused("illegal_move", f"A {State(seen).label.lower()} request cannot become {to.label.lower()}.")
    with transaction.atomic(savepoint=False):
        as_seen = Request.objects.filter(pk=request_id, state=seen, origin=Request.Origin.LIVE)
        if not as_seen.update(state=to, **changes):
            raise Refused("moved_on", "Someone else has moved this request meanwhile. Reload the page and look again.")
        audit.append(
            "request.moved", actor=actor, about=request_id, seen=str(State(seen)), to=str(to), reason=reason or None,
            plan=plan, digest=digest,
        )  # fmt: skip


def record_refusal(
    attempt: str, refused: Refused, *, about: UUID, actor: audit.Actor, plan: UUID | None = None
) -> None:
    """Write a refused attempt to the ledger, in a transaction of its own, after the attempt was rolled back."""
    with transaction.atomic(durable=True):
        audit.append("attempt.refused", actor=actor, about=about, attempt=attempt, reason=refused.code, plan=plan)
