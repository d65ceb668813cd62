"""Which parts of the machinery run where, and when each last showed that it lives and that it works."""

from django.db import models


class Heartbeat(models.Model):
    """One cluster of workers, or one loop. Three clocks, since a guard can live while nobody under it works."""

    class Part(models.TextChoices):
        CLUSTER = "cluster", "Worker cluster"
        LOOP = "loop", "Loop"

    name = models.CharField(max_length=120, primary_key=True, help_text="Part and node.")
    part = models.CharField(max_length=7, choices=Part)
    node = models.CharField(max_length=100, help_text="PORTAL_NODE, or host and process id.")
    host = models.CharField(max_length=64)
    pid = models.PositiveIntegerField(default=0, help_text="Of the guard, or of the loop.")
    started_at = models.DateTimeField()
    at = models.DateTimeField(help_text="When the guard, or the loop, last went round.")
    pulled_at = models.DateTimeField(null=True, help_text="When it last looked into the queue.")
    worked_at = models.DateTimeField(null=True, help_text="When one of its workers last began something.")
    queued = models.PositiveIntegerField(default=0, help_text="Messages that waited when it last looked.")
    workers = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
