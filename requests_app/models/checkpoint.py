"""The published ledger, written by ``publisher``: logs, their signed checkpoints, and what witnesses say."""

from django.db import models

from requests_app.models.base import Row


class LedgerLog(Row):
    """A year's log: an origin, a key, and the number of the ledger's first entry in it.

    Where the key was lost within the year, another one follows: ``2026``, ``2026b``.
    """

    origin = models.CharField(max_length=200, unique=True)
    vkey = models.CharField(max_length=400)
    year = models.PositiveIntegerField()
    first_seq = models.BigIntegerField(unique=True)
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["first_seq"]

    def __str__(self) -> str:
        return self.origin

    @property
    def name(self) -> str:
        """What its folder, its key file and the end of its origin are called: ``2026``, ``2026b``."""
        return self.origin.rpartition("/")[2]


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
