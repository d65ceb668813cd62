"""A connected account of an outside system, and who may act on it when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from requests_app.models.base import Row

_USER = settings.AUTH_USER_MODEL
_MINUTE = timedelta(minutes=1)
_PER_MINUTE = [MinValueValidator(0.1), MaxValueValidator(100_000)]


class ActiveSystems(models.Manager["System"]):
    """The systems that were not retired."""

    def get_queryset(self) -> models.QuerySet[System]:
        return super().get_queryset().filter(retired=False)


class System(Row):
    """One account. Its secrets are in the environment, under the name in ``credential``."""

    class ClientAuth(models.TextChoices):
        BASIC = "basic", "HTTP Basic"
        BODY = "body", "In the request body"

    kind = models.CharField(max_length=20, default="vcc")
    name = models.CharField(max_length=60, unique=True)
    gateway_url = models.URLField(help_text="The API gateway of the account's region.")
    auth_url = models.URLField(help_text="The host that gives tokens.")
    credential = models.CharField(
        max_length=40,
        unique=True,
        help_text="Prefix of the environment variables: VCC means VCC_CLIENT_ID and VCC_CLIENT_SECRET.",
    )
    client_auth = models.CharField(max_length=5, choices=ClientAuth, default=ClientAuth.BASIC)
    region = models.CharField(max_length=2, default="GB", help_text="Country in which national numbers are read.")
    history_days = models.PositiveIntegerField(default=365, help_text="How far back the account keeps content.")
    reads_statistics = models.BooleanField(
        "count what the statistics still hold", default=False,
        help_text="The account needs the scope stats for it. Statistics keep the addresses of contacts whose content "
        "is gone; each request then says how many there are.",
    )  # fmt: skip
    shadow = models.BooleanField(
        "shadow mode", default=True, editable=False, help_text="Plans and reports, but can delete nothing."
    )
    enable_proposed_by = models.ForeignKey(
        _USER, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    enable_confirmed_by = models.ForeignKey(
        _USER, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    stopped = models.BooleanField("emergency stop", default=False, editable=False)
    retired = models.BooleanField(default=False, editable=False, help_text="Neither searched nor asked any more.")
    calls_per_minute = models.FloatField(
        "calls a minute", default=154, validators=_PER_MINUTE,
        help_text="From all workers together. The vendor allows about 160; stay a little below.",
    )  # fmt: skip
    batches_per_minute = models.FloatField(
        "delete batches a minute", default=15.4, validators=_PER_MINUTE,
        help_text="From all workers together. The vendor allows about 16; stay a little below.",
    )  # fmt: skip
    delete_parallel = models.PositiveSmallIntegerField(
        "deletes at once", default=1, validators=[MinValueValidator(1), MaxValueValidator(64)],
        help_text="From all workers together. The contact centre takes one at a time; another system may take more.",
    )  # fmt: skip
    tested_at = models.DateTimeField(
        null=True, editable=False, help_text="When the credentials last showed all that deleting needs."
    )

    objects: ClassVar[models.Manager[System]] = models.Manager()
    #: Those that are searched, and that a list covers.
    active: ClassVar[models.Manager[System]] = ActiveSystems()

    class Meta:
        verbose_name = "connected system"
        permissions = [
            ("enable_deletion", "Can propose or confirm that deletion is enabled on a system"),
            ("stop_system", "Can set and lift the emergency stop"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(shadow=True)
                | (
                    Q(enable_proposed_by__isnull=False)
                    & Q(enable_confirmed_by__isnull=False)
                    & ~Q(enable_proposed_by=F("enable_confirmed_by"))
                ),
                name="system_deletes_only_after_two_people",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Lease(models.Model):
    """Who may have a delete in flight at an account right now: one row for each that may be, see ``delete_parallel``.

    ``fence`` grows with every holder.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="leases")
    slot = models.PositiveSmallIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    holder = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "slot"], name="lease_one_a_slot")]

    def __str__(self) -> str:
        return f"lease {self.slot} of {self.system_id}"


class Bucket(models.Model):
    """The shared rate limit of an account: when the next call, or the next batch, may be made.

    The generic cell rate algorithm (ATM Forum, TM 4.0): one moment is the whole state, so that a turn is one update.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="buckets")
    kind = models.CharField(max_length=5, help_text="call or batch")
    due = models.DateTimeField(null=True, help_text="The moment of the next turn.")
    turns = models.PositiveBigIntegerField(default=0, help_text="Turns that were ever taken.")
    minute = models.DateTimeField(null=True, help_text="When the minute began in which turns are counted.")
    lately = models.PositiveIntegerField(default=0, help_text="Turns in that minute.")
    before = models.PositiveIntegerField(default=0, help_text="Turns in the minute before.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "kind"], name="bucket_one_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} turns of {self.system_id}"

    def counting(self, moment: datetime, count: int) -> dict[str, Any]:
        """The columns once ``count`` more turns are taken."""
        if self.minute is None or moment - self.minute >= 2 * _MINUTE:
            return {"minute": moment, "lately": count, "before": 0}
        if moment - self.minute >= _MINUTE:
            return {"minute": self.minute + _MINUTE, "lately": count, "before": self.lately}
        return {"lately": self.lately + count}

    def taken(self, moment: datetime) -> float:
        """Turns taken in the last sixty seconds, the older part of them as if evenly spread."""
        if self.minute is None:
            return 0.0
        passed = (moment - self.minute) / _MINUTE
        if passed >= 1:
            return self.lately * max(0.0, 2 - passed)
        return self.lately + self.before * (1 - max(0.0, passed))


class Breaker(models.Model):
    """The circuit breaker of an account, and its retry budget. Without trouble nothing is written here."""

    class Position(models.TextChoices):
        CLOSED = "closed", "Asked as usual"
        OPEN = "open", "Left alone for a while"
        HALF_OPEN = "half_open", "Being tried with one call"

    system = models.OneToOneField(System, on_delete=models.CASCADE, primary_key=True, related_name="breaker")
    position = models.CharField(max_length=9, choices=Position, default=Position.CLOSED)
    failures = models.PositiveIntegerField(default=0, help_text="Calls in a row that failed.")
    recent = models.PositiveIntegerField(default=0, help_text="The last twenty calls as bits, the newest lowest.")
    openings = models.PositiveIntegerField(default=0, help_text="Openings in a row, without a call that went well.")
    reason = models.CharField(max_length=20, blank=True, help_text="The code of the last failure.")
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="When one call may try again.")
    paused_until = models.DateTimeField(null=True, help_text="The system asked us to wait until then.")
    retry_tokens = models.FloatField(default=0, help_text="Retries that are left; each call adds a tenth of one.")
    retried_at = models.DateTimeField(null=True, help_text="When work was last tried again.")

    def __str__(self) -> str:
        return f"breaker of {self.system_id}"
