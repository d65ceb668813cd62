"""Pages that take as long with a million requests as with a thousand: an index for each way of narrowing a list."""

import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

#: (model, field) whose own index another one begins with.
_SPARE = (
    ('accesslogentry', 'at'), ('ledgerleaf', 'actor'), ('ledgerleaf', 'at'), ('ledgerleaf', 'object_id'),
    ('ledgerleaf', 'type'), ('request', 'state'),
)
#: An entry's role stands in the leaf alone. Both expressions are what ``ledger_list`` asks for, word by word.
_ROLE = """substring(encode(leaf, 'escape') from '"role":"([a-z ]+)"')"""
_BY_ROLE = {
    'leaf_by_role': f'({_ROLE}), id',
    'leaf_by_type_and_role': f'type, ({_ROLE}), id',
}


def _drop_spare(apps, schema_editor):
    """Without building the tables anew, as altering a field would on SQLite, and their guards would be gone."""
    for name, field in _SPARE:
        table, column = apps.get_model('requests_app', name)._meta.db_table, field
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_constraints(cursor, table)
        for index, told in found.items():
            if told['index'] and told['columns'] == [column] and not (told['unique'] or told['foreign_key']):
                schema_editor.execute(f'DROP INDEX "{index}"')


def _index_roles(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        for name, columns in _BY_ROLE.items():
            schema_editor.execute(f'CREATE INDEX {name} ON requests_app_ledgerleaf ({columns})', params=None)


def _unindex_roles(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        for name in _BY_ROLE:
            schema_editor.execute(f'DROP INDEX {name}', params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0009_folder_and_review'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='accesslogentry',
            options={'ordering': ['-at'], 'verbose_name': 'access log entry', 'verbose_name_plural': 'access log'},
        ),
        migrations.RemoveIndex(
            model_name='request',
            name='request_queue',
        ),
        migrations.RunPython(_drop_spare, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AlterField(
                model_name='accesslogentry',
                name='at',
                field=models.DateTimeField(auto_now_add=True),
            ),
            migrations.AlterField(
                model_name='ledgerleaf',
                name='actor',
                field=models.CharField(max_length=40),
            ),
            migrations.AlterField(
                model_name='ledgerleaf',
                name='at',
                field=models.DateTimeField(),
            ),
            migrations.AlterField(
                model_name='ledgerleaf',
                name='object_id',
                field=models.CharField(max_length=40),
            ),
            migrations.AlterField(
                model_name='ledgerleaf',
                name='type',
                field=models.CharField(max_length=40),
            ),
            migrations.AlterField(
                model_name='request',
                name='state',
                field=models.CharField(choices=[('received', 'Received'), ('validated', 'Validated'), ('planned', 'Planned'), ('approved', 'Approved'), ('executed', 'Executed'), ('verified', 'Verified'), ('closed', 'Closed'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn'), ('not_identified', 'Not identified')], default='received', max_length=16),
            ),
        ]),
        migrations.RunPython(_index_roles, _unindex_roles),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['at', 'id'], name='access_by_day'),
        ),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['what', 'at', 'id'], name='access_by_what'),
        ),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['reason', 'at', 'id'], name='access_by_reason'),
        ),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['what', 'reason', 'at', 'id'], name='access_by_what_and_reason'),
        ),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['user', 'at', 'id'], name='access_by_user'),
        ),
        migrations.AddIndex(
            model_name='accesslogentry',
            index=models.Index(fields=['object_id', 'at', 'id'], name='access_by_object'),
        ),
        migrations.AddIndex(
            model_name='datasubject',
            index=models.Index(condition=models.Q(('cleared_at__isnull', True), ('forgotten_at__isnull', False)), fields=['forgotten_at'], name='subject_being_forgotten'),
        ),
        migrations.AddIndex(
            model_name='evidence',
            index=models.Index(condition=models.Q(('destroyed_at__isnull', True)), fields=['added_at'], name='evidence_left'),
        ),
        migrations.AddIndex(
            model_name='ledgerleaf',
            index=models.Index(fields=['type', 'actor', 'id'], name='leaf_by_type_and_actor'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['received_at', 'id'], name='request_by_day'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['state', 'received_at', 'id'], name='request_queue'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['right', 'received_at', 'id'], name='request_by_right'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['jurisdiction', 'received_at', 'id'], name='request_by_place'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['state', 'right', 'received_at', 'id'], name='request_by_state_right'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['state', 'jurisdiction', 'received_at', 'id'], name='request_by_state_place'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['right', 'jurisdiction', 'received_at', 'id'], name='request_by_right_place'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['state', 'right', 'jurisdiction', 'received_at', 'id'], name='request_by_all_three'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(condition=models.Q(('state__in', ['approved', 'executed', 'planned', 'received', 'validated', 'verified'])), fields=['received_at', 'id'], name='request_open'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(fields=['closed_at'], name='request_by_end'),
        ),
        migrations.AddIndex(
            model_name='datasubject',
            index=models.Index(condition=models.Q(('forgotten_at__isnull', False)), fields=['id'], name='subject_forgotten'),
        ),
        migrations.AddIndex(
            model_name='datasubject',
            index=models.Index(condition=models.Q(('forgotten_at__isnull', True)), fields=['created_at'], name='subject_living'),
        ),
        migrations.AddIndex(
            model_name='datasubject',
            index=models.Index(fields=['kind', 'id'], name='subject_by_kind'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(condition=models.Q(('origin', 'history')), fields=['closed_at'], name='request_of_history'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(django.db.models.functions.text.Right('reference', 4), name='request_by_last_letters'),
        ),
    ]
