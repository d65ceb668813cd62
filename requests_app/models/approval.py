"""Four eyes: who is barred from approving, and the approval of an exact list."""

from django.conf import settings
from django.db import models

from requests_app.models.base import Row, present, stamp
from requests_app.models.request import Request


class ApprovalBar(models.Model):
    """A person who may not approve this request. Append-only; a trigger refuses the approval of a barred person."""

    class Ground(models.TextChoices):
        OPENED = "opened", "you took it"
        VALIDATED = "validated", "you validated it"
        SUBJECT = "subject", "it is about you"
        HEARD = "heard", "you are heard on an item of its list"
        SET_HOLD = "set_hold", "you set a legal hold on it"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="bars")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ground = models.CharField(max_length=10, choices=Ground)
    at = models.DateTimeField(default=stamp, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "user", "ground"], name="approvalbar_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.ground}"


class Approval(Row):
    """A second person's decision, bound to a digest. ``plan_id`` has no foreign key: the case file knows no plans."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="approvals")
    plan_id = models.UUIDField(unique=True)
    digest = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=present, editable=False)
    step_up_at = models.DateTimeField(null=True, help_text="When the second factor was last shown.")
    execute_after = models.DateTimeField()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"approval of plan …{self.plan_id.hex[-6:]}"


class ApprovalWithdrawal(models.Model):
    """An approval taken back before the first act. Append-only, like the approval."""

    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, related_name="withdrawal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=40)
    at = models.DateTimeField(default=stamp, editable=False)

    def __str__(self) -> str:
        return f"withdrawal of {self.approval_id}"
