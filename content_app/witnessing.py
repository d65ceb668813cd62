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
from content_app.models import Plan, ReceiptItem
from requests_app import publisher, signed_note
from requests_app.errors import Refused
from requests_app.models import Checkpoint, LedgerLeaf, LedgerLog

logger = logging.getLogger(__name__)
_POLL = 0.2
#: Seconds in which a witness that did not sign is left alone, so that it holds up neither the loop nor a worker.
PAUSE = 5.0
_rests_until: dict[str, float] = {}


def publish() -> None:
    """Publish what is committed, and ask the witness.

    Raises ``Refused`` as the publisher does, and where the disk takes nothing.
    """
    try:
        newest = publisher.publish()
    except OSError as fault:
        raise Refused("not_published", f"The published ledger cannot be written ({type(fault).__name__}).") from fault
    if newest and settings.PORTAL_WITNESS_URL and time.monotonic() >= _rests_until.get(_witness(), 0):
        for checkpoint in _newest():
            _ask(checkpoint)


def _witness() -> str:
    return str(settings.PORTAL_WITNESS_URL)


def _newest() -> list[Checkpoint]:
    """The last checkpoint of this year's log, after that of the year before: it may have ended before it was signed."""
    newest = [log.checkpoints.order_by("-size").first() for log in LedgerLog.objects.order_by("-first_seq")[:2]]
    return [checkpoint for checkpoint in reversed(newest) if checkpoint]


def _ask(checkpoint: Checkpoint) -> None:
    """A witness that does not answer, or refuses, is an alert; the ledger goes on without it."""
    key = signed_note.VerifierKey.parse(settings.PORTAL_WITNESS_VKEY)
    if checkpoint.cosignatures.filter(witness=key.name).exists():
        return
    seen = checkpoint.log.checkpoints.filter(cosignatures__witness=key.name).order_by("-size").first()
    try:
        answer = _answer(checkpoint, old=seen.size if seen else 0)
        if answer.lines:
            publisher.add_cosignature(checkpoint, answer.lines, witness=key)
            return
        if checkpoint.log.checkpoints.filter(size__gte=answer.size).exclude(pk=checkpoint.pk).exists():
            return  # another process was faster, with a newer one
        logger.error("the witness has seen %s entries of what is %s now", answer.size, checkpoint)
    except ConnectorError as error:
        logger.error("the witness did not sign %s: %s", checkpoint, error.code)
    except signed_note.BadNote as bad:
        logger.error("the witness's signature under %s does not hold: %s", checkpoint, bad)
    _rests_until[_witness()] = time.monotonic() + PAUSE


def _answer(checkpoint: Checkpoint, *, old: int) -> witness.Answer:
    """What it says. A witness that saw another size last says so, and is asked once more from there."""
    answer = _say(checkpoint, old=old)
    if not answer.lines and 0 <= answer.size <= checkpoint.size:
        answer = _say(checkpoint, old=answer.size)
    return answer


def _say(checkpoint: Checkpoint, *, old: int) -> witness.Answer:
    proof = publisher.consistency(checkpoint.log, old, checkpoint.size)
    return witness.cosign(_witness(), old=old, proof=proof, note=checkpoint.note)


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


def require_caught_up(plan: Plan) -> None:
    """What stopped for want of a published ledger writes nothing more into it before that is mended."""
    stopped = ReceiptItem.objects.filter(item__plan=plan, code="not_published").order_by("-id")
    if (last := stopped.select_related("receipt__leaf").first()) is not None:
        require_published(last.receipt.leaf)
