"""Every act that writes to the ledger, as far as the moment before it.

In:  a stage.
Out: ``ACTS``: name → what the act writes, which moves it makes, and a function that stages it and returns the act.
Never here: a test. A type of entry or a move without an act makes ``test_fail_closed.py`` red: add the act here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone
from PIL import Image

from content_app import bundle, discovery, planning, reporting
from content_app.models import Errand, System
from requests_app import approval, csv_import, publisher, retention, sampling, validation
from requests_app.errors import Refused
from requests_app.models import Evidence, Request, StaffAccount
from tests import story
from tests.chaos.stage import Stage

Doing = Callable[[], Any]
GOOD = "correct horse battery staple"
CSV = b"right,received_at,channel,jurisdiction,name,phone\nerasure,2026-01-05,phone,UK,Ines Example,07700 900199\n"


@dataclass(frozen=True, slots=True)
class Act:
    """``entries`` are the types it writes, in order, each once a transaction. ``whole`` acts are one transaction;
    the others are runs of the worker, which commit an intent, act, and commit a receipt."""

    name: str
    entries: tuple[str, ...]
    stage: Callable[[Stage], Doing]
    moves: frozenset[tuple[str, str]]
    whole: bool

    def __str__(self) -> str:
        return self.name


ACTS: dict[str, Act] = {}


def act(*entries: str, moves: Iterable[tuple[str, str]] = (), whole: bool = True, name: str = "") -> Any:
    """Register an act under its function's name, or another."""

    def register(stage: Callable[[Stage], Doing]) -> Callable[[Stage], Doing]:
        called = name or stage.__name__.strip("_")
        written = (*entries, "request.moved") if moves else entries
        ACTS[called] = Act(called, written, stage, frozenset(moves), whole)
        return stage

    return register


def picture() -> bytes:
    """A document that the checks let through."""
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(buffer, "PNG")
    return buffer.getvalue()


# --- taking ----------------------------------------------------------------------------------------------------------


@act("identifier.added", "request.received", "approval.barred")
def take_request(stage: Stage) -> Doing:
    return partial(story.received, stage.person("staff"))


@act("identifier.added", "request.received", "approval.barred", "request.linked")
def take_a_duplicate(stage: Stage) -> Doing:
    story.received(stage.person("staff"), name="Somebody Else")
    return partial(story.received, stage.person("staff"))


@act("identifier.added", "request.imported")
def import_a_file(stage: Stage) -> Doing:
    return partial(csv_import.import_file, CSV, dry_run=False)


# --- finding out who asks --------------------------------------------------------------------------------------------


@act("finding.recorded")
def record_finding(stage: Stage) -> Doing:
    return partial(stage.check, stage.request("received"))


def _document(stage: Stage, request: Request, kind: str) -> Doing:
    who = stage.person("staff", 2)
    return partial(validation.add_evidence, request.pk, actor=who, kind=kind, name="a.png", data=picture())


@act("evidence.added")
def add_evidence(stage: Stage) -> Doing:
    return _document(stage, stage.request("received"), "message")


@act("evidence.destroyed", "approval.barred", moves=[("received", "validated")])
def validate(stage: Stage) -> Doing:
    request = stage.request("received")
    stage.check(request)
    _document(stage, request, "identity")()
    return partial(stage.validate, request)


@act("evidence.destroyed")
def sweep_old_evidence(stage: Stage) -> Doing:
    _document(stage, stage.request("received"), "message")()
    Evidence.objects.update(added_at=timezone.now() - timedelta(days=31))
    return retention.sweep


def _end(stage: Stage, *, seen: str, room: Callable[..., Any], reason: str, who: str) -> Doing:
    return partial(room, stage.request(seen).pk, actor=stage.person(who, 2), reason=reason)


_ENDS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "withdrawn": (validation.withdraw, "person_withdrew", "staff"),
    "not_identified": (validation.not_identified, "no_answer", "staff"),
    "refused": (approval.refuse, "no_ground", "privacy manager"),
}
for _to, (_room, _reason, _who) in _ENDS.items():
    for _seen in ("received", "validated", "planned"):
        act(moves=[(_seen, _to)], name=f"end_{_seen}_as_{_to}")(
            partial(_end, seen=_seen, room=_room, reason=_reason, who=_who)
        )


# --- the list --------------------------------------------------------------------------------------------------------


@act("search.finished", whole=False)
def search(stage: Stage) -> Doing:
    return partial(stage.advance, stage.request("validated"))


@act("leftovers.counted", whole=False)
def count_leftovers(stage: Stage) -> Doing:
    request = stage.request("validated")
    stage.advance(request)
    System.objects.update(reads_statistics=True)
    return partial(stage.advance, request)


def _searched(stage: Stage) -> Request:
    request = stage.request("validated")
    stage.advance(request)
    return request


@act("candidate.chosen")
def choose(stage: Stage) -> Doing:
    request = _searched(stage)
    ids = list(request.candidates.values_list("pk", flat=True))
    who = stage.person("staff")
    return partial(planning.choose, request.pk, actor=who, candidate_ids=ids, link="other_person")


@act("candidate.chosen")
def doubt_what_somebody_else_has_come_with_since(stage: Stage) -> Doing:
    request = _searched(stage)
    story.received(stage.person("staff"), name="Somebody Else")
    return partial(discovery.doubt_newly_shared, request.pk)


@act("candidate.chosen", "search.finished", whole=False)
def find_what_is_on_somebody_elses_list(stage: Stage) -> Doing:
    _searched(stage)
    other = story.validated(stage.person("staff"), stage.person("staff", 2), name="Somebody Else")
    return partial(stage.advance, other)


