"""What no code may do to the case file: change what happened, let a barred person approve, jump a state."""

from django.db import migrations

from requests_app.models.guards import Guard, append_only, install, remove
from requests_app.states import MOVES

APPEND_ONLY = (
    "requests_app_approval",
    "requests_app_approvalbar",
    "requests_app_approvalwithdrawal",
    "requests_app_decision",
    "requests_app_finding",
    "requests_app_ledgerindex",
    "requests_app_ledgerleaf",
)


def _barred(request: str, user: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM requests_app_approvalbar bar WHERE bar.request_id = {request} AND bar.user_id = {user})"
    )


_LEGAL = " OR ".join(f"(OLD.state = '{seen}' AND NEW.state = '{to}')" for seen, to in sorted(MOVES))
_BARRED_NOW = f"NEW.approved_by_id IS NOT NULL AND {_barred('NEW.id', 'NEW.approved_by_id')}"

GUARDS = [
    *append_only(*APPEND_ONLY),
    Guard("requests_app_approval", "INSERT", "this person may not approve this request",
          _barred("NEW.request_id", "NEW.by_id")),
    Guard("requests_app_request", "UPDATE", "this change of a request is not allowed",
          f"OLD.origin = 'history' OR (OLD.state <> NEW.state AND NOT ({_LEGAL})) OR ({_BARRED_NOW})"),
    Guard("requests_app_request", "DELETE", "a request is never deleted"),
]  # fmt: skip


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0001_initial")]
    operations = [migrations.RunPython(_install, _remove)]
