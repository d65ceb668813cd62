"""A connected account of an outside system, and who may act on it when."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from requests_app.models.base import Row

_USER = settings.AUTH_USER_MODEL


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
    """Who may send a delete to an account right now. ``fence`` grows with every holder."""

    system = models.OneToOneField(System, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    fence = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"lease of {self.system_id}"


class Bucket(models.Model):
    """The shared rate limit of an account: how many calls of one purpose this minute has seen."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="buckets")
    purpose = models.CharField(max_length=6)
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "purpose"], name="bucket_one_a_purpose")]

    def __str__(self) -> str:
        return f"{self.purpose} calls of {self.system_id}"
