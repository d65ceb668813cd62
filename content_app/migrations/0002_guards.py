"""What no code may do to the workshop: change a frozen list, or what happened to it.

Forgetting alone may take the details of a list away, and nothing but those.
"""

from django.db import migrations

from requests_app.models.guards import AnyGuard, Guard, append_only, install, remove

APPEND_ONLY = (
    "content_app_brakerelease",
    "content_app_braking",
    "content_app_intent",
    "content_app_mending",
    "content_app_receipt",
    "content_app_receiptitem",
    "content_app_verification",
)

#: Columns that forgetting empties, with what must be in them then; every other column stays as it is.
EMPTIED_ITEM = {
    "external_id": "NEW.external_id = ''",
    "content_key": "NEW.content_key = replace(CAST(NEW.id AS text), '-', '')",
    "occurred_at": "NEW.occurred_at = (SELECT plan.created_at FROM content_app_plan plan WHERE plan.id = NEW.plan_id)",
    "length": "NEW.length IS NULL",
    "line": "NEW.line = ''",
    "agents": "CAST(NEW.agents AS text) = '[]'",
}
KEPT_ITEM = (
    "id", "plan_id", "system_id", "content_class", "direction", "action", "ground", "shared", "keep_until", "commitment",
)  # fmt: skip
EMPTIED_PLAN = {"salt": "length(NEW.salt) = 0"}
KEPT_PLAN = (
    "id", "request_id", "version", "kind", "digest", "supersedes_id", "scope_as_of", "calls_expected", "calls_made",
    "after_scope", "created_by_id", "created_at", "expires_at",
)  # fmt: skip


_OLD_DIGEST, _NEW_DIGEST = (
    f"(SELECT plan.digest FROM content_app_plan plan WHERE plan.id = {row}.plan_id) <> ''" for row in ("OLD", "NEW")
)
_APPROVED_IT = (
    "EXISTS (SELECT 1 FROM requests_app_approval approval "
    "WHERE approval.plan_id = NEW.plan_id AND approval.by_id = NEW.by_id)"
)
_IS_BARRED = (
    "EXISTS (SELECT 1 FROM requests_app_approvalbar bar JOIN content_app_plan plan ON plan.request_id = bar.request_id "
    "WHERE plan.id = NEW.plan_id AND bar.user_id = NEW.by_id)"
)


def _forgotten(request: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM requests_app_request request "
        "JOIN requests_app_datasubject subject ON subject.id = request.subject_id "
        f"WHERE request.id = {request} AND subject.forgotten_at IS NOT NULL)"
    )


def _only_emptied(emptied: dict[str, str], kept: tuple[str, ...]) -> str:
    return " AND ".join([*emptied.values(), *(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in kept)])


_ITEM_FORGOTTEN = _forgotten("(SELECT plan.request_id FROM content_app_plan plan WHERE plan.id = OLD.plan_id)")
_ITEM_EMPTIED, _PLAN_EMPTIED = _only_emptied(EMPTIED_ITEM, KEPT_ITEM), _only_emptied(EMPTIED_PLAN, KEPT_PLAN)


def _frozen(table: str, but: str = "") -> list[AnyGuard]:
    message, change = f"{table}: the list is frozen", f"{_OLD_DIGEST} OR {_NEW_DIGEST}"
    return [
        Guard(table, "INSERT", message, _NEW_DIGEST),
        Guard(table, "UPDATE", message, f"({change}) AND NOT ({but})" if but else change),
        Guard(table, "DELETE", message, _OLD_DIGEST),
    ]


GUARDS = [
    *append_only(*APPEND_ONLY),
    *_frozen("content_app_item", but=f"{_ITEM_FORGOTTEN} AND {_ITEM_EMPTIED}"),
    *_frozen("content_app_coverage"),
    Guard("content_app_plan", "UPDATE", "the list is frozen",
          f"OLD.digest <> '' AND NOT ({_forgotten('OLD.request_id')} AND {_PLAN_EMPTIED})"),
    Guard("content_app_plan", "DELETE", "the list is frozen", "OLD.digest <> ''"),
    Guard("content_app_brakerelease", "INSERT", "this person may not release this list",
          f"{_APPROVED_IT} OR {_IS_BARRED}"),
]  # fmt: skip


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    dependencies = [("content_app", "0001_tables"), ("requests_app", "0002_guards")]
    operations = [migrations.RunPython(_install, _remove)]
