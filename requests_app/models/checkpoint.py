"""The published ledger: a log a year, its signed checkpoints, and what witnesses say. Written by ``publisher``."""

from django.db import models

from requests_app.models.base import Row


class LedgerLog(Row):
    """One year's log: an origin, a key, and the number of the ledger's first entry in it."""

    origin = models.CharField(max_length=200, unique=True)
    vkey = models.CharField(max_length=400)
    year = models.PositiveIntegerField(unique=True)
    first_seq = models.BigIntegerField(unique=True)
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["first_seq"]

    def __str__(self) -> str:
        return self.origin


class Checkpoint(Row):
    """A signed root. There is never a second one for a size. Append-only."""

    log = models.ForeignKey(LedgerLog, on_delete=models.PROTECT, related_name="checkpoints")
    #: Entries of this log, so its last one has the number ``log.first_seq + size - 1``.
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-size"]
        constraints = [models.UniqueConstraint(fields=["log", "size"], name="checkpoint_one_a_size")]

    def __str__(self) -> str:
        return f"{self.log} at {self.size}"


class Cosignature(Row):
    """A witness's signature line under a checkpoint. Append-only."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="cosignatures")
    witness = models.CharField(max_length=200)
    line = models.CharField(max_length=600)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosignature_one_a_witness")]

    def __str__(self) -> str:
        return f"{self.witness} under {self.checkpoint_id}"
