"""What forgetting may do to a frozen list that nothing else may: take its details away, and nothing but those."""

from django.db import migrations

from requests_app.models.guards import Guard, install, remove

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


def _forgotten(request: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM requests_app_request request "
        "JOIN requests_app_datasubject subject ON subject.id = request.subject_id "
        f"WHERE request.id = {request} AND subject.forgotten_at IS NOT NULL)"
    )


def _only_emptied(emptied: dict[str, str], kept: tuple[str, ...]) -> str:
    return " AND ".join([*emptied.values(), *(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in kept)])


_OLD_DIGEST, _NEW_DIGEST = (
    f"(SELECT plan.digest FROM content_app_plan plan WHERE plan.id = {row}.plan_id) <> ''" for row in ("OLD", "NEW")
)
_ITEM_FROZEN = f"({_OLD_DIGEST} OR {_NEW_DIGEST})"
_ITEM_FORGOTTEN = _forgotten("(SELECT plan.request_id FROM content_app_plan plan WHERE plan.id = OLD.plan_id)")
_PLAN_FROZEN, _PLAN_FORGOTTEN = "OLD.digest <> ''", _forgotten("OLD.request_id")

OLD_GUARDS = [
    Guard("content_app_item", "UPDATE", "content_app_item: the list is frozen", f"{_OLD_DIGEST} OR {_NEW_DIGEST}"),
    Guard("content_app_plan", "UPDATE", "the list is frozen", _PLAN_FROZEN),
]
GUARDS = [
    Guard("content_app_item", "UPDATE", "content_app_item: the list is frozen",
          f"{_ITEM_FROZEN} AND NOT ({_ITEM_FORGOTTEN} AND {_only_emptied(EMPTIED_ITEM, KEPT_ITEM)})"),
    Guard("content_app_plan", "UPDATE", "the list is frozen",
          f"{_PLAN_FROZEN} AND NOT ({_PLAN_FORGOTTEN} AND {_only_emptied(EMPTIED_PLAN, KEPT_PLAN)})"),
]  # fmt: skip


def _install(apps, schema_editor):
    remove(schema_editor.connection, OLD_GUARDS)
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)
    install(schema_editor.connection, OLD_GUARDS)


class Migration(migrations.Migration):
    dependencies = [("content_app", "0006_keep_until"), ("requests_app", "0007_forgetting_guards")]
    operations = [migrations.RunPython(_install, _remove)]
