"""Rows of the engine are dated by the clock that all hosts share. Columns stay as they are: only their defaults change."""

from django.db import migrations, models

from requests_app.models.base import present, stamp

_STAMPED = (
    ("brakerelease", "at"),
    ("intent", "at"),
    ("mending", "at"),
    ("receipt", "at"),
    ("statisticspass", "started_at"),
    ("step", "created_at"),
    ("sweep", "started_at"),
    ("verification", "at"),
)


class Migration(migrations.Migration):
    dependencies = [("content_app", "0002_guards")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(
                    migrations.AlterField(model, name, models.DateTimeField(default=stamp, editable=False))
                    for model, name in _STAMPED
                ),
                migrations.AlterField("search", "started_at", models.DateTimeField(default=present, editable=False)),
            ]
        )
    ]
