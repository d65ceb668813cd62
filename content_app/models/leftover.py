"""What an account's statistics still hold of a person whose content is gone: how much, and never which."""

from django.db import models
from django.db.models import Q

from content_app.models.sweep import Pass
from content_app.models.system import System
from requests_app.models import Request
from requests_app.models.base import Row


class StatisticsPass(Pass):
    """A pass through an account's statistics, for the requests that waited for it when it began."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="statistics_passes")
    #: The next page of the next window. A killed run resumes there.
    page = models.PositiveIntegerField(default=1)
    contacts = models.PositiveBigIntegerField(default=0, help_text="Contacts that were read, whosever they are.")
    #: What the windows and the spellings depend on. When it changes in the middle, everybody waits for another pass.
    basis = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system"], condition=Q(ended_at__isnull=True), name="statistics_one_open"),
        ]

    def __str__(self) -> str:
        return f"statistics of {self.system_id}"


class Leftover(Row):
    """How many contacts of one person the statistics of one system hold, of which no content was found."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="leftovers")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    served_by = models.ForeignKey(StatisticsPass, on_delete=models.PROTECT, related_name="leftovers")
    contacts = models.PositiveIntegerField(default=0, help_text="Contacts that are theirs by the match alone.")
    doubtful = models.PositiveIntegerField(default=0, help_text="Contacts that may be theirs; nobody looks at each.")
    #: When the first and the last of ``contacts`` began.
    earliest = models.DateTimeField(null=True)
    latest = models.DateTimeField(null=True)
    #: Ids of what was counted of the window that is being read, so that nothing is counted twice. Empty after it.
    counted = models.JSONField(default=list, blank=True)
    calls_expected = models.PositiveIntegerField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "system"], condition=Q(finished_at__isnull=True), name="leftover_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"leftovers in {self.system_id}"
