"""What keeps everything from being deleted at once: the stop of all systems, and the caps of the brake."""

from django.conf import settings
from django.db import models

from content_app.models.plan import Plan
from requests_app.models import LedgerLeaf
from requests_app.models.base import Row, stamp


class Safeguard(Row):
    """The emergency stop of all systems: one row, or none as long as nobody ever set it. Its past is in the ledger."""

    single = models.PositiveSmallIntegerField(default=1, unique=True, editable=False)
    stopped = models.BooleanField(default=False, help_text="No call is made to any system.")
    reason = models.CharField(max_length=24, blank=True, help_text="Why it was last set or lifted.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(single=1), name="safeguard_single")]

    def __str__(self) -> str:
        return "emergency stop of all systems"


class Cap(models.TextChoices):
    """What the brake counts."""

    PLAN = "plan", "Items of one list"
    DAY = "day", "Items deleted in one day"
    APPROVER = "approver", "Items deleted in one day on one person's approvals"


class Allowance(models.Model):
    """How many items were sent to be deleted on one day: on all approvals, and on those of each person."""

    day = models.DateField(help_text="In the portal's time zone.")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    items = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "approver"], name="allowance_one_a_person"),
            models.UniqueConstraint(
                fields=["day"], condition=models.Q(approver__isnull=True), name="allowance_one_for_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.items} items on {self.day}"


class Braking(models.Model):
    """The brake held a list, once for each cap and day. Append-only."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="brakings")
    cap = models.CharField(max_length=8, choices=Cap)
    day = models.DateField()
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "cap", "day"], name="braking_once_a_day")]

    def __str__(self) -> str:
        return f"{self.plan_id} held by the cap of one {self.cap}"


class BrakeRelease(models.Model):
    """A second supervisor lets a list go beyond a cap. Append-only; a trigger refuses whoever approved the list."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="releases")
    cap = models.CharField(max_length=8, choices=Cap)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=24)
    items = models.PositiveIntegerField(help_text="How many items the list deletes, as the person typed it.")
    at = models.DateTimeField(default=stamp, editable=False)
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "cap"], name="brakerelease_once")]

    def __str__(self) -> str:
        return f"{self.plan_id} beyond the cap of one {self.cap}"
