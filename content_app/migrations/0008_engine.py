"""The account's limits as data, the circuit breaker, leases by slot, and the poison rule's counters."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("content_app", "0007_forgetting_guards"),
    ]

    operations = [
        # Nothing in these two outlives a minute; their keys change, which not every database can do to a table.
        migrations.DeleteModel(name="Lease"),
        migrations.DeleteModel(name="Bucket"),
        migrations.CreateModel(
            name="Bucket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="call or batch", max_length=5)),
                ("due", models.DateTimeField(help_text="The moment of the next turn.", null=True)),
                ("turns", models.PositiveBigIntegerField(default=0, help_text="Turns that were ever taken.")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="buckets", to="content_app.system"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("system", "kind"), name="bucket_one_a_kind")]},
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", models.PositiveSmallIntegerField(default=0)),
                ("fence", models.BigIntegerField(default=0)),
                ("holder", models.UUIDField(null=True)),
                ("until", models.DateTimeField(null=True)),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="leases", to="content_app.system"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("system", "slot"), name="lease_one_a_slot")]},
        ),
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "system",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="breaker",
                        serialize=False,
                        to="content_app.system",
                    ),
                ),
                (
                    "position",
                    models.CharField(
                        choices=[
                            ("closed", "Asked as usual"),
                            ("open", "Left alone for a while"),
                            ("half_open", "Being tried with one call"),
                        ],
                        default="closed",
                        max_length=9,
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0, help_text="Calls in a row that failed.")),
                (
                    "recent",
                    models.PositiveIntegerField(
                        default=0, help_text="The last twenty calls as bits, the newest lowest."
                    ),
                ),
                (
                    "openings",
                    models.PositiveIntegerField(
                        default=0, help_text="Openings in a row, without a call that went well."
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="The code of the last failure.", max_length=20)),
                ("opened_at", models.DateTimeField(null=True)),
                ("retry_at", models.DateTimeField(help_text="When one call may try again.", null=True)),
                ("paused_until", models.DateTimeField(help_text="The system asked us to wait until then.", null=True)),
                (
                    "retry_tokens",
                    models.FloatField(default=0, help_text="Retries that are left; each call adds a tenth of one."),
                ),
                ("retried_at", models.DateTimeField(help_text="When work was last tried again.", null=True)),
            ],
        ),
        migrations.AddField(
            model_name="errand",
            name="failed_at",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="content_app.system"
            ),
        ),
        migrations.AddField(
            model_name="errand",
            name="progress",
            field=models.CharField(blank=True, help_text="How far it was when the last run began.", max_length=80),
        ),
        migrations.AddField(
            model_name="errand",
            name="starts",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Runs that began, none of which ended or got on."
            ),
        ),
        migrations.AddField(
            model_name="system",
            name="delete_parallel",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="From all workers together. The contact centre takes one at a time; another system may take more.",
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(64)],
                verbose_name="deletes at once",
            ),
        ),
        migrations.AddField(
            model_name="system",
            name="batches_per_minute",
            field=models.FloatField(
                default=15.4,
                help_text="From all workers together. The vendor allows about 16; stay a little below.",
                validators=[
                    django.core.validators.MinValueValidator(0.1),
                    django.core.validators.MaxValueValidator(100000),
                ],
                verbose_name="delete batches a minute",
            ),
        ),
        migrations.AddField(
            model_name="system",
            name="calls_per_minute",
            field=models.FloatField(
                default=154,
                help_text="From all workers together. The vendor allows about 160; stay a little below.",
                validators=[
                    django.core.validators.MinValueValidator(0.1),
                    django.core.validators.MaxValueValidator(100000),
                ],
                verbose_name="calls a minute",
            ),
        ),
        migrations.AddField(
            model_name="system",
            name="tested_at",
            field=models.DateTimeField(
                editable=False, help_text="When the credentials last showed all that deleting needs.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="errand",
            name="attention",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "—"),
                    ("shadow", "The system is in shadow mode: two people must enable deletion there"),
                    ("stopped", "The emergency stop is set"),
                    ("credentials", "The system refuses our credentials"),
                    ("unreachable", "The system does not answer properly; it is tried again"),
                    ("undecided", "Found items wait for a decision"),
                    ("needs_person", "Some items could not be deleted"),
                    ("digest", "The list does not match its approved digest; nothing is deleted"),
                    ("ledger", "The ledger is not published; nothing is deleted until it is"),
                    ("supplement", "New content turned up: freeze a supplementary list"),
                    ("expired", "The list has expired: send it back and freeze a fresh one"),
                    ("crashed", "The work ended in an unexpected fault; it is tried again"),
                    ("paused", "The system has failed several times and is left alone for a while"),
                    ("poisoned", "The work died each time it was begun; a person must start it again"),
                    ("deadline", "It still fails and the deadline is near: a person must see to it"),
                ],
                max_length=12,
            ),
        ),
    ]
