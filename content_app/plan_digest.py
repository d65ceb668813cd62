"""The digest of a list: SHA-256 over a header and the items' canonical lines, sorted. It streams.

In:  a plan and its items, as the database holds them.
Out: 64 hexadecimal digits that approval names and execution compares.
Never here: a cached answer. ``docs/plan-format.md`` describes the lines, so that anyone can recompute them.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import rfc8785
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Collate

from content_app.models import Item, Plan

FORMAT = "portal-plan-v1"
#: Items in memory at a time.
PART = 5000


class Listed(NamedTuple):
    """What the digest is over, of one item. A model of each would take five times the memory."""

    system_id: UUID
    content_class: str
    external_id: str
    content_key: str
    occurred_at: datetime
    action: str
    ground: str
    shared: bool
    commitment: str


def new_salt() -> bytes:
    """32 random bytes, one salt a plan."""
    return os.urandom(32)


def commitment(salt: bytes, blind_index: bytes) -> str:
    """Binds an item to the identifier that matched it, without telling which."""
    return hashlib.sha256(b"portal-match-v1\0" + salt + blind_index).hexdigest()


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def header(plan: Plan, *, count: int) -> bytes:
    """The first line: what this list is, and how many items follow."""
    return rfc8785.dumps(
        {
            "format": FORMAT,
            "plan": str(plan.pk),
            "request": str(plan.request_id),
            "version": plan.version,
            "kind": plan.kind,
            "scope_as_of": _instant(plan.scope_as_of),
            "created_at": _instant(plan.created_at),
            "expires_at": _instant(plan.expires_at),
            "items": count,
        }
    )


def line(item: Item | Listed) -> bytes:
    """One item's canonical line: an object as RFC 8785 writes it, put together from words that most lines share."""
    return (
        b'{"action":%b,"class":%b,"commitment":%b,"ground":%b,"interaction":%b,"key":%b,"occurred_at":"%b","shared":%b,'
        b'"system":"%b"}'
    ) % (
        _word(item.action), _word(item.content_class), _word(item.commitment), _word(item.ground),
        rfc8785.dumps(item.external_id), _word(item.content_key), _instant(item.occurred_at).encode(),
        _word(item.shared), str(item.system_id).encode(),
    )  # fmt: skip


_word = functools.lru_cache(maxsize=4096)(rfc8785.dumps)


def digest(plan: Plan) -> str:
    """Recompute the digest from the rows, sorted by interaction and key, one line each, ``\\n`` between."""
    state = hashlib.sha256(header(plan, count=Item.objects.filter(plan=plan).count()))
    for item in _in_order(plan):
        state.update(b"\n" + line(item))
    return state.hexdigest()


def _in_order(plan: Plan) -> Iterator[Listed]:
    """A part at a time: a driver keeps all rows of a question in memory, and a list may have a hundred thousand."""
    # Sorted by bytes on every engine: a database's own collation would change the digest with the locale.
    binary = "C" if connection.vendor == "postgresql" else "BINARY"
    items = Item.objects.filter(plan=plan).alias(
        interaction=Collate("external_id", binary), key=Collate("content_key", binary)
    )
    ordered = items.order_by("system_id", "interaction", "key").values_list(*Listed._fields)
    rest = ordered
    while part := [Listed(*row) for row in rest[:PART]]:
        yield from part
        last = part[-1]
        here = Q(system_id=last.system_id)
        further = Q(interaction__gt=last.external_id) | Q(interaction=last.external_id, key__gt=last.content_key)
        rest = ordered.filter(Q(system_id__gt=last.system_id) | here & further)
