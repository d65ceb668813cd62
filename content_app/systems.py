"""Connected systems: from the environment to a row, from a row to a connector, and who may delete when.

In:  a ``System`` row, the environment, a person.
Out: a connector behind its gate (``limits``).
Never here: a secret in a row. Shadow mode is passed to the connector itself, which refuses every delete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from content_app import limits
from content_app.connectors import registry
from content_app.connectors.base import Account, ConnectorError, ContentConnector
from content_app.models import Candidate, Item, System
from requests_app import audit, gates
from requests_app.errors import Refused
from requests_app.states import OPEN

#: Refusals after which this worker must not go on, at whatever system.
ENDS_THE_RUN = frozenset({"lost_lease", "run_over"})
#: Why an emergency stop is set, and why it is lifted.
STOP_REASONS = (
    ("precaution", "As a precaution, until somebody has looked"),
    ("wrong_content", "Something is deleted that should not be"),
    ("misuse", "An account of ours may be misused"),
    ("system_trouble", "The connected system is in trouble or is being changed"),
    ("drill", "A drill"),
)
LIFT_REASONS = (
    ("cause_removed", "The cause was found and removed"),
    ("false_alarm", "Looked into it; nothing was wrong"),
    ("system_is_back", "The connected system works as it should again"),
    ("drill_over", "The drill is over"),
)


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


def basis(system: System) -> str:
    """What the windows and spellings of a search depend on and an administrator may change in the middle of it."""
    return f"{system.history_days} {system.region}"


@contextmanager
def connected(system: System) -> Iterator[ContentConnector]:
    """A connector behind the system's gate, closed afterwards."""
    gate = limits.Gate(system.pk)
    connector = registry.connect(system.kind, account_of(system), gate)
    try:
        yield connector
    finally:
        connector.close()
        gate.close()


def each(system_ids: Iterable[UUID], act: Callable[[System], object]) -> None:
    """Do something at every system. One that does not answer holds no other up; its error is raised at the end."""
    failed: ConnectorError | Refused | None = None
    for system in System.objects.filter(pk__in=list(system_ids)).order_by("name"):
        try:
            act(system)
        except ConnectorError as error:
            error.at = system.pk
            failed = failed or error
        except Refused as refused:
            if refused.code in ENDS_THE_RUN:
                raise
            failed = failed or refused
    if failed is not None:
        raise failed


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


def stop(system_id: UUID, *, actor: User, reason: str = "precaution") -> None:
    """Emergency stop: effective before the next call. Whoever is in a hurry need not say why."""
    gates.require(actor, "content_app.stop_system")
    gates.require_reason(reason, STOP_REASONS)
    _set_stop(system_id, actor=actor, stopped=True, entry="system.stopped", reason=reason)


def resume(system_id: UUID, *, actor: User, reason: str) -> None:
    """Lift the emergency stop, and say why it is safe now."""
    gates.require(actor, "content_app.stop_system")
    gates.require_reason(reason, LIFT_REASONS)
    _set_stop(system_id, actor=actor, stopped=False, entry="system.resumed", reason=reason)


def _set_stop(system_id: UUID, *, actor: User, stopped: bool, entry: str, reason: str) -> None:
    with transaction.atomic(durable=True):
        System.objects.filter(pk=system_id).update(stopped=stopped)
        audit.append(entry, actor=actor, about=system_id, system=system_id, reason=reason)


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