@act("approval.barred", "plan.frozen", moves=[("validated", "planned")])
def freeze(stage: Stage) -> Doing:
    request = _searched(stage)
    StaffAccount.objects.create(user=stage.person("agent"), system_id=stage.system.pk, external_id="1342")
    return partial(stage.freeze, request)


@act("plan.frozen", moves=[("executed", "planned")])
def freeze_what_came_back(stage: Stage) -> Doing:
    stage.centre.stubborn.add("b")
    request = stage.request("executed")
    stage.advance(request)
    return partial(stage.freeze, request)


@act("plan.frozen", moves=[("verified", "planned")])
def freeze_what_turned_up(stage: Stage) -> Doing:
    request = stage.request("executed")
    stage.hold({"a": ("transcript",)})
    stage.advance(request)
    return partial(stage.freeze, request)


def _closed_and_again(stage: Stage) -> Request:
    request = stage.request("closed")
    stage.hold({"a": ("transcript",)})
    Errand.objects.update(again_at=timezone.now() - timedelta(hours=1))
    return request


@act("plan.frozen", moves=[("closed", "planned")])
def freeze_what_turned_up_after_the_reply(stage: Stage) -> Doing:
    request = _closed_and_again(stage)
    stage.advance(request)
    return partial(stage.freeze, request)


# --- the decision ----------------------------------------------------------------------------------------------------


@act("approval.given", moves=[("planned", "approved")])
def approve(stage: Stage) -> Doing:
    return partial(stage.approve, stage.request("planned"))


@act("attempt.refused")
def try_to_approve_what_one_may_not(stage: Stage) -> Doing:
    request, who = stage.request("planned"), stage.person("staff")
    plan = stage.plan(request)

    def attempt() -> None:
        with suppress(Refused):
            story.approve(request, plan, who)

    return attempt


@act("approval.withdrawn", moves=[("approved", "validated")])
def withdraw_approval(stage: Stage) -> Doing:
    request, who = stage.request("approved"), stage.person("supervisor", 2)
    return partial(approval.withdraw_approval, request.pk, actor=who, reason="mistake", acts_begun=lambda: False)


@act(moves=[("planned", "validated")])
def send_back(stage: Stage) -> Doing:
    return partial(approval.send_back, stage.request("planned").pk, actor=stage.person("supervisor", 2),
                   reason="wrong_items")  # fmt: skip


@act(moves=[("planned", "verified")])
def pass_over_a_list_that_deletes_nothing(stage: Stage) -> Doing:
    return partial(stage.advance, stage.request("planned", {}))


# --- the deletion ----------------------------------------------------------------------------------------------------


@act("deletion.intended", "deletion.receipt", "deletion.verified", moves=[("approved", "executed")], whole=False)
def delete(stage: Stage) -> Doing:
    return partial(stage.advance, stage.request("approved"))


@act("deletion.intended", "deletion.receipt", "deletion.verified", moves=[("approved", "executed")], whole=False)
def delete_file_by_file(stage: Stage) -> Doing:
    request = _searched_with(stage, {"a": ("voicemail", "transcript"), "b": ("voicemail",)})
    spare = request.candidates.filter(content_class="transcript").values_list("pk", flat=True)
    planning.choose(request.pk, actor=stage.person("staff"), candidate_ids=spare, link="other_person")
    stage.freeze(request)
    stage.approve(request)
    return partial(stage.advance, request)


def _searched_with(stage: Stage, held: dict[str, tuple[str, ...]]) -> Request:
    request = stage.request("validated", held)
    stage.advance(request)
    return request


@act("deletion.intended", "deletion.receipt", moves=[("approved", "executed")], whole=False)
def find_everything_gone(stage: Stage) -> Doing:
    request = stage.request("approved")
    stage.centre.held.clear()
    return partial(stage.advance, request)


@act("content.discovered", "deletion.intended", "deletion.receipt", "deletion.verified",
     moves=[("approved", "executed")], whole=False)  # fmt: skip
def delete_beside_new_content(stage: Stage) -> Doing:
    request = stage.request("approved")
    stage.centre.held["a"]["transcript"] = "transcript"
    return partial(stage.advance, request)


@act("deletion.verified", moves=[("executed", "verified")], whole=False)
def read_back(stage: Stage) -> Doing:
    return partial(stage.advance, stage.request("executed"))


@act("content.discovered", "deletion.verified", whole=False)
def read_back_again_later(stage: Stage) -> Doing:
    return partial(stage.advance, _closed_and_again(stage))


# --- the answer ------------------------------------------------------------------------------------------------------


@act("report.exported")
def export_report(stage: Stage) -> Doing:
    request = stage.request("verified")
    publisher.publish()  # an export does so by itself, with what was written before
    return partial(reporting.export, request.pk, actor=stage.person("staff", 2), fmt="csv")


@act("reply.recorded", moves=[("verified", "closed")])
def reply(stage: Stage) -> Doing:
    return partial(stage.reply, stage.request("verified"))


# --- samples ---------------------------------------------------------------------------------------------------------


def _drawing(stage: Stage) -> Doing:
    """From one request that has ended."""
    staff, today = stage.person("staff", 2), timezone.localdate()
    validation.withdraw(stage.request("received").pk, actor=staff, reason="person_withdrew")
    publisher.publish()
    return partial(sampling.draw, actor=stage.person("auditor"), first=today - timedelta(days=1), last=today, size=1)


@act("sample.drawn")
def draw_a_sample(stage: Stage) -> Doing:
    return _drawing(stage)


@act("report.exported", "sample.exported")
def export_a_sample(stage: Stage) -> Doing:
    sample = _drawing(stage)()
    publisher.publish()
    return partial(bundle.pack, sample.pk, actor=stage.person("auditor"))
