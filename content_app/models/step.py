"""The engine's rows: steps are bookkeeping; intents, receipts and verifications are what happened."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from content_app.models.plan import Item, Plan
from content_app.models.system import System
from requests_app.models import LedgerLeaf, Request
from requests_app.models.base import Row, stamp


class Errand(models.Model):
    """The pipeline's bookkeeping for one request: who works on it, and when to look again. Never evidence."""

    class Attention(models.TextChoices):
        """Why a person must look. A fact beside the state, never a state."""

        NONE = "", "—"
        SHADOW = "shadow", "The system is in shadow mode: two people must enable deletion there"
        STOPPED = "stopped", "The emergency stop is set"
        CREDENTIALS = "credentials", "The system refuses our credentials"
        UNREACHABLE = "unreachable", "The system does not answer properly; it is tried again"
        UNDECIDED = "undecided", "Found items wait for a decision"
        NEEDS_PERSON = "needs_person", "Some items could not be deleted"
        DIGEST = "digest", "The list does not match its approved digest; nothing is deleted"
        LEDGER = "ledger", "The ledger is not published; nothing is deleted until it is"
        SUPPLEMENT = "supplement", "New content turned up: freeze a supplementary list"
        EXPIRED = "expired", "The list has expired: send it back and freeze a fresh one"
        CRASHED = "crashed", "The work ended in an unexpected fault; it is tried again"
        PAUSED = "paused", "The system has failed several times and is left alone for a while"
        POISONED = "poisoned", "The work died each time it was begun; a person must start it again"
        BRAKED = "braked", "The brake holds the list: a second supervisor releases it, or it waits for the next day"
        STATISTICS = "statistics", "The system does not let us read its statistics"
        DEADLINE = "deadline", "It still fails and the deadline is near: a person must see to it"

    request = models.OneToOneField(Request, primary_key=True, on_delete=models.CASCADE, related_name="errand")
    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(help_text="When the pipeline looks at it again.")
    again_at = models.DateTimeField(null=True, help_text="When everything is to be read back once more.")
    seen = models.CharField(max_length=16, blank=True, help_text="The state it was last seen in: a new one is due.")
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.ForeignKey(System, null=True, on_delete=models.SET_NULL, related_name="+")
    starts = models.PositiveSmallIntegerField(default=0, help_text="Runs that began, none of which ended or got on.")
    progress = models.CharField(max_length=80, blank=True, help_text="How far it was when the last run began.")
    attention = models.CharField(max_length=12, choices=Attention, blank=True)
    node = models.CharField(max_length=100, blank=True, help_text="The cluster that began the last run.")

    class Meta:
        # Each of these is few, however many requests have ended.
        indexes = [
            models.Index(fields=["again_at"], condition=Q(again_at__isnull=False), name="errand_again"),
            models.Index(fields=["request"], condition=~Q(attention=""), name="errand_attention"),
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="errand_held"),
        ]

    def __str__(self) -> str:
        return f"errand of {self.request_id}"


class Step(Row):
    """One call to delete. Its id is the idempotency key; a retry is a new step over the unfinished items."""

    class Kind(models.TextChoices):
        BATCH = "batch", "Interactions, whole"
        CONTENT = "content", "One file"
        LOOK = "look", "Looked at, nothing sent"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="steps")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind)
    items = models.ManyToManyField(Item, through="StepItem", related_name="steps")
    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=stamp, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"step …{self.pk.hex[-6:]}"


class StepItem(models.Model):
    """An item in a step."""

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="step_items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="step_items")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "item"], name="stepitem_once")]

    def __str__(self) -> str:
        return f"{self.step_id} {self.item_id}"


class Intent(Row):
    """Written and committed before the call. An intent without a receipt is unknown: ask the system first."""

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="intents")
    fence = models.BigIntegerField()
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=stamp, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "fence"], name="intent_once_a_fence")]

    def __str__(self) -> str:
        return f"intent of {self.step_id}"


class Receipt(Row):
    """What came of an intent. ``probed`` when it was not the answer that told us but a look afterwards."""

    class Status(models.TextChoices):
        DONE = "done", "Done"
        PARTIAL = "partial", "Done in part"
        FAILED = "failed", "Failed"

    intent = models.OneToOneField(Intent, on_delete=models.PROTECT, related_name="receipt")
    status = models.CharField(max_length=7, choices=Status)
    probed = models.BooleanField(default=False)
    hash = models.CharField(max_length=64)
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=stamp, editable=False)

    class Meta:
        indexes = [models.Index(fields=["at"], name="receipt_lately")]

    def __str__(self) -> str:
        return f"receipt of {self.intent_id}"


class ReceiptItem(models.Model):
    """What came of one item. An item's state is its own latest row here."""

    class Outcome(models.TextChoices):
        DELETED = "deleted", "Deleted"
        ALREADY_GONE = "already_gone", "Already gone"
        RETRY = "retry", "To be tried again"
        NEEDS_PERSON = "needs_person", "Failed, needs a person"

    GONE = frozenset({Outcome.DELETED, Outcome.ALREADY_GONE})
    FINAL = frozenset({Outcome.DELETED, Outcome.ALREADY_GONE, Outcome.NEEDS_PERSON})

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="receipts")
    outcome = models.CharField(max_length=12, choices=Outcome)
    code = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["receipt", "item"], name="receiptitem_once")]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.outcome}"


class Verification(models.Model):
    """One item read back from the system that deleted it. Append-only; repeated later."""

    class Result(models.TextChoices):
        VERIFIED_ABSENT = "verified_absent", "Verified absent"
        REAPPEARED = "reappeared", "Reappeared"
        NOT_VERIFIABLE = "not_verifiable", "Not verifiable"

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="verifications")
    round = models.PositiveIntegerField(
        default=1, help_text="0 is the trial's read-back, 1 is at once, 2 is the later one."
    )
    result = models.CharField(max_length=15, choices=Result)
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=stamp, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "round"], name="verification_once_a_round")]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.result}"


class Mending(models.Model):
    """A supervisor's word that a system was mended after a trial deletion had failed there. Append-only."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="mendings")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=20)
    leaf = models.ForeignKey(LedgerLeaf, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=stamp, editable=False)

    def __str__(self) -> str:
        return f"{self.system_id} mended for {self.plan_id}"
