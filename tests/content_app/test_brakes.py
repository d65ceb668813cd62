"""The brake: caps that hold, whoever works at once, and that one supervisor alone cannot go beyond."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from content_app import brakes, pipeline, planning, receipts, safeguards
from content_app.connectors.base import ConnectorError
from content_app.models import Allowance, BrakeRelease, Braking, Errand, Intent, Step
from requests_app import clock
from requests_app.errors import Refused
from requests_app.models import ApprovalBar, LedgerLeaf
from tests import story

pytestmark = pytest.mark.django_db

MAIL = ("voicemail",)


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code


def facts(kind):
    return [json.loads(bytes(leaf.leaf))["facts"] for leaf in LedgerLeaf.objects.filter(type=kind).order_by("at")]


def used():
    """approver or ``None`` → items counted today."""
    return dict(Allowance.objects.filter(day=brakes.today()).values_list("approver__username", "items"))


@pytest.fixture
def approved(system, centre, rooms):
    """``approved("a", "b", …)`` is an approved request for a voicemail of each of these interactions."""

    def made(*names, **held):
        for name in names:
            centre.hold(name, *MAIL)
        for name, classes in held.items():
            centre.hold(name, *classes)
        request = rooms.approved()
        centre.log.clear()
        return request

    return made


def deletes(centre):
    return [entry for entry in centre.log if entry[0].startswith("delete")]


def work(request):
    Errand.objects.update(lease_until=None)
    pipeline.advance(request.pk)
    return Errand.objects.get(request=request)


def release(request, actor, **told):
    plan = request.plans.get()
    seen = {"plan_id": plan.pk, "items": brakes.size(plan), "reason": "checked"} | told
    safeguards.release(request.pk, actor=actor, **seen)


# --- the cap of one list ---------------------------------------------------------------------------------------------


def test_a_list_above_its_cap_sends_nothing_until_a_second_supervisor_releases_it(
    approved, centre, settings, second_supervisor
):
    settings.PORTAL_PLAN_CAP = 2
    request = approved("a", "b", "c")
    assert work(request).attention == "braked"
    assert deletes(centre) == []
    assert not Intent.objects.exists()
    assert [(one["cap"], one["items"]) for one in facts("brake.applied")] == [("plan", 3)]
    release(request, second_supervisor)
    errand = Errand.objects.get()
    assert (errand.attention, errand.next_at <= clock.now()) == ("", True)
    work(request)
    request.refresh_from_db()
    assert request.state == "executed"
    assert centre.held.keys().isdisjoint({"a", "b", "c"})
    assert [(one["cap"], one["items"], one["reason"]) for one in facts("brake.released")] == [("plan", 3, "checked")]


def test_a_list_at_its_cap_goes_as_ever(approved, rooms, settings):
    settings.PORTAL_PLAN_CAP = 3
    assert rooms.execute(approved("a", "b", "c"))


def test_what_is_kept_does_not_count(approved, rooms, system, centre, settings, staff):
    settings.PORTAL_PLAN_CAP = 1
    centre.hold("a", *MAIL)
    centre.hold("b", *MAIL)
    request = rooms.take()
    rooms.search(request)
    ids = list(request.candidates.filter(external_id="b").values_list("pk", flat=True))
    planning.choose(request.pk, actor=staff, candidate_ids=ids, link="other_person")
    rooms.approve(request, rooms.freeze(request))
    assert rooms.execute(request)


def test_the_brake_is_written_down_once_a_day_and_not_each_time_it_holds(approved, settings, clock):
    settings.PORTAL_PLAN_CAP = 1
    request = approved("a", "b")
    for _ in range(3):
        work(request)
    assert len(facts("brake.applied")) == 1
    clock.shift(timedelta(days=1))
    work(request)
    assert len(facts("brake.applied")) == Braking.objects.count() == 2
    for change in (lambda: Braking.objects.update(cap="day"), lambda: Braking.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- who may release -------------------------------------------------------------------------------------------------


def test_whoever_approved_the_list_may_not_release_it_and_the_attempt_is_written_down(approved, settings, supervisor):
    settings.PORTAL_PLAN_CAP = 1
    request = approved("a", "b")
    refused("barred", release, request, supervisor)
    assert not BrakeRelease.objects.exists()
    assert [(one["attempt"], one["reason"]) for one in facts("attempt.refused")] == [("release", "barred")]


def test_whoever_is_barred_from_approving_may_not_release_either(approved, settings, second_supervisor):
    settings.PORTAL_PLAN_CAP = 1
    request = approved("a", "b")
    ApprovalBar.objects.create(request=request, user=second_supervisor, ground="heard")
    refused("barred", release, request, second_supervisor)


@pytest.mark.parametrize("who", ["staff", "auditor", "administrator", "outsider"])
def test_no_other_role_releases(approved, settings, who, request):
    settings.PORTAL_PLAN_CAP = 1
    case = approved("a", "b")
    refused("not_permitted", release, case, request.getfixturevalue(who))


@pytest.mark.parametrize(
    ("told", "code"),
    [({"items": 3}, "wrong_count"), ({"items": 0}, "wrong_count"), ({"reason": "x"}, "no_reason"),
     ({"plan_id": uuid4()}, "stale_digest")],
)  # fmt: skip
def test_a_release_names_this_list_its_size_and_a_reason(approved, settings, second_supervisor, told, code):
    settings.PORTAL_PLAN_CAP = 1
    request = approved("a", "b")
    refused(code, release, request, second_supervisor, **told)
    assert not BrakeRelease.objects.exists()


def test_what_the_brake_does_not_hold_is_not_released_in_advance(approved, second_supervisor):
    refused("not_braked", release, approved("a"), second_supervisor)


def test_the_database_refuses_a_release_by_whoever_approved_the_list_or_is_barred(
    approved, settings, supervisor, second_supervisor, privacy_manager
):
    settings.PORTAL_PLAN_CAP = 1
    request = approved("a", "b")
    ApprovalBar.objects.create(request=request, user=second_supervisor, ground="validated")
    told = {"plan": request.plans.get(), "cap": "plan", "reason": "checked", "items": 2}
    told["leaf"] = LedgerLeaf.objects.first()
    for person in (supervisor, second_supervisor):
        with pytest.raises(DatabaseError), transaction.atomic():
            BrakeRelease.objects.create(by=person, **told)
    made = BrakeRelease.objects.create(by=privacy_manager, **told)
    for change in (
        lambda: BrakeRelease.objects.filter(pk=made.pk)._raw_delete("default"),
        lambda: BrakeRelease.objects.update(items=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- the caps of one day ---------------------------------------------------------------------------------------------


def test_the_day_s_cap_lets_through_exactly_as_many_and_the_rest_goes_the_next_day(approved, centre, settings, clock):
    settings.PORTAL_DAY_CAP = 3
    request = approved("a", "b", "c", "d", "e")
    assert work(request).attention == "braked"
    assert (len(centre.held), used()[None]) == (2, 3)
    calls = len(deletes(centre))
    work(request)
    assert len(deletes(centre)) == calls
    assert [(one["cap"], one["items"]) for one in facts("brake.applied")] == [("day", 2)]
    clock.shift(timedelta(days=1))
    work(request)
    request.refresh_from_db()
    assert (request.state, centre.held, used()[None]) == ("executed", {}, 2)


def test_an_interaction_goes_whole_or_waits_and_files_go_one_by_one(approved, centre, settings):
    settings.PORTAL_DAY_CAP = 4
    request = approved("a", b=("callRecording", "transcript", "attachment"), c=("voicemail", "transcript"))
    work(request)
    assert used()[None] <= 4
    left = {name: len(files) for name, files in centre.held.items()}
    assert left in ({"c": 2}, {"b": 3}), "no interaction is cut"


def test_one_person_s_approvals_are_capped_and_another_s_go_on(
    approved, centre, rooms, settings, supervisor, second_supervisor
):
    settings.PORTAL_APPROVER_CAP = 2
    first = approved("a", "b", "c")
    assert work(first).attention == "braked"
    assert used() == {None: 2, supervisor.username: 2}
    second = rooms.take(name="Somebody Else", identifiers=[("phone", "+44 7700 900777")])
    centre.hold("z", *MAIL, connect_from="+447700900777")
    rooms.search(second)
    story.approve(second, rooms.freeze(second), second_supervisor)
    work(second)
    second.refresh_from_db()
    assert second.state == "executed"
    assert used() == {None: 3, supervisor.username: 2, second_supervisor.username: 1}
    assert [one["cap"] for one in facts("brake.applied")] == ["approver"]


def test_a_released_list_goes_beyond_the_day_and_still_counts(approved, centre, settings, second_supervisor):
    settings.PORTAL_DAY_CAP = settings.PORTAL_APPROVER_CAP = 2
    request = approved("a", "b", "c", "d")
    work(request)
    release(request, second_supervisor)
    assert {one["cap"] for one in facts("brake.released")} == {"day", "approver"}
    work(request)
    request.refresh_from_db()
    assert (request.state, used()[None]) == ("executed", 4)


def test_a_retry_is_free_and_what_is_only_looked_at_is_too(approved, centre, rooms, settings):
    settings.PORTAL_DAY_CAP = 2
    request = approved("a", "b")
    centre.held.pop("a")
    centre.failing["b"] = "rate_limited"
    with pytest.raises(ConnectorError):
        rooms.execute(request)
    assert used()[None] == 1, "the one that was gone already was only looked at"
    centre.failing.clear()
    assert rooms.execute(request)
    assert used()[None] == 1


def test_a_retry_goes_on_when_the_day_is_used_up(approved, centre, rooms, settings):
    settings.PORTAL_DAY_CAP = 1
    request = approved("a")
    centre.failing["a"] = "rate_limited"
    with pytest.raises(ConnectorError):
        rooms.execute(request)
    centre.failing.clear()
    assert rooms.execute(request)


def test_an_intent_that_the_brake_refuses_leaves_no_row(approved, settings):
    settings.PORTAL_DAY_CAP = 1
    request = approved("a", "b")
    plan = request.plans.get()
    refused("braked", receipts.begin, plan, kind=Step.Kind.CONTENT, items=list(plan.items.all()))
    assert not Step.objects.exists()
    assert not Intent.objects.exists()
    assert used() == {}


def test_the_day_is_that_of_the_portal_s_time_zone(clock):
    clock.move_to(datetime(2026, 7, 1, 22, 59, tzinfo=UTC))
    first = brakes.today()
    clock.shift(timedelta(minutes=2))
    assert (brakes.today() - first).days == 1, "it was a minute before midnight in London"


# --- what a list would exceed ----------------------------------------------------------------------------------------


def test_what_a_list_would_exceed_is_foreseen(approved, settings):
    settings.PORTAL_PLAN_CAP, settings.PORTAL_DAY_CAP, settings.PORTAL_APPROVER_CAP = 2, 10, 1
    plan = approved("a", "b", "c").plans.get()
    assert [(room.cap, room.most, room.left) for room in brakes.exceeded(plan)] == [("plan", 2, 2), ("approver", 1, 1)]


def test_a_list_that_is_done_exceeds_nothing(approved, rooms, settings):
    request = approved("a", "b")
    rooms.executed(request)
    settings.PORTAL_PLAN_CAP = settings.PORTAL_DAY_CAP = 1
    assert brakes.exceeded(request.plans.get()) == []


# --- two workers at once ---------------------------------------------------------------------------------------------

_TAKES = """
import sys, django
django.setup()
from django.conf import settings
settings.PORTAL_DAY_CAP = 50
from content_app import receipts
from content_app.models import Item, Plan
from requests_app.errors import Refused
from requests_app import clock
plan, first, last = Plan.objects.get(pk=sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
items, taken = list(plan.items.order_by("external_id"))[first:last], 0
sys.stdin.readline()
for at in range(0, len(items), 3):
    try:
        receipts.begin(plan, kind="content", items=items[at : at + 3])
        taken += 3
    except Refused as refused:
        assert refused.code == "braked"
        break
print(taken)
"""


@pytest.mark.django_db(transaction=True)
def test_the_cap_holds_when_several_workers_delete_at_once(system, centre, rooms, ledger_directory):
    for number in range(120):
        centre.hold(f"{number:03}", *MAIL)
    plan = rooms.approved().plans.get()
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    environment = os.environ | {
        "DATABASE_URL": url, "TESTS_LEDGER_DIR": str(ledger_directory), "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.getcwd(),
    }  # fmt: skip
    told = {"env": environment, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [
        subprocess.Popen([sys.executable, "-c", _TAKES, str(plan.pk), str(first), str(first + 30)], **told)
        for first in range(0, 120, 30)
    ]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    taken = [int(worker.communicate()[0]) for worker in workers]
    assert sum(taken) == used()[None] == 48, "as many threes as fit into fifty"
    assert Intent.objects.count() == 16
