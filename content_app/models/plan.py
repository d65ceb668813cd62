"""The frozen list: a plan, its items, and what it covers. Once the digest is set nothing of it can change."""

from django.conf import settings
from django.db import models

from content_app.models.system import System
from requests_app.models import Request
from requests_app.models.base import Row


class Plan(Row):
    """An exact list, bound by its digest. A supplementary one holds only what turned up since the last."""

    class Kind(models.TextChoices):
        MAIN = "main", "Main"
        SUPPLEMENTARY = "supplementary", "Supplementary"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="plans")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=13, choices=Kind, default=Kind.MAIN)
    digest = models.CharField(max_length=64, blank=True)
    supersedes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    #: Who has it stays secret when an item's id is known: each commitment is salted.
    salt = models.BinaryField(max_length=32)
    scope_as_of = models.DateTimeField()
    calls_expected = models.PositiveIntegerField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    after_scope = models.PositiveIntegerField(default=0, help_text="Contacts after the scope: listed apart.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["request", "version"]
        constraints = [models.UniqueConstraint(fields=["request", "version"], name="plan_one_a_version")]

    def __str__(self) -> str:
        return f"list {self.version} of {self.request_id}"


class Item(Row):
    """One piece of content and what is to become of it."""

    class Action(models.TextChoices):
        DELETE_INTERACTION = "delete_interaction", "Delete with its whole interaction"
        DELETE_CONTENT = "delete_content", "Delete this file alone"
        KEEP = "keep", "Keep"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="items")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    content_class = models.CharField(max_length=40)
    external_id = models.CharField(max_length=64)
    content_key = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    length = models.BigIntegerField(null=True)
    direction = models.CharField(max_length=8)
    line = models.CharField(max_length=80, blank=True)
    agents = models.JSONField(default=list)
    action = models.CharField(max_length=18, choices=Action)
    #: Why it is kept, or how it is tied to the person: a code of ``Candidate.Link``.
    ground = models.CharField(max_length=20)
    shared = models.BooleanField(default=False)
    keep_until = models.DateField(
        null=True, blank=True, help_text="Kept until this day; the person is not forgotten before."
    )
    #: SHA-256 over the plan's salt and the matched identifier's blind index.
    commitment = models.CharField(max_length=64)

    class Meta:
        ordering = ["occurred_at", "external_id", "content_key"]
        indexes = [models.Index(fields=["system", "external_id"], name="item_by_interaction")]
        constraints = [
            models.UniqueConstraint(fields=["plan", "system", "external_id", "content_key"], name="item_once_a_plan"),
        ]

    def __str__(self) -> str:
        return f"{self.content_class} of {self.external_id}"


class Coverage(models.Model):
    """How much of one class of one system has which disposition; also when nothing is held."""

    class Disposition(models.TextChoices):
        DELETE = "delete", "To be deleted"
        KEEP = "keep", "Kept"
        NOTHING_HELD = "nothing_held", "Nothing held"
        OUT_OF_REACH = "out_of_reach", "Out of reach of this connection"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="coverage")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    content_class = models.CharField(max_length=40)
    disposition = models.CharField(max_length=12, choices=Disposition)
    ground = models.CharField(max_length=120, blank=True)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "coverage"
        ordering = ["system", "content_class"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "system", "content_class", "disposition"], name="coverage_once"),
        ]

    def __str__(self) -> str:
        return f"{self.content_class}: {self.disposition}"
