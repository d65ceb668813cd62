"""Connected systems: from the environment to a row, from a row to a connector, and who may delete when.

In:  a ``System`` row, the environment, a person.
Out: a connector behind a gate that honours the emergency stop, the shared rate limit and the one-delete lease.
Never here: a secret in a row. Shadow mode is passed to the connector itself, which refuses every delete.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from content_app.connectors import registry
from content_app.connectors.base import Account, ConnectorError, ContentConnector, Purpose
from content_app.models import Bucket, Candidate, Item, Lease, System
from requests_app import audit, gates
from requests_app.errors import Refused
from requests_app.states import OPEN

#: Calls a minute that an account may see from all workers together (``vonage.md`` 9: a little below 160 and 16).
#: Refusals after which this worker must not go on, at whatever system.
ENDS_THE_RUN = frozenset({"lost_lease", "run_over"})

LIMITS: dict[Purpose, int] = {"read": 150, "delete": 14}


# --- rows ------------------------------------------------------------------------------------------------------------


def sync_first_account() -> None:
    """Make the row of the account that ``VCC_GATEWAY_URL`` names, in shadow mode, or bring its addresses up to date."""
    if not settings.VCC_GATEWAY_URL:
        return
    told = {
        "gateway_url": settings.VCC_GATEWAY_URL,
        "auth_url": settings.VCC_AUTH_URL or settings.VCC_GATEWAY_URL,
        "client_auth": settings.VCC_CLIENT_AUTH,
        "history_days": settings.VCC_HISTORY_DAYS,
        "region": settings.PORTAL_REGION,
    }
    System.objects.update_or_create(
        credential="VCC", defaults=told, create_defaults=told | {"name": "Contact centre", "kind": "vcc"}
    )


def account_of(system: System) -> Account:
    """The account as its connector needs it, its secrets fresh from the environment."""
    return Account(
        name=system.name,
        gateway_url=system.gateway_url,
        auth_url=system.auth_url,
        client_id=os.environ.get(f"{system.credential}_CLIENT_ID", ""),
        client_secret=os.environ.get(f"{system.credential}_CLIENT_SECRET", ""),
        client_auth=system.client_auth,  # type: ignore[arg-type]  # the field's choices are the literal's
        read_only=system.shadow,
        deadline=settings.PORTAL_CALL_DEADLINE,
    )


@contextmanager
def connected(system: System) -> Iterator[ContentConnector]:
    """A connector behind the system's gate, closed afterwards."""
    connector = registry.connect(system.kind, account_of(system), Gate(system.pk))
    try:
        yield connector
    finally:
        connector.close()


def each(system_ids: Iterable[UUID], act: Callable[[System], object]) -> None:
    """Do something at every system. One that does not answer holds no other up; its error is raised at the end."""
    failed: ConnectorError | Refused | None = None
    for system in System.objects.filter(pk__in=list(system_ids)).order_by("name"):
        try:
            act(system)
        except ConnectorError as error:
            failed = failed or error
        except Refused as refused:
            if refused.code in ENDS_THE_RUN:
                raise
            failed = failed or refused
    if failed is not None:
        raise failed


# --- the gate --------------------------------------------------------------------------------------------------------


def database_now() -> datetime:
    """The database's clock: the one clock that all workers share."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0]
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0])


class Gate:
    """Entered around every call of a connector: asks the stop, then the rate limit, then (for a delete) the lease."""

    def __init__(self, system_id: UUID):
        self.system_id = system_id

    @contextmanager
    def __call__(self, purpose: Purpose) -> Iterator[None]:
        self._require_open(purpose)
        if purpose == "read":
            self._take_turn(purpose)
            self._require_open(purpose)
            yield
            return
        fence = self._take_lease()
        try:
            self._take_turn(purpose)
            # Waiting for a turn can take a minute: much may have changed meanwhile.
            self._require_open(purpose)
            self._keep_lease(fence)
            yield
        finally:
            self._mine(fence).update(until=None)

    def _require_open(self, purpose: Purpose) -> None:
        if System.objects.filter(Q(stopped=True) | Q(retired=True), pk=self.system_id).exists():
            raise ConnectorError("stopped", permanent=False)
        if purpose == "delete" and System.objects.filter(pk=self.system_id, shadow=True).exists():
            raise ConnectorError("read_only", permanent=True)

    def _take_turn(self, purpose: Purpose) -> None:
        """Wait until this minute has room. The bucket is a row, so that all workers on all hosts share it."""
        if not settings.PORTAL_RATE_LIMIT:
            return
        while True:
            now = database_now()
            minute = now.replace(second=0, microsecond=0)
            Bucket.objects.get_or_create(system_id=self.system_id, purpose=purpose, defaults={"minute": minute})
            mine = Bucket.objects.filter(system_id=self.system_id, purpose=purpose)
            with transaction.atomic():
                mine.filter(minute__lt=minute).update(minute=minute, calls=0)
                bucket = mine.select_for_update().get()
                if bucket.calls < LIMITS[purpose]:
                    mine.update(calls=bucket.calls + 1)
                    return
            time.sleep(min(60 - now.second, 5))

    def _take_lease(self) -> int:
        """Become the only one who deletes at this account, or raise ``busy``. A dead holder's lease runs out."""
        Lease.objects.get_or_create(system_id=self.system_id)
        with transaction.atomic():
            lease = Lease.objects.select_for_update().get(system_id=self.system_id)
            now = database_now()
            if lease.until and lease.until > now:
                raise ConnectorError("busy", permanent=False, retry_after=1)
            free = Q(until__isnull=True) | Q(until__lte=now)
            if not self._mine(lease.fence).filter(free).update(fence=lease.fence + 1, until=self._until(now)):
                raise ConnectorError("busy", permanent=False, retry_after=1)
        return lease.fence + 1

    def _keep_lease(self, fence: int) -> None:
        """Let the lease run from now on, or raise ``busy``: it ran out and another has it."""
        if not self._mine(fence).update(until=self._until(database_now())):
            raise ConnectorError("busy", permanent=False, retry_after=1)

    def _mine(self, fence: int) -> QuerySet[Lease]:
        return Lease.objects.filter(system_id=self.system_id, fence=fence)

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=max(settings.PORTAL_LEASE_SECONDS, 2 * settings.PORTAL_CALL_DEADLINE))


