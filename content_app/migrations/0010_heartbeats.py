from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("content_app", "0009_day_counts")]

    operations = [
        # The old ones were one for all clusters. New ones come within seconds.
        migrations.DeleteModel("Heartbeat"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(help_text="Part and node.", max_length=120, primary_key=True, serialize=False)),
                ("part", models.CharField(choices=[("cluster", "Worker cluster"), ("loop", "Loop")], max_length=7)),
                ("node", models.CharField(help_text="PORTAL_NODE, or host and process id.", max_length=100)),
                ("host", models.CharField(max_length=64)),
                ("pid", models.PositiveIntegerField(default=0, help_text="Of the guard, or of the loop.")),
                ("started_at", models.DateTimeField()),
                ("at", models.DateTimeField(help_text="When the guard, or the loop, last went round.")),
                ("pulled_at", models.DateTimeField(help_text="When it last looked into the queue.", null=True)),
                ("worked_at", models.DateTimeField(help_text="When one of its workers last began something.", null=True)),
                ("queued", models.PositiveIntegerField(default=0, help_text="Messages that waited when it last looked.")),
                ("workers", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="errand",
            name="node",
            field=models.CharField(blank=True, default="", help_text="The cluster that began the last run.", max_length=100),
            preserve_default=False,
        ),
    ]
