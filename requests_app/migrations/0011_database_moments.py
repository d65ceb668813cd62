"""Moments that are compared with what other hosts have set come from the database's clock, not from a host's."""

from django.db import migrations, models

from requests_app.models import base

MOMENTS = (('approval', 'at'), ('decision', 'at'), ('identifier', 'created_at'))


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0010_flat_pages'),
    ]

    operations = [
        # The columns stay as they are. Altering a field builds its table anew on SQLite, and its guards would be gone.
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AlterField(model, name, models.DateTimeField(default=base.present, editable=False))
            for model, name in MOMENTS
        ]),
    ]
