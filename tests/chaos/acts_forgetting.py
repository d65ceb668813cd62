"""The acts that write down how a person is remembered, and forgotten. ``conftest.py`` adds them to ``ACTS``.

In:  a stage.
Out: the acts, registered.
Never here: a test.
"""

from __future__ import annotations

from functools import partial
from unittest import mock

from django.db import transaction
from django.utils import timezone

from content_app import clearing, oblivion
from requests_app import acknowledgement, digests, disk, forgetting, forgotten_list, suppression, validation
from requests_app.models import Request, Suppression
from tests import story
from tests.chaos.acts import Doing, act
from tests.chaos.stage import Stage


def _ended(stage: Stage) -> Request:
    request = stage.request("received")
    validation.withdraw(request.pk, actor=stage.person("staff", 2), reason="person_withdrew")
    return request


# --- known from before -----------------------------------------------------------------------------------------------


@act("request.received", "approval.barred", "request.flagged")
def take_a_request_of_somebody_who_asked_before(stage: Stage) -> Doing:
    person = _ended(stage).subject_id
    with transaction.atomic():
        digests.remember(person)
    return partial(story.received, stage.person("staff"))


@act("receipt.issued")
def hand_out_a_receipt(stage: Stage) -> Doing:
    return partial(acknowledgement.issue, stage.request("received").pk, actor=stage.person("staff"))


def _suppress(stage: Stage, request: Request) -> Doing:
    channel = Suppression.Channel.values[0]
    return partial(suppression.suppress, request.pk, actor=stage.person("staff"), channel=channel)


@act("suppression.added")
def put_on_the_suppression_list(stage: Stage) -> Doing:
    return _suppress(stage, stage.request("validated"))


@act("suppression.lifted")
def take_off_the_suppression_list(stage: Stage) -> Doing:
    request = stage.request("validated")
    _suppress(stage, request)()
    return partial(suppression.lift, request.pk, actor=stage.person("staff"))


def _due(stage: Stage) -> Suppression:
    _suppress(stage, stage.request("validated"))()
    Suppression.objects.update(review_on=timezone.localdate())
    return Suppression.objects.get()


@act("suppression.reviewed")
def keep_an_entry_of_the_suppression_list(stage: Stage) -> Doing:
    return partial(suppression.keep, _due(stage).pk, actor=stage.person("privacy manager"), reason="still_holds")


@act("suppression.reviewed")
def end_an_entry_of_the_suppression_list(stage: Stage) -> Doing:
    return partial(suppression.end, _due(stage).pk, actor=stage.person("privacy manager"), reason="no_contact")


# --- forgotten -------------------------------------------------------------------------------------------------------


@act("subject.key_destroyed")
def destroy_the_keys_of_a_person(stage: Stage) -> Doing:
    person = _ended(stage).subject_id
    forgetting.begin_again(person)
    return partial(forgetting.destroy_keys, person)


@act("list.cleared", whole=False)
def clear_the_lists_of_a_person(stage: Stage) -> Doing:
    person = stage.request("closed").subject_id
    forgetting.begin_again(person)
    forgetting.destroy_keys(person)
    return partial(clearing.clear, person, chunks=10)


@act("subject.forgotten")
def clear_what_is_left_of_a_person(stage: Stage) -> Doing:
    person = _ended(stage).subject_id
    forgetting.begin_again(person)
    forgetting.destroy_keys(person)
    return partial(forgetting.clear_rows, person)


@act("subject.key_destroyed", "subject.forgotten", "erasures.replayed", whole=False)
def forget_again_whom_a_restore_brought_back(stage: Stage) -> Doing:
    forgotten_list.note(_ended(stage).subject_id)

    def replay() -> None:
        # SQLite's own log is cut off outside of any transaction, and a test is inside of one.
        with mock.patch.object(disk, "truncate_log"):
            oblivion.replay()

    return replay
