"""What no code may do to the workshop: change a frozen list, or what happened to it."""

from django.db import migrations

from requests_app.models.guards import AnyGuard, Guard, append_only, install, remove

APPEND_ONLY = (
    "content_app_intent",
    "content_app_receipt",
    "content_app_receiptitem",
    "content_app_verification",
)


def _frozen(table: str) -> list[AnyGuard]:
    message = f"{table}: the list is frozen"
    old, new = (
        f"(SELECT plan.digest FROM content_app_plan plan WHERE plan.id = {row}.plan_id) <> ''" for row in ("OLD", "NEW")
    )
    return [
        Guard(table, "INSERT", message, new),
        Guard(table, "UPDATE", message, f"{old} OR {new}"),
        Guard(table, "DELETE", message, old),
    ]


GUARDS = [
    *append_only(*APPEND_ONLY),
    *_frozen("content_app_item"),
    *_frozen("content_app_coverage"),
    Guard("content_app_plan", "UPDATE", "the list is frozen", "OLD.digest <> ''"),
    Guard("content_app_plan", "DELETE", "the list is frozen", "OLD.digest <> ''"),
]


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    dependencies = [("content_app", "0001_initial"), ("requests_app", "0002_guards")]
    operations = [migrations.RunPython(_install, _remove)]
