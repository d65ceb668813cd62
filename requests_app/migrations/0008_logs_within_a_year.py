"""A year can have more than one log: one ends early where its key was lost."""

from django.db import migrations, models

from requests_app.models.guards import append_only, install, remove

#: SQLite makes the table anew for this, and forgets its triggers.
GUARDS = append_only("requests_app_ledgerlog")


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0007_forgetting_guards")]
    operations = [
        migrations.RunPython(_remove, _install),
        migrations.AlterField("ledgerlog", "year", models.PositiveIntegerField()),
        migrations.RunPython(_install, _remove),
    ]
