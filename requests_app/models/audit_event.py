"""The ledger's rows: leaves, their gap-free numbers, and the queue between the two. Written by ``audit`` alone."""

from django.db import models

from requests_app.models.base import Row
from requests_app.models.subject import DataSubject


class LedgerLeaf(Row):
    """One entry: canonical JSON and its RFC 6962 leaf hash. Append-only."""

    leaf = models.BinaryField()
    hash = models.BinaryField(max_length=32)
    type = models.CharField(max_length=40)
    #: Copies of what the leaf says, so that auditors can filter; ``verify_audit`` compares them with the leaf.
    at = models.DateTimeField()
    actor = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40)

    class Meta:
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        ordering = ["-id"]
        # Auditors leaf through a filtered ledger from one entry to the next, newest first, however long it is. Days are
        # found by ids; roles are in the leaf alone, so PostgreSQL has two more by expression (migration 0003). It knows
        # which types come with which role and actor (migration 0005).
        indexes = [
            models.Index(fields=["type", "id"], name="leaf_by_type"),
            models.Index(fields=["actor", "id"], name="leaf_by_actor"),
            models.Index(fields=["object_id", "id"], name="leaf_by_object"),
            models.Index(fields=["type", "actor", "id"], name="leaf_by_type_and_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class LedgerPayload(models.Model):
    """What an entry commits to, and the salt, under the data subject's key. Forgetting destroys row and key."""

    leaf = models.OneToOneField(LedgerLeaf, primary_key=True, on_delete=models.PROTECT, related_name="payload")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="payloads")
    payload_enc = models.BinaryField()

    def __str__(self) -> str:
        return f"payload of {self.leaf_id}"


class LedgerIndex(models.Model):
    """The number of a leaf, gap-free from 0, given by the sequencer. Append-only."""

    seq = models.BigIntegerField(primary_key=True)
    leaf = models.OneToOneField(LedgerLeaf, on_delete=models.PROTECT, related_name="index")

    class Meta:
        verbose_name_plural = "ledger indices"

    def __str__(self) -> str:
        return str(self.seq)


class LedgerQueue(models.Model):
    """A hint that a leaf waits for its number. Losing a row costs time only: the sequencer repairs it."""

    leaf = models.OneToOneField(LedgerLeaf, primary_key=True, on_delete=models.DO_NOTHING, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)


class SequencerLease(models.Model):
    """The one row that a sequencer must hold while it gives numbers, grows the tree or signs."""

    name = models.CharField(max_length=20, primary_key=True)
    taken_at = models.DateTimeField(auto_now=True)
    #: Why the ledger cannot be published: a code of ``publisher.FAULTS``. While it is set nothing is deleted.
    fault = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return self.name
