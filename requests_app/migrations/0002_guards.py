"""What no code may do to the case file: change what happened, let a barred person approve, jump a state.

Forgetting alone may take two columns of a request away, and nothing but those; a forgotten person's request moves no more.
"""

from django.db import migrations

from requests_app.models.guards import Guard, append_only, install, remove
from requests_app.states import MOVES

APPEND_ONLY = (
    "requests_app_approval",
    "requests_app_approvalbar",
    "requests_app_approvalwithdrawal",
    "requests_app_checkpoint",
    "requests_app_cosignature",
    "requests_app_decision",
    "requests_app_finding",
    "requests_app_ledgercheck",
    "requests_app_ledgerindex",
    "requests_app_ledgerleaf",
    "requests_app_ledgerlog",
    "requests_app_sample",
)

#: Columns of a request that forgetting empties; the others stay as they are, also in closed history.
EMPTIED = ("import_key", "subject_user_id")
KEPT = (
    "id", "reference", "group", "subject_id", "right", "channel", "jurisdiction", "scope", "date_from", "date_to",
    "scope_as_of", "origin", "state", "outcome", "received_at", "captured_at", "closed_at", "opened_by_id",
    "validated_by_id", "approved_by_id", "plan_digest",
)  # fmt: skip


def _barred(request: str, user: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM requests_app_approvalbar bar WHERE bar.request_id = {request} AND bar.user_id = {user})"
    )


_LEGAL = " OR ".join(f"(OLD.state = '{seen}' AND NEW.state = '{to}')" for seen, to in sorted(MOVES))
_BARRED_NOW = f"NEW.approved_by_id IS NOT NULL AND {_barred('NEW.id', 'NEW.approved_by_id')}"
_FORGOTTEN = (
    "EXISTS (SELECT 1 FROM requests_app_datasubject subject "
    "WHERE subject.id = OLD.subject_id AND subject.forgotten_at IS NOT NULL)"
)
_ONLY_EMPTIED = " AND ".join(
    [
        *(f'NEW."{name}" IS NULL' for name in EMPTIED),
        *(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in KEPT),
    ]
)
_BEFORE = f"OLD.origin = 'history' OR (OLD.state <> NEW.state AND NOT ({_LEGAL})) OR ({_BARRED_NOW})"
_NOW = f"({_BEFORE} OR (OLD.state <> NEW.state AND {_FORGOTTEN})) AND NOT ({_FORGOTTEN} AND {_ONLY_EMPTIED})"

GUARDS = [
    *append_only(*APPEND_ONLY),
    Guard("requests_app_approval", "INSERT", "this person may not approve this request",
          _barred("NEW.request_id", "NEW.by_id")),
    Guard("requests_app_request", "UPDATE", "this change of a request is not allowed", _NOW),
    Guard("requests_app_request", "DELETE", "a request is never deleted"),
]  # fmt: skip


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0001_tables")]
    operations = [migrations.RunPython(_install, _remove)]
