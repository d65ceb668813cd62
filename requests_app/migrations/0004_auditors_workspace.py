"""The auditor's workspace: reasons in the access log, results of self-checks, samples; the last two cannot change."""

import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from requests_app.models.guards import append_only, install, remove

APPEND_ONLY = ("requests_app_ledgercheck", "requests_app_sample")
GUARDS = append_only(*APPEND_ONLY)


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0003_ledger_tree'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_index=True)),
                ('size', models.BigIntegerField(help_text='Entries with a number.')),
                ('pending', models.BigIntegerField(help_text='Entries that waited for one.')),
                ('root', models.CharField(max_length=64)),
                ('ok', models.BooleanField()),
                ('faults', models.JSONField(default=list)),
                ('fault_count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Sample',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('seed', models.CharField(max_length=40)),
                ('since', models.DateTimeField(help_text='Requests that ended at this moment or later.')),
                ('until', models.DateTimeField(help_text='Requests that ended before this moment.')),
                ('wanted', models.PositiveIntegerField()),
                ('population', models.PositiveIntegerField()),
                ('population_digest', models.CharField(max_length=64)),
                ('drawn', models.JSONField(default=list)),
                ('drawn_digest', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('draw_sample', 'Can draw a sample of requests and export its evidence')],
            },
        ),
        migrations.AlterModelOptions(
            name='request',
            options={'ordering': ['-received_at'], 'permissions': [('capture_request', 'Can take down a request'), ('validate_request', 'Can validate, check identity, and choose what was found'), ('freeze_request', 'Can freeze the list of a request'), ('approve_request', 'Can approve an exact list'), ('refuse_request', 'Can refuse a request'), ('close_request', 'Can record the reply and close'), ('export_request', 'Can export reports and lists'), ('see_personal_data', 'Can see names and identifiers in clear'), ('reveal_personal_data', 'Can see names and identifiers in clear after giving a reason')]},
        ),
        migrations.AddField(
            model_name='accesslogentry',
            name='reason',
            field=models.CharField(blank=True, choices=[('casework', 'Work on the request'), ('oversight', 'Oversight, nothing shown in clear'), ('audit_sample', 'Checking a sample'), ('complaint', 'A complaint of the person'), ('supervisory_request', 'A question of the supervisory authority'), ('incident', 'A personal data breach or its suspicion'), ('support', 'Helping a colleague with this request')], default='', help_text='Empty: before reasons.', max_length=20),
        ),
        migrations.AlterField(
            model_name='accesslogentry',
            name='what',
            field=models.CharField(choices=[('request', 'Opened a request'), ('evidence', 'Opened evidence'), ('report', 'Exported a report'), ('list', 'Exported a list'), ('search', 'Searched for a person'), ('bundle', 'Exported the evidence of a sample')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='ledgerleaf',
            index=models.Index(fields=['type', 'id'], name='leaf_by_type'),
        ),
        migrations.AddIndex(
            model_name='ledgerleaf',
            index=models.Index(fields=['actor', 'id'], name='leaf_by_actor'),
        ),
        migrations.AddIndex(
            model_name='ledgerleaf',
            index=models.Index(fields=['object_id', 'id'], name='leaf_by_object'),
        ),
        migrations.AddField(
            model_name='ledgercheck',
            name='by',
            field=models.ForeignKey(help_text='Empty: by itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='sample',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('since__lt', models.F('until'))), name='sample_period_in_order'),
        ),
        migrations.RunPython(_install, _remove),
    ]
