"""How many interactions a day of an account has, as far as it was seen."""

from django.db import models

from content_app.models.system import System


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
