"""Fills an empty portal with invented requests, to see how it behaves when there are many.

In:  how many; an empty database of a portal that is for tests.
Out: requests in every state with their lists, acts and entries; a ledger that holds, with its checkpoints.
Never here: a portal that anybody works with. It must be empty, and say ``DEMO=1``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import batched

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from content_app.models import System
from gdpr_portal import seeding_tables
from gdpr_portal.seeding_rows import HOUR, Colleague, Inventor, World
from requests_app import audit, publisher, tlog
from requests_app.errors import Refused
from requests_app.keys import key_encryption_keys
from requests_app.models import DataSubject, KekEpoch, LedgerIndex, Request

#: Requests that are stored at once.
BATCH = 2000
#: Days over which the requests came in.
SPAN = 330
STAFF, SUPERVISORS = 20, 5


def fill(count: int, *, seed: int = 1, tell: Callable[[int], None] = lambda done: None) -> None:
    """Invent and store ``count`` requests. ``tell`` hears how many are there after each batch."""
    if Request.objects.exists() or DataSubject.objects.exists() or LedgerIndex.objects.exists():
        raise Refused("not_empty", "There are requests or ledger entries already. Seed an empty database.")
    world, edge = _world()
    inventor = Inventor(world, count=count, seed=seed, edge=edge)
    with seeding_tables.bare(inventor.tables), closing(seeding_tables.Hand()) as hand:
        for numbers in batched(range(count), BATCH):
            for number in numbers:
                inventor.tell(number)
            hand.store(inventor.tables)
            tell(numbers[-1] + 1)
        hand.finish()
    seeding_tables.take_stock()


def _world() -> tuple[World, tlog.Edge]:
    """Colleagues, a system in shadow mode, and a log with a first entry."""
    staff = [_colleague("staff", number) for number in range(STAFF)]
    supervisors = [_colleague("supervisor", number) for number in range(SUPERVISORS)]
    for role in ("auditor", "data protection officer", "administrator"):
        _colleague(role, 0)
    with transaction.atomic():
        system = System.objects.create(
            name="Scale contact centre", credential="SCALE", gateway_url="http://127.0.0.1:9",
            auth_url="http://127.0.0.1:9",
        )  # fmt: skip
        audit.append("system.changed", actor=audit.SETUP, about=system, system=system.pk, reason="connected")
        epoch, _ = KekEpoch.objects.get_or_create(id=max(key_encryption_keys()))
    newest = publisher.publish()
    assert newest is not None, "there is an entry, so there is a checkpoint"
    edge = tlog.Edge()
    for leaf in LedgerIndex.objects.order_by("seq").values_list("leaf__hash", flat=True):
        edge.add(bytes(leaf))
    now = timezone.now()
    first, last = now - timedelta(days=SPAN), now - timedelta(hours=14)
    world = World(
        system.pk.hex, staff, supervisors, epoch.pk, newest.log_id.hex, publisher.signer(newest.log),
        int(first.timestamp() * 1000), int(last.timestamp() * 1000) // HOUR * HOUR,
    )  # fmt: skip
    return world, edge


def _colleague(role: str, number: int) -> Colleague:
    """An account without a password: nobody signs in with it."""
    name = f"scale-{role.replace(' ', '-')}-{number}"
    user = User.objects.create_user(name, first_name=role.title(), last_name=f"Invented {number}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return Colleague(user.pk, audit.pseudonym_of(user), role)
