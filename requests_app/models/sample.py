"""A random sample of requests, drawn so that an outsider can draw it again. Append-only."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from requests_app.models.base import Row


class Sample(Row):
    """``docs/audit.md`` has the rule by which the ids in ``drawn`` follow from the other columns."""

    seed = models.CharField(max_length=40)
    since = models.DateTimeField(help_text="Requests that ended at this moment or later.")
    until = models.DateTimeField(help_text="Requests that ended before this moment.")
    wanted = models.PositiveIntegerField()
    population = models.PositiveIntegerField()
    population_digest = models.CharField(max_length=64)
    #: Ids of requests, in the order of the draw.
    drawn = models.JSONField(default=list)
    drawn_digest = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        permissions = [("draw_sample", "Can draw a sample of requests and export its evidence")]
        constraints = [models.CheckConstraint(condition=Q(since__lt=F("until")), name="sample_period_in_order")]

    def __str__(self) -> str:
        return f"sample …{self.pk.hex[-6:]}"
