"""The people of a portal that is being killed: they open requests, freeze and approve lists, start again what died.

In:  contact centres with their people, the portal's rooms.
Out: requests that are on their way, a few at a time, until enough has been asked for and everything is verified.
Never here: work of the machine. Whatever a person does here goes through its room, and is done again when the database
was away meanwhile: each act is found by the state that the request is in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from content_app import discovery, pipeline, planning, systems
from content_app.models import Candidate, Errand, Item, Plan
from requests_app import validation
from requests_app.errors import Refused
from requests_app.models import Approval, Request
from requests_app.states import State
from tests import factories, story
from tests.factories import SystemFactory
from tests.flow.conftest import identifiers_of
from tests.sandbox import Sandbox

logger = logging.getLogger(__name__)
DONE = (State.VERIFIED, State.CLOSED)


class Caseworkers:
    """One person for each role, and whom they have dealt with."""

    def __init__(self, vendors: list[Sandbox], *, wanted: int, at_once: int, width: int = 1, days: int = 7) -> None:
        self.staff = factories.person("sam.staff", "staff")
        self.validator = factories.person("vera.validator", "staff")
        self.supervisor = factories.person("sue.supervisor", "supervisor")
        self.administrator = factories.person("adam.administrator", "administrator")
        self.wanted, self.at_once, self.restarts = wanted, at_once, 0
        self.systems = {self._connect(n, vendor, width, days): vendor for n, vendor in enumerate(vendors)}
        self._people = _people(vendors)
        self._has_more = True
        #: Go on whatever has been asked for.
        self.at_it = False

    def _connect(self, number: int, vendor: Sandbox, width: int, days: int) -> UUID:
        system = SystemFactory.create(
            gateway_url=vendor.url, auth_url=vendor.url, credential=f"CHAOS{number}", history_days=days,
            delete_parallel=width, name=f"Contact centre {number}",
        )  # fmt: skip
        systems.propose_deletion(system.pk, actor=self.administrator)
        systems.confirm_deletion(system.pk, actor=self.supervisor)
        return system.pk

    # --- a day's work ------------------------------------------------------------------------------------------------

    def round(self) -> None:
        """Whatever there is to do for a person right now. The database may go away at any moment."""
        try:
            for request in Request.objects.exclude(state__in=DONE):
                self._act(request)
            if self.is_more_wanted() and Request.objects.exclude(state__in=DONE).count() < self.at_once:
                self._take_next()
        except DatabaseError:
            connection.close()

    def stop(self) -> None:
        """Nobody asks for anything any more."""
        self._has_more = False

    def is_more_wanted(self) -> bool:
        return self._has_more and (self.at_it or self.approved_items() < self.wanted)

    def approved_items(self) -> int:
        approved = Approval.objects.filter(withdrawal__isnull=True).values("plan_id")
        return Item.objects.exclude(action=Item.Action.KEEP).filter(plan__in=approved).count()

    def is_over(self) -> bool:
        try:
            return not self.is_more_wanted() and not Request.objects.exclude(state__in=DONE).exists()
        except DatabaseError:
            connection.close()
            return False

    def _act(self, request: Request) -> None:
        try:
            if request.state == State.RECEIVED:
                self._validate(request)
            elif request.state == State.VALIDATED and discovery.is_finished(request):
                self._include_whatever_was_found(request)
                planning.freeze(request.pk, actor=self.staff)
            elif request.state == State.PLANNED:
                self._approve(request)
            elif Errand.objects.filter(request=request, attention__in=pipeline.PARKED).exists():
                pipeline.restart(request.pk, actor=self.supervisor, reason="looked_into")
                self.restarts += 1
        except Refused as refused:
            logger.info("refused: %s", refused.code)

    def _validate(self, request: Request) -> None:
        if not request.findings.exists():
            validation.record_finding(
                request.pk, actor=self.validator, method="callback", level="IAL-2", result="passed"
            )
        validation.validate(request.pk, actor=self.validator)

    def _include_whatever_was_found(self, request: Request) -> None:
        if ids := list(request.candidates.filter(included__isnull=True).values_list("pk", flat=True)):
            planning.choose(request.pk, actor=self.staff, candidate_ids=ids, link=Candidate.Link.SHARED_THEIRS)

    def _approve(self, request: Request) -> None:
        plan = Plan.objects.get(request=request, digest=request.plan_digest)
        if plan.items.exclude(action=Item.Action.KEEP).exists():
            story.approve(request, plan, self.supervisor)

    def _take_next(self) -> None:
        if (subject := next(self._people, None)) is None:
            self._has_more = False
            return
        story.received(self.staff, name=subject["name"], identifiers=identifiers_of(subject))


def trouble() -> list[tuple[Any, ...]]:
    """What has not come to its end: state and attention of each request."""
    rows = Request.objects.exclude(state__in=DONE)
    return list(rows.values_list("reference", "state", "errand__attention", "errand__starts", "errand__failures"))


def _people(vendors: list[Sandbox]) -> Iterator[dict[str, Any]]:
    """Everybody once, taking turns among the vendors, and nobody who shares an address with somebody before."""
    told = [vendor.ask("/subjects")["subjects"] for vendor in vendors]
    taken: set[str] = set()
    for together in zip(*told, strict=True):
        for subject in together:
            spellings = {spelling for one in subject["identifiers"] for spelling in one["formats"]}
            if not spellings & taken:
                taken |= spellings
                yield subject
