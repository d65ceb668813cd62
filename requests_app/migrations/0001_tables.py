"""The tables of the case file and of the ledger."""

import django.db.models.deletion
import django.db.models.functions.text
import requests_app.models.base
import requests_app.models.request
import uuid
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True
    #: Nothing to do where the portal was set up with these, one after the other.
    replaces = [
        ('requests_app', '0001_initial'),
        ('requests_app', '0003_ledger_tree'),
        ('requests_app', '0004_auditors_workspace'),
        ('requests_app', '0005_evidence_reasons'),
        ('requests_app', '0006_forgetting'),
        ('requests_app', '0007_forgetting_guards'),
        ('requests_app', '0008_logs_within_a_year'),
        ('requests_app', '0009_folder_and_review'),
        ('requests_app', '0011_database_moments'),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('size', models.BigIntegerField()),
                ('root', models.BinaryField(max_length=32)),
                ('note', models.TextField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-at', '-size'],
            },
        ),
        migrations.CreateModel(
            name='ForgottenMark',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('size', models.BigIntegerField(default=0)),
                ('at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name='KekEpoch',
            fields=[
                ('id', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('destroyed_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='LedgerIndex',
            fields=[
                ('seq', models.BigIntegerField(primary_key=True, serialize=False)),
            ],
            options={
                'verbose_name_plural': 'ledger indices',
            },
        ),
        migrations.CreateModel(
            name='LedgerLeaf',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('leaf', models.BinaryField()),
                ('hash', models.BinaryField(max_length=32)),
                ('type', models.CharField(max_length=40)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=40)),
                ('object_id', models.CharField(max_length=40)),
            ],
            options={
                'verbose_name': 'ledger entry',
                'verbose_name_plural': 'ledger entries',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='LedgerLog',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('origin', models.CharField(max_length=200, unique=True)),
                ('vkey', models.CharField(max_length=400)),
                ('year', models.PositiveIntegerField()),
                ('first_seq', models.BigIntegerField(unique=True)),
                ('opened_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['first_seq'],
            },
        ),
        migrations.CreateModel(
            name='Party',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('requester', 'Requester'), ('representative', 'Authorised representative'), ('recipient', 'Recipient')], max_length=14)),
                ('name_enc', models.BinaryField()),
                ('contact_enc', models.BinaryField(null=True)),
            ],
            options={
                'verbose_name_plural': 'parties',
            },
        ),
        migrations.CreateModel(
            name='Request',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('reference', models.CharField(default=requests_app.models.request.new_reference, editable=False, max_length=13, unique=True)),
                ('group', models.UUIDField(default=uuid_utils.compat.uuid7, help_text='Requests that came in one message share it.')),
                ('right', models.CharField(choices=[('erasure', 'Erasure (Art. 17)'), ('access', 'Access (Art. 15)'), ('rectification', 'Rectification (Art. 16)'), ('restriction', 'Restriction of processing (Art. 18)'), ('portability', 'Data portability (Art. 20)'), ('objection', 'Objection (Art. 21)'), ('automated_decision', 'Review of an automated decision (Art. 22)')], max_length=20)),
                ('channel', models.CharField(choices=[('phone', 'Telephone'), ('email', 'E-mail'), ('post', 'Post'), ('web_form', 'Web form'), ('chat', 'Chat'), ('in_person', 'In person'), ('social_media', 'Social media')], max_length=14)),
                ('jurisdiction', models.CharField(choices=[('EU', 'European Union'), ('EU-DE', 'Germany'), ('EU-ES', 'Spain'), ('EU-FR', 'France'), ('EU-IE', 'Ireland'), ('EU-IT', 'Italy'), ('EU-NL', 'Netherlands'), ('UK', 'United Kingdom')], max_length=6)),
                ('scope', models.CharField(choices=[('everything', 'Everything'), ('content_only', 'Interaction content only'), ('named_interactions', 'Named interactions only')], default='everything', max_length=20)),
                ('date_from', models.DateField(blank=True, null=True)),
                ('date_to', models.DateField(blank=True, null=True)),
                ('scope_as_of', models.DateTimeField(blank=True, help_text='Set when validation ends. Later contacts are listed apart (R-RT-05).', null=True)),
                ('origin', models.CharField(choices=[('live', 'Live'), ('history', 'Closed history, imported read-only')], default='live', max_length=8)),
                ('import_key', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('state', models.CharField(choices=[('received', 'Received'), ('validated', 'Validated'), ('planned', 'Planned'), ('approved', 'Approved'), ('executed', 'Executed'), ('verified', 'Verified'), ('closed', 'Closed'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn'), ('not_identified', 'Not identified')], default='received', max_length=16)),
                ('outcome', models.CharField(blank=True, max_length=40)),
                ('received_at', models.DateTimeField(help_text='When the request reached the controller (R-RX-04).')),
                ('captured_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('plan_digest', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'ordering': ['-received_at'],
                'permissions': [('capture_request', 'Can take down a request'), ('validate_request', 'Can validate, check identity, and choose what was found'), ('freeze_request', 'Can freeze the list of a request'), ('approve_request', 'Can approve an exact list'), ('refuse_request', 'Can refuse a request'), ('close_request', 'Can record the reply and close'), ('export_request', 'Can export reports and lists'), ('see_personal_data', 'Can see names and identifiers in clear'), ('reveal_personal_data', 'Can see names and identifiers in clear after giving a reason')],
            },
        ),
        migrations.CreateModel(
            name='RequestLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('duplicate', 'Asks for the same again'), ('blocks', 'Must be answered first'), ('same_message', 'Came in the same message')], max_length=12)),
                ('at', models.DateTimeField(auto_now_add=True)),
            ],
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
        migrations.CreateModel(
            name='SequencerLease',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('taken_at', models.DateTimeField(auto_now=True)),
                ('fault', models.CharField(blank=True, max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name='StaffAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system_id', models.UUIDField(help_text='The connected system that knows this agent.')),
                ('external_id', models.CharField(help_text="The agent's display id in the contact centre.", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='StaffPseudonym',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pseudonym', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='SubjectDigest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('identifier', 'Identifier'), ('imported_line', 'Line of an import file')], default='identifier', max_length=13)),
                ('hmac', models.BinaryField(max_length=32)),
                ('key_id', models.PositiveIntegerField()),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='SubjectKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('identifiers', 'Identifiers'), ('letters', 'Letters'), ('ledger', 'Ledger payloads')], max_length=12)),
                ('wrapped', models.BinaryField(null=True)),
                ('destroyed_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('hmac', models.BinaryField(max_length=32)),
                ('key_id', models.PositiveIntegerField()),
                ('reason', models.CharField(choices=[('objection', 'The person objects (Art. 21)'), ('with_erasure', 'The person asked for erasure, and not to be contacted again')], max_length=12)),
                ('channel', models.CharField(choices=[('all', 'Every channel'), ('phone', 'Telephone'), ('email', 'E-mail'), ('message', 'Messages')], default='all', max_length=7)),
                ('since', models.DateTimeField()),
                ('review_on', models.DateField(help_text='When somebody must look whether the entry is still needed.')),
                ('reviewed_at', models.DateTimeField(blank=True, null=True)),
                ('kept_because', models.CharField(blank=True, choices=[('still_holds', 'The objection still holds, and we could still contact them'), ('dispute', 'A complaint or a dispute is open'), ('law', 'A law or an authority asks for it')], max_length=20)),
            ],
            options={
                'verbose_name': 'suppression entry',
                'verbose_name_plural': 'suppression list',
                'ordering': ['review_on', 'id'],
                'permissions': [('suppress_subject', 'Can put a person on the suppression list, and take them off'), ('review_suppression', 'Can keep or end an entry of the suppression list when it is to be reviewed')],
            },
        ),
        migrations.CreateModel(
            name='AccessLogEntry',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('what', models.CharField(choices=[('request', 'Opened a request'), ('evidence', 'Opened evidence'), ('report', 'Exported a report'), ('list', 'Exported a list'), ('search', 'Searched for a person'), ('receipt', 'Handed out a receipt'), ('match', 'Matched an identifier with the ledger'), ('bundle', 'Exported the evidence of a sample'), ('ledger', 'Exported the ledger with the proofs of a request')], max_length=10)),
                ('reason', models.CharField(blank=True, choices=[('casework', 'Work on the request'), ('oversight', 'Oversight, nothing shown in clear'), ('audit_sample', 'Checking a sample'), ('complaint', 'A complaint of the person'), ('supervisory_request', 'A question of the supervisory authority'), ('incident', 'A personal data breach or its suspicion'), ('support', 'Helping a colleague with this request'), ('identity_check', 'Checking who is asking'), ('authority_check', 'Checking who may act for the person'), ('reading_request', 'Reading what the person asks for'), ('second_look', 'Looking again before an approval')], default='', help_text='Empty: before reasons.', max_length=20)),
                ('object_id', models.CharField(blank=True, max_length=40)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'access log entry',
                'verbose_name_plural': 'access log',
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('plan_id', models.UUIDField(unique=True)),
                ('digest', models.CharField(max_length=64)),
                ('at', models.DateTimeField(default=requests_app.models.base.present, editable=False)),
                ('step_up_at', models.DateTimeField(help_text='When the second factor was last shown.', null=True)),
                ('execute_after', models.DateTimeField()),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='ApprovalBar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ground', models.CharField(choices=[('opened', 'you took it'), ('validated', 'you validated it'), ('subject', 'it is about you'), ('heard', 'you are heard on an item of its list'), ('set_hold', 'you set a legal hold on it')], max_length=10)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ApprovalWithdrawal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=40)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('approval', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawal', to='requests_app.approval')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Cosignature',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('witness', models.CharField(max_length=200)),
                ('line', models.CharField(max_length=600)),
                ('at', models.DateTimeField()),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cosignatures', to='requests_app.checkpoint')),
            ],
        ),
        migrations.CreateModel(
            name='DataSubject',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('customer', 'Customer'), ('staff', 'Staff member'), ('other', 'Other person')], default='customer', max_length=10)),
                ('unsafe_contact', models.BooleanField(default=False, help_text='Do not contact this person at addresses that others may read.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('forgotten_at', models.DateTimeField(blank=True, help_text='When it was decided that the term is over. Nothing is added from then on.', null=True)),
                ('cleared_at', models.DateTimeField(blank=True, help_text='When the last trace was gone.', null=True)),
                ('staff_user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'data subject',
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('refused', 'Refused'), ('withdrawn', 'Withdrawn by the person'), ('not_identified', 'Not identified'), ('sent_back', 'Sent back'), ('approval_withdrawn', 'Approval withdrawn'), ('replied', 'Reply sent')], max_length=18)),
                ('reason', models.CharField(max_length=40)),
                ('at', models.DateTimeField(default=requests_app.models.base.present, editable=False)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('method', models.CharField(choices=[('portal_session', 'Signed-in session with a second factor'), ('one_time_code', 'One-time code to a contact point on file'), ('callback', 'Call back to the number on file'), ('registered_email', 'Reply from the registered e-mail'), ('name_and_number', 'Name and customer number match'), ('document', 'Identity document'), ('staff_session', 'Employment account session'), ('supplied_facts', 'Facts both sides know (Art. 11(2))'), ('authority', 'Authority of a representative')], max_length=20)),
                ('level', models.CharField(choices=[('IAL-0', 'IAL-0 · none'), ('IAL-1', 'IAL-1 · plausible'), ('IAL-2', 'IAL-2 · verified by possession'), ('IAL-3', 'IAL-3 · verified by document')], max_length=5)),
                ('result', models.CharField(choices=[('passed', 'Passed'), ('failed', 'Failed')], max_length=6)),
                ('doubt', models.CharField(blank=True, choices=[('', 'No doubt'), ('unknown_contact', 'Came from a contact point not on file'), ('contact_changed', 'Contact point changed recently'), ('data_mismatch', 'Details do not match'), ('sensitive_content', 'Content is particularly sensitive'), ('suspected_fraud', 'Suspected impersonation')], max_length=20)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='Identifier',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('phone', 'Telephone number'), ('email', 'E-mail address'), ('handle', 'Handle'), ('customer_number', 'Customer number'), ('crm_record_id', 'CRM record id'), ('interaction_guid', 'Interaction GUID')], max_length=20)),
                ('value_enc', models.BinaryField()),
                ('blind_index', models.BinaryField(max_length=32)),
                ('index_key_id', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField(default=requests_app.models.base.present, editable=False)),
                ('subject', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='identifiers', to='requests_app.datasubject')),
            ],
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('identity', 'Identity document'), ('authority', 'Authority of a representative'), ('message', 'The request itself'), ('other', 'Other document')], max_length=10)),
                ('file', models.FileField(blank=True, max_length=80, upload_to='')),
                ('media_type', models.CharField(max_length=20)),
                ('size', models.PositiveIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('wrapped_file_key', models.BinaryField(null=True)),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('destroyed_at', models.DateTimeField(blank=True, null=True)),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('epoch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.kekepoch')),
            ],
            options={
                'verbose_name_plural': 'evidence',
                'permissions': [('open_evidence', 'Can open evidence documents')],
            },
        ),
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
                ('by', models.ForeignKey(help_text='Empty: by itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='LedgerPayload',
            fields=[
                ('leaf', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='payload', serialize=False, to='requests_app.ledgerleaf')),
                ('payload_enc', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='LedgerQueue',
            fields=[
                ('leaf', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='requests_app.ledgerleaf')),
            ],
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
        migrations.AddIndex(
            model_name='ledgerleaf',
            index=models.Index(fields=['type', 'actor', 'id'], name='leaf_by_type_and_actor'),
        ),
        migrations.AddField(
            model_name='ledgerindex',
            name='leaf',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='index', to='requests_app.ledgerleaf'),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='log',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checkpoints', to='requests_app.ledgerlog'),
        ),
        migrations.AddField(
            model_name='request',
            name='approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='request',
            name='opened_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='request',
            name='subject',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='requests_app.datasubject'),
        ),
        migrations.AddField(
            model_name='request',
            name='subject_user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='request',
            name='validated_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='party',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parties', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='finding',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='evidence',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evidence', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='decision',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='approvalbar',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bars', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='approval',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='requestlink',
            name='a',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links_out', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='requestlink',
            name='b',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links_in', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='sample',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='staffaccount',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='vendor_accounts', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='staffpseudonym',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='pseudonym', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='subjectdigest',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='digests', to='requests_app.request'),
        ),
        migrations.AddField(
            model_name='subjectkey',
            name='epoch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.kekepoch'),
        ),
        migrations.AddField(
            model_name='subjectkey',
            name='subject',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='requests_app.datasubject'),
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(fields=['hmac'], name='suppression_hmac'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('hmac', 'channel'), name='suppression_once_a_channel'),
        ),
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
        migrations.AddConstraint(
            model_name='cosignature',
            constraint=models.UniqueConstraint(fields=('checkpoint', 'witness'), name='cosignature_one_a_witness'),
        ),
        migrations.AddIndex(
            model_name='datasubject',
            index=models.Index(condition=models.Q(('cleared_at__isnull', True), ('forgotten_at__isnull', False)), fields=['forgotten_at'], name='subject_being_forgotten'),
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
            model_name='identifier',
            index=models.Index(fields=['blind_index'], name='identifier_blind_index'),
        ),
        migrations.AddConstraint(
            model_name='identifier',
            constraint=models.UniqueConstraint(fields=('subject', 'blind_index'), name='identifier_once_a_subject'),
        ),
        migrations.AddField(
            model_name='ledgerpayload',
            name='subject',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payloads', to='requests_app.datasubject'),
        ),
        migrations.AddConstraint(
            model_name='checkpoint',
            constraint=models.UniqueConstraint(fields=('log', 'size'), name='checkpoint_one_a_size'),
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
            model_name='request',
            index=models.Index(condition=models.Q(('origin', 'history')), fields=['closed_at'], name='request_of_history'),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(django.db.models.functions.text.Right('reference', 4), name='request_by_last_letters'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'validated', 'planned', 'approved', 'executed', 'verified', 'closed', 'refused', 'withdrawn', 'not_identified'])), name='request_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(('origin', 'history'), models.Q(('state__in', ['planned', 'approved', 'executed', 'verified', 'closed']), _negated=True), models.Q(('plan_digest', ''), _negated=True), _connector='OR'), name='request_past_planned_has_a_digest'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'executed']), _negated=True), ('approved_by__isnull', False), _connector='OR'), name='request_past_approved_has_an_approver'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(models.Q(('opened_by__isnull', True), models.Q(('approved_by', models.F('opened_by')), _negated=True), _connector='OR'), models.Q(('validated_by__isnull', True), models.Q(('approved_by', models.F('validated_by')), _negated=True), _connector='OR'), models.Q(('subject_user__isnull', True), models.Q(('approved_by', models.F('subject_user')), _negated=True), _connector='OR')), _connector='OR'), name='request_four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(('validated_by__isnull', True), ('subject_user__isnull', True), models.Q(('validated_by', models.F('subject_user')), _negated=True), _connector='OR'), name='request_subject_does_not_validate'),
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.CheckConstraint(condition=models.Q(('date_from__isnull', True), ('date_to__isnull', True), ('date_from__lte', models.F('date_to')), _connector='OR'), name='request_dates_in_order'),
        ),
        migrations.AddIndex(
            model_name='evidence',
            index=models.Index(condition=models.Q(('destroyed_at__isnull', True)), fields=['added_at'], name='evidence_left'),
        ),
        migrations.AddConstraint(
            model_name='approvalbar',
            constraint=models.UniqueConstraint(fields=('request', 'user', 'ground'), name='approvalbar_once'),
        ),
        migrations.AddConstraint(
            model_name='requestlink',
            constraint=models.UniqueConstraint(fields=('a', 'b', 'kind'), name='requestlink_once'),
        ),
        migrations.AddConstraint(
            model_name='requestlink',
            constraint=models.CheckConstraint(condition=models.Q(('a', models.F('b')), _negated=True), name='requestlink_not_to_itself'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('since__lt', models.F('until'))), name='sample_period_in_order'),
        ),
        migrations.AddConstraint(
            model_name='staffaccount',
            constraint=models.UniqueConstraint(fields=('system_id', 'external_id'), name='staffaccount_one_user'),
        ),
        migrations.AddIndex(
            model_name='subjectdigest',
            index=models.Index(fields=['hmac'], name='subjectdigest_hmac'),
        ),
        migrations.AddConstraint(
            model_name='subjectdigest',
            constraint=models.UniqueConstraint(fields=('request', 'hmac'), name='subjectdigest_once_a_request'),
        ),
        migrations.AddConstraint(
            model_name='subjectkey',
            constraint=models.UniqueConstraint(fields=('subject', 'purpose'), name='subjectkey_one_a_purpose'),
        ),
        migrations.AddConstraint(
            model_name='subjectkey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('destroyed_at__isnull', False), ('wrapped__isnull', True)), models.Q(('destroyed_at__isnull', True), ('wrapped__isnull', False)), _connector='OR'), name='subjectkey_gone_exactly_when_destroyed'),
        ),
    ]
