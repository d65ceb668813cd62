"""The people of the demo: one for each role, and a second supervisor.

In:  nothing.
Out: ``CAST``, for the command that makes their accounts, for the story, and for what the demo prints.
Never here: Django, or a password.
"""

from typing import NamedTuple


class Player(NamedTuple):
    """Someone in the demo: the name they sign in with, their role, their own name, and what they are there for."""

    username: str
    role: str
    first_name: str
    last_name: str
    does: str


CAST = (
    Player("agent", "agent", "Alex", "Archer", "takes calls, and takes down requests"),
    Player("staff", "staff", "Sam", "Shaw", "validates, chooses what was found, exports reports"),
    Player("supervisor", "supervisor", "Sue", "Summers", "approves exact lists"),
    Player("supervisor2", "supervisor", "Seth", "Stone", "approves what the first may not"),
    Player("auditor", "auditor", "Audrey", "Abbot", "browses the audit trail"),
    Player("administrator", "administrator", "Adam", "Ames", "keeps accounts and connected systems"),
    Player("privacy", "privacy manager", "Petra", "Price", "decides about refusals"),
    Player("dpo", "data protection officer", "Dora", "Dale", "sees everything, changes nothing"),
)
