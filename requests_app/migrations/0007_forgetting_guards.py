"""What forgetting may do to a request that nothing else may, and what it ends: a forgotten person's request moves no more."""

from django.db import migrations

from requests_app.models.guards import Guard, install, remove
from requests_app.states import MOVES

#: Columns of a request that forgetting empties; the others stay as they are, also in closed history.
EMPTIED = ("import_key", "subject_user_id")
KEPT = (
    "id", "reference", "group", "subject_id", "right", "channel", "jurisdiction", "scope", "date_from", "date_to",
    "scope_as_of", "origin", "state", "outcome", "received_at", "captured_at", "closed_at", "opened_by_id",
    "validated_by_id", "approved_by_id", "plan_digest",
)  # fmt: skip

_LEGAL = " OR ".join(f"(OLD.state = '{seen}' AND NEW.state = '{to}')" for seen, to in sorted(MOVES))
_BARRED_NOW = (
    "NEW.approved_by_id IS NOT NULL AND EXISTS (SELECT 1 FROM requests_app_approvalbar bar "
    "WHERE bar.request_id = NEW.id AND bar.user_id = NEW.approved_by_id)"
)
_FORGOTTEN = (
    "EXISTS (SELECT 1 FROM requests_app_datasubject subject "
    "WHERE subject.id = OLD.subject_id AND subject.forgotten_at IS NOT NULL)"
)
_ONLY_EMPTIED = " AND ".join(
    [*(f'NEW."{name}" IS NULL' for name in EMPTIED), *(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in KEPT)]
)
_BEFORE = f"OLD.origin = 'history' OR (OLD.state <> NEW.state AND NOT ({_LEGAL})) OR ({_BARRED_NOW})"
_NOW = (
    f"({_BEFORE} OR (OLD.state <> NEW.state AND {_FORGOTTEN})) AND NOT ({_FORGOTTEN} AND {_ONLY_EMPTIED})"
)
_MESSAGE = "this change of a request is not allowed"

OLD_GUARDS = [Guard("requests_app_request", "UPDATE", _MESSAGE, _BEFORE)]
GUARDS = [Guard("requests_app_request", "UPDATE", _MESSAGE, _NOW)]


def _install(apps, schema_editor):
    remove(schema_editor.connection, OLD_GUARDS)
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)
    install(schema_editor.connection, OLD_GUARDS)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0006_forgetting")]
    operations = [migrations.RunPython(_install, _remove)]
