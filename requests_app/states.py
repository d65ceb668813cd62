"""The states of a request and the table of its legal moves.

In:  nothing.
Out: ``State``, ``MOVES``, and what each state means to a person.
Never here: queries, permissions, writes. ``transitions.move`` is the one hand on the state.

The state is the room the request has just left. Pauses, holds and "needs attention" are facts beside it.
"""

from django.db.models import TextChoices


class State(TextChoices):
    """Where a request stands."""

    RECEIVED = "received", "Received"
    VALIDATED = "validated", "Validated"
    PLANNED = "planned", "Planned"
    APPROVED = "approved", "Approved"
    EXECUTED = "executed", "Executed"
    VERIFIED = "verified", "Verified"
    CLOSED = "closed", "Closed"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"
    NOT_IDENTIFIED = "not_identified", "Not identified"


#: The path in the order in which a request walks it; the screens draw it as a line of steps.
PATH = (
    State.RECEIVED,
    State.VALIDATED,
    State.PLANNED,
    State.APPROVED,
    State.EXECUTED,
    State.VERIFIED,
    State.CLOSED,
)
ENDS = frozenset({State.CLOSED, State.REFUSED, State.WITHDRAWN, State.NOT_IDENTIFIED})
OPEN = frozenset(State) - ENDS

MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.RECEIVED, State.VALIDATED),
        (State.VALIDATED, State.PLANNED),
        (State.PLANNED, State.APPROVED),
        (State.PLANNED, State.VERIFIED),  # nothing to delete
        (State.APPROVED, State.EXECUTED),
        (State.EXECUTED, State.VERIFIED),
        (State.VERIFIED, State.CLOSED),
        # a plan that no longer fits
        (State.PLANNED, State.VALIDATED),
        (State.APPROVED, State.VALIDATED),
        # a supplementary plan: late content, or something that reappeared
        (State.EXECUTED, State.PLANNED),
        (State.VERIFIED, State.PLANNED),
        (State.CLOSED, State.PLANNED),
        # ends without a deletion
        *((start, end) for start in (State.RECEIVED, State.VALIDATED, State.PLANNED)
          for end in (State.REFUSED, State.WITHDRAWN, State.NOT_IDENTIFIED)),
    }
)  # fmt: skip

#: state → (what happens next, who can do it); the request page prints both.
NEXT: dict[State, tuple[str, str]] = {
    State.RECEIVED: ("Check who is asking, then validate the request", "staff"),
    State.VALIDATED: ("Review what was found, then freeze the list", "staff"),
    State.PLANNED: ("Review the exact list, then approve or send it back", "supervisor"),
    State.APPROVED: ("The workers delete the approved list, item by item", "worker"),
    State.EXECUTED: ("Everything is read back from the system that deleted it", "worker"),
    State.VERIFIED: ("Send the reply to the person, then record it", "staff"),
    State.CLOSED: ("Nothing. The completion report can be exported", "nobody"),
    State.REFUSED: ("Nothing. The request was refused", "nobody"),
    State.WITHDRAWN: ("Nothing. The person withdrew the request", "nobody"),
    State.NOT_IDENTIFIED: ("Nothing. The person could not be identified", "nobody"),
}
