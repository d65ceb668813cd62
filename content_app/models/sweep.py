"""Reading all of an account at once, and how many interactions a day of it has, as far as it was seen."""

from django.db import models
from django.db.models import Q

from content_app.models.system import System
from requests_app.models.base import Row, stamp


class Pass(Row):
    """One pass through an account for everybody who waits at it. Its cursor survives a crash; it holds no address."""

    class Ending(models.TextChoices):
        """Why it is over."""

        FINISHED = "finished", "Every window was read"
        GIVEN_UP = "given_up", "Asking for each person alone had become cheaper"
        MOOT = "moot", "Nobody waited any more"

    since = models.DateTimeField(help_text="The beginning of its first window.")
    until = models.DateTimeField(help_text="The end of its last window.")
    windows = models.JSONField(help_text="Beginning and end of each window, in the order in which they are read.")
    #: Index of the next window. A killed run resumes there.
    cursor = models.PositiveIntegerField(default=0)
    calls_expected = models.PositiveIntegerField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    sharers = models.PositiveIntegerField(default=0, help_text="Requests for which one window was read, at most.")
    started_at = models.DateTimeField(default=stamp, editable=False)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=8, choices=Ending, blank=True)
    #: Grows with every holder, so that one who was presumed dead writes nothing any more.
    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Sweep(Pass):
    """A pass through all content of an account."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="sweeps")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system"], condition=Q(ended_at__isnull=True), name="sweep_one_open"),
        ]

    def __str__(self) -> str:
        return f"sweep of {self.system_id}"


class DayCount(models.Model):
    """Interactions with content that one day (UTC) of an account had when it was last read without an address."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="day_counts")
    day = models.DateField()
    interactions = models.PositiveIntegerField()
    learnt_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "day"], name="daycount_one_a_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.interactions}"
