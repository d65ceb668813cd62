"""The emergency stop of all systems: at once, by any supervisor, lifted for a reason of its own."""

import json

import pytest
from django.db import DatabaseError, transaction

from content_app import limits, pipeline, safeguards, systems
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Intent, ReceiptItem, Safeguard, System
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf

pytestmark = pytest.mark.django_db


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code


def entries(kind):
    return [json.loads(bytes(leaf.leaf)) for leaf in LedgerLeaf.objects.filter(type=kind).order_by("at")]


@pytest.fixture
def approved(system, centre, rooms):
    def made(*names):
        for name in names:
            centre.hold(name, "voicemail")
        request = rooms.approved()
        centre.log.clear()
        return request

    return made


def work(request):
    Errand.objects.update(lease_until=None)
    pipeline.advance(request.pk)
    return Errand.objects.get(request=request)


@pytest.mark.parametrize("purpose", ["read", "delete", "batch"])
def test_the_stop_of_all_systems_forbids_every_call_to_every_system(connect, supervisor, purpose):
    both = [connect(name="One"), connect(name="Two")]
    safeguards.set_stop(actor=supervisor, reason="misuse")
    for system in both:
        with pytest.raises(ConnectorError) as caught, limits.Gate(system.pk)(purpose):
            raise AssertionError("the call was made")
        assert (caught.value.code, caught.value.permanent) == ("stopped", False)
    safeguards.lift_stop(actor=supervisor, reason="cause_removed")
    for system in both:
        with limits.Gate(system.pk)(purpose):
            pass


def test_it_holds_before_the_next_call_of_a_run_that_is_under_way(approved, rooms, centre, supervisor):
    request = approved("a", "b", "c")

    def stop(entry):
        if entry[0].startswith("delete") and not safeguards.is_stopped():
            safeguards.set_stop(actor=supervisor)

    centre.after = stop
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(request)
    assert caught.value.code == "stopped"
    sent = [entry for entry in centre.log if entry[0] != "close"]
    assert sent[-1][0].startswith("delete"), "nothing at all was asked afterwards"
    assert len(centre.held) == 2


def test_a_request_says_so_and_goes_on_by_itself_when_it_is_lifted(approved, centre, supervisor):
    request = approved("a", "b")
    safeguards.set_stop(actor=supervisor)
    assert work(request).attention == "stopped"
    assert [entry for entry in centre.log if entry != ("close",)] == []
    assert not Intent.objects.exists()
    safeguards.lift_stop(actor=supervisor, reason="false_alarm")
    work(request)
    request.refresh_from_db()
    assert (request.state, centre.held) == ("executed", {})
    assert not ReceiptItem.objects.filter(code="stopped").exists()


def test_the_stop_is_said_before_shadow_mode(approved, centre, system, supervisor):
    request = approved("a")
    systems.return_to_shadow(system.pk, actor=supervisor)
    safeguards.set_stop(actor=supervisor)
    assert work(request).attention == "stopped"


def test_a_system_that_was_stopped_alone_stays_stopped(system, supervisor):
    systems.stop(system.pk, actor=supervisor, reason="system_trouble")
    safeguards.set_stop(actor=supervisor)
    safeguards.lift_stop(actor=supervisor, reason="false_alarm")
    assert limits.standing(system.pk).stopped
    systems.resume(system.pk, actor=supervisor, reason="system_is_back")
    assert not limits.standing(system.pk).stopped


@pytest.mark.parametrize("who", ["supervisor", "second_supervisor", "administrator"])
def test_any_supervisor_sets_it_without_asking_anyone(who, request, db):
    person = request.getfixturevalue(who)
    safeguards.set_stop(actor=person, reason="wrong_content")
    stop = safeguards.stop()
    assert (stop.stopped, stop.by, stop.reason) == (True, person, "wrong_content")


@pytest.mark.parametrize("who", ["agent", "staff", "auditor", "privacy_manager", "dpo", "outsider"])
def test_no_other_role_sets_or_lifts_it(who, request, supervisor):
    person = request.getfixturevalue(who)
    refused("not_permitted", safeguards.set_stop, actor=person)
    safeguards.set_stop(actor=supervisor)
    refused("not_permitted", safeguards.lift_stop, actor=person, reason="false_alarm")
    assert safeguards.is_stopped()


def test_lifting_wants_a_reason_of_its_own(system, supervisor):
    safeguards.set_stop(actor=supervisor, reason="misuse")
    systems.stop(system.pk, actor=supervisor)
    for reason in ("", "misuse", "because"):
        refused("no_reason", safeguards.lift_stop, actor=supervisor, reason=reason)
        refused("no_reason", systems.resume, system.pk, actor=supervisor, reason=reason)
    refused("no_reason", safeguards.set_stop, actor=supervisor, reason="false_alarm")
    assert safeguards.is_stopped()
    assert System.objects.get().stopped
    assert not set(dict(systems.STOP_REASONS)) & set(dict(systems.LIFT_REASONS))


def test_both_are_written_down_with_their_reason(supervisor, second_supervisor, system):
    safeguards.set_stop(actor=supervisor, reason="misuse")
    safeguards.lift_stop(actor=second_supervisor, reason="cause_removed")
    systems.stop(system.pk, actor=supervisor)
    systems.resume(system.pk, actor=supervisor, reason="drill_over")
    kinds = ("stop.set", "stop.lifted", "system.stopped", "system.resumed")
    told = [entries(kind)[0]["facts"]["reason"] for kind in kinds]
    assert told == ["misuse", "cause_removed", "precaution", "drill_over"]
    assert entries("stop.set")[0]["object"] == entries("stop.lifted")[0]["object"] == str(Safeguard.objects.get().pk)
    assert entries("stop.set")[0]["actor"] != entries("stop.lifted")[0]["actor"]


def test_whoever_comes_second_is_told(supervisor, second_supervisor):
    refused("wrong_state", safeguards.lift_stop, actor=supervisor, reason="false_alarm")
    safeguards.set_stop(actor=supervisor)
    refused("wrong_state", safeguards.set_stop, actor=second_supervisor)
    assert len(entries("stop.set")) == 1


def test_there_is_one_stop(supervisor):
    safeguards.set_stop(actor=supervisor)
    for number in (1, 2):
        with pytest.raises(DatabaseError), transaction.atomic():
            Safeguard.objects.create(single=number)
