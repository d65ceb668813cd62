"""Staff in the ledger and at the vendor: a random pseudonym, and the vendor's agent ids."""

import uuid

from django.conf import settings
from django.db import models


class StaffPseudonym(models.Model):
    """What the ledger calls a member of staff. Random, so that destroying this row forgets the person."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pseudonym")
    pseudonym = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    def __str__(self) -> str:
        return str(self.pseudonym)


class StaffAccount(models.Model):
    """A vendor's agent id that belongs to a portal user; who is heard on an item cannot approve its deletion."""

    system_id = models.UUIDField(help_text="The connected system that knows this agent.")
    external_id = models.CharField(max_length=64, help_text="The agent's display id in the contact centre.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="vendor_accounts")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system_id", "external_id"], name="staffaccount_one_user"),
        ]

    def __str__(self) -> str:
        return f"agent {self.external_id}"
