"""A supervisor's word that a system was mended, which nobody may change; systems that are not searched any more."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from requests_app.models.guards import append_only, install, remove

APPEND_ONLY = ("content_app_mending",)
GUARDS = append_only(*APPEND_ONLY)


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):

    dependencies = [
        ('content_app', '0004_step_look'),
        ('requests_app', '0003_ledger_tree'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='system',
            name='retired',
            field=models.BooleanField(default=False, editable=False, help_text='Neither searched nor asked any more.'),
        ),
        migrations.CreateModel(
            name='Mending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=20)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('leaf', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.ledgerleaf')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mendings', to='content_app.plan')),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='content_app.system')),
            ],
        ),
        migrations.RunPython(_install, _remove),
    ]
