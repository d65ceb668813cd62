"""The emergency stop of all systems, and the brake: what was counted, when it held, and who released it."""

import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from requests_app.models.guards import Guard, append_only, install, remove

APPEND_ONLY = ("content_app_brakerelease", "content_app_braking")
_APPROVED_IT = (
    "EXISTS (SELECT 1 FROM requests_app_approval approval "
    "WHERE approval.plan_id = NEW.plan_id AND approval.by_id = NEW.by_id)"
)
_IS_BARRED = (
    "EXISTS (SELECT 1 FROM requests_app_approvalbar bar JOIN content_app_plan plan ON plan.request_id = bar.request_id "
    "WHERE plan.id = NEW.plan_id AND bar.user_id = NEW.by_id)"
)
GUARDS = [
    *append_only(*APPEND_ONLY),
    Guard("content_app_brakerelease", "INSERT", "this person may not release this list",
          f"{_APPROVED_IT} OR {_IS_BARRED}"),
]  # fmt: skip


def _install(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def _remove(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):

    dependencies = [
        ('content_app', '0011_sweeps'),
        ('requests_app', '0007_forgetting_guards'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='errand',
            name='attention',
            field=models.CharField(blank=True, choices=[('', '—'), ('shadow', 'The system is in shadow mode: two people must enable deletion there'), ('stopped', 'The emergency stop is set'), ('credentials', 'The system refuses our credentials'), ('unreachable', 'The system does not answer properly; it is tried again'), ('undecided', 'Found items wait for a decision'), ('needs_person', 'Some items could not be deleted'), ('digest', 'The list does not match its approved digest; nothing is deleted'), ('ledger', 'The ledger is not published; nothing is deleted until it is'), ('supplement', 'New content turned up: freeze a supplementary list'), ('expired', 'The list has expired: send it back and freeze a fresh one'), ('crashed', 'The work ended in an unexpected fault; it is tried again'), ('paused', 'The system has failed several times and is left alone for a while'), ('poisoned', 'The work died each time it was begun; a person must start it again'), ('braked', 'The brake holds the list: a second supervisor releases it, or it waits for the next day'), ('deadline', 'It still fails and the deadline is near: a person must see to it')], max_length=12),
        ),
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text="In the portal's time zone.")),
                ('items', models.PositiveBigIntegerField(default=0)),
                ('approver', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'approver'), name='allowance_one_a_person'), models.UniqueConstraint(condition=models.Q(('approver__isnull', True)), fields=('day',), name='allowance_one_for_all')],
            },
        ),
        migrations.CreateModel(
            name='BrakeRelease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cap', models.CharField(choices=[('plan', 'Items of one list'), ('day', 'Items deleted in one day'), ('approver', "Items deleted in one day on one person's approvals")], max_length=8)),
                ('reason', models.CharField(max_length=24)),
                ('items', models.PositiveIntegerField(help_text='How many items the list deletes, as the person typed it.')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('leaf', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.ledgerleaf')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='releases', to='content_app.plan')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('plan', 'cap'), name='brakerelease_once')],
            },
        ),
        migrations.CreateModel(
            name='Braking',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cap', models.CharField(choices=[('plan', 'Items of one list'), ('day', 'Items deleted in one day'), ('approver', "Items deleted in one day on one person's approvals")], max_length=8)),
                ('day', models.DateField()),
                ('leaf', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.ledgerleaf')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='brakings', to='content_app.plan')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('plan', 'cap', 'day'), name='braking_once_a_day')],
            },
        ),
        migrations.CreateModel(
            name='Safeguard',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('single', models.PositiveSmallIntegerField(default=1, editable=False, unique=True)),
                ('stopped', models.BooleanField(default=False, help_text='No call is made to any system.')),
                ('reason', models.CharField(blank=True, help_text='Why it was last set or lifted.', max_length=24)),
                ('at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('single', 1)), name='safeguard_single')],
            },
        ),
        migrations.RunPython(_install, _remove),
    ]
