"""Bars and withdrawals are dated by the clock that all hosts share. Columns stay as they are: only defaults change."""

from django.db import migrations, models

from requests_app.models.base import stamp


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0003_entries_by_role")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(model, "at", models.DateTimeField(default=stamp, editable=False))
                for model in ("approvalbar", "approvalwithdrawal")
            ]
        )
    ]
