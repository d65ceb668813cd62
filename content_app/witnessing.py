"""Publishes the ledger, has it witnessed, and lets nothing irreversible happen before.

In:  the case file's publisher, a witness where one is configured.
Out: checkpoints that are on the disk and, with a witness, cosigned.
Never here: a deletion, or a transaction that is open while the witness is asked.
"""

from __future__ import annotations

import logging
import time

from django.conf import settings

from content_app.connectors import witness
from content_app.connectors.base import ConnectorError
from requests_app import publisher, signed_note
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerLeaf

logger = logging.getLogger(__name__)
_POLL = 0.2


def publish() -> None:
    """Publish what is committed, and ask the witness. Raises ``Refused`` as the publisher does."""
    checkpoint = publisher.publish()
    if checkpoint and settings.PORTAL_WITNESS_URL:
        _ask(checkpoint)


def _ask(checkpoint: Checkpoint) -> None:
    """A witness that does not answer, or refuses, is an alert; the ledger goes on without it."""
    key = signed_note.VerifierKey.parse(settings.PORTAL_WITNESS_VKEY)
    if checkpoint.cosignatures.filter(witness=key.name).exists():
        return
    seen = checkpoint.log.checkpoints.filter(cosignatures__witness=key.name).order_by("-size").first()
    try:
        lines = _cosigned(checkpoint, old=seen.size if seen else 0)
        publisher.add_cosignature(checkpoint, lines, witness=key)
    except ConnectorError as error:
        logger.error("the witness did not sign checkpoint %s: %s", checkpoint.size, error.code)
    except signed_note.BadNote as bad:
        logger.error("the witness's signature under checkpoint %s does not hold: %s", checkpoint.size, bad)


def _cosigned(checkpoint: Checkpoint, *, old: int) -> str:
    """Signature lines. A witness that saw another size last says so, and is asked once more from there."""
    log, url = checkpoint.log, settings.PORTAL_WITNESS_URL
    proof = publisher.consistency(log, old, checkpoint.size)
    answer = witness.cosign(url, old=old, proof=proof, note=checkpoint.note)
    if not answer.lines and 0 <= answer.size <= checkpoint.size:
        proof = publisher.consistency(log, answer.size, checkpoint.size)
        answer = witness.cosign(url, old=answer.size, proof=proof, note=checkpoint.note)
    return answer.lines


def require_published(leaf: LedgerLeaf) -> None:
    """Return once a published checkpoint covers this entry. ``Refused`` when it takes too long, or the past is broken.

    A worker that can read the key publishes by itself; one that cannot waits for the loop.
    """
    publisher.require_sound()
    if not settings.PORTAL_HIGH_ASSURANCE:
        return
    until = time.monotonic() + settings.PORTAL_PUBLISH_PATIENCE
    while not publisher.is_published(leaf.pk):
        try:
            publish()
        except Refused as refused:
            if refused.code != "no_ledger_key":
                raise
        if publisher.is_published(leaf.pk):
            return
        if time.monotonic() > until:
            raise Refused("not_published", "The ledger is not published. Nothing is deleted until it is.")
        time.sleep(_POLL)