# --- who may delete when ---------------------------------------------------------------------------------------------


def propose_deletion(system_id: UUID, *, actor: User) -> None:
    """The first of the two people who take a system out of shadow mode."""
    gates.require(actor, "content_app.enable_deletion")
    with transaction.atomic(durable=True):
        shadowed = System.active.filter(pk=system_id, shadow=True)
        if not shadowed.update(enable_proposed_by=actor, enable_confirmed_by=None):
            raise Refused("wrong_state", "Deletion is enabled there already, or the system is retired.")
        audit.append("system.deletion_proposed", actor=actor, about=system_id, system=system_id)


def confirm_deletion(system_id: UUID, *, actor: User) -> None:
    """The second person. The same person twice is refused, here and by the database."""
    gates.require(actor, "content_app.enable_deletion")
    with transaction.atomic(durable=True):
        system = System.objects.select_for_update().get(pk=system_id)
        if not system.shadow or system.retired:
            raise Refused("wrong_state", "Deletion is enabled there already, or the system is retired.")
        if system.enable_proposed_by_id is None:
            raise Refused("not_proposed", "Nobody has proposed this yet. Propose it; a second person then confirms.")
        if system.enable_proposed_by_id == actor.pk:
            raise Refused("same_person", "You proposed this yourself. A second person must confirm it.")
        system.shadow, system.enable_confirmed_by = False, actor
        system.save(update_fields=["shadow", "enable_confirmed_by"])
        audit.append("system.deletion_enabled", actor=actor, about=system_id, system=system_id)


def return_to_shadow(system_id: UUID, *, actor: User) -> None:
    """Stricter at once, by one person."""
    gates.require(actor, "content_app.enable_deletion")
    with transaction.atomic(durable=True):
        System.objects.filter(pk=system_id).update(shadow=True, enable_proposed_by=None, enable_confirmed_by=None)
        audit.append("system.shadowed", actor=actor, about=system_id, system=system_id)


def stop(system_id: UUID, *, actor: User) -> None:
    """Emergency stop: effective before the next call."""
    _set_stop(system_id, actor=actor, stopped=True, entry="system.stopped")


def resume(system_id: UUID, *, actor: User) -> None:
    """Lift the emergency stop."""
    _set_stop(system_id, actor=actor, stopped=False, entry="system.resumed")


def _set_stop(system_id: UUID, *, actor: User, stopped: bool, entry: str) -> None:
    gates.require(actor, "content_app.stop_system")
    with transaction.atomic(durable=True):
        System.objects.filter(pk=system_id).update(stopped=stopped)
        audit.append(entry, actor=actor, about=system_id, system=system_id)


# --- what is not asked any more --------------------------------------------------------------------------------------


def retire(system_id: UUID, *, actor: User) -> None:
    """Search this system no more, as one that was added by mistake. Its row stays, and nothing can be deleted there."""
    gates.require(actor, "content_app.change_system")
    with transaction.atomic(durable=True):
        system = System.objects.select_for_update().get(pk=system_id)
        if system.retired:
            raise Refused("wrong_state", "It is retired already.")
        if _has_work(system):
            raise Refused("in_use", "Open requests have content there. Finish them first, then retire it.")
        retired = {"retired": True, "shadow": True, "enable_proposed_by": None, "enable_confirmed_by": None}
        System.objects.filter(pk=system_id).update(**retired)
        audit.append("system.retired", actor=actor, about=system_id, system=system_id)


def _has_work(system: System) -> bool:
    """Something of an open request was found there, or is to be read back once more."""
    found = Candidate.objects.filter(system=system, request__state__in=OPEN)
    later = Item.objects.filter(system=system, plan__request__errand__again_at__isnull=False)
    return found.exists() or later.exists()


def reconnect(system_id: UUID, *, actor: User) -> None:
    """Search it again. It comes back in shadow mode."""
    gates.require(actor, "content_app.change_system")
    with transaction.atomic(durable=True):
        if not System.objects.filter(pk=system_id, retired=True).update(retired=False):
            raise Refused("wrong_state", "It is connected already.")
        audit.append("system.reconnected", actor=actor, about=system_id, system=system_id)
