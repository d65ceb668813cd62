"""Whatever dies, and whenever: nothing is deleted twice, nothing is forgotten, nothing outside the list is touched."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.utils import timezone

from content_app import execution, pipeline, receipts, systems, witnessing
from content_app.connectors.base import Outcome
from content_app.connectors.vcc import VccConnector
from content_app.models import Errand, Intent, Item, Lease, ReceiptItem, Step, System, Verification
from requests_app import audit, publisher
from tests.flow.conftest import approve, freeze, run
from tests.flow.test_erasure import held
from tests.guards_aside import guards_aside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


@pytest.fixture
def approved(centre, connect, take, staff, supervisor):
    """An approved request, and the sandbox's word for what is theirs."""
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][1]
    request = take(subject)
    run()
    approve(request, freeze(request, staff), supervisor)
    return request, subject


def forget_leases():
    """As if the time of every lease had passed."""
    past = timezone.now() - timedelta(hours=1)
    Step.objects.filter(lease_until__isnull=False).update(lease_until=past)
    Errand.objects.update(lease_until=None, next_at=past)
    Lease.objects.update(until=None)


def assert_finished(request, subject, centre):
    request.refresh_from_db()
    assert request.state == "verified"
    assert held(centre, subject["guids"]) == {}
    assert not Intent.objects.filter(receipt__isnull=True).exists()
    final = ReceiptItem.objects.filter(outcome__in=ReceiptItem.FINAL).values_list("item_id", flat=True)
    assert Counter(final) == Counter(Item.objects.filter(plan__request=request).values_list("id", flat=True))
    run()
    assert audit.verify().ok


def deleted_twice(centre):
    """Files that the contact centre deleted more than once: can only be a fault of the sandbox or a miracle."""
    calls = centre.ask("/log")["calls"]
    gone = Counter((one["guid"], c["contentKey"]) for call in calls for one in call["deleted"] for c in one["content"])
    return [place for place, times in gone.items() if times > 1]


@pytest.mark.parametrize("verb", ["delete_interactions", "delete_content"])
@pytest.mark.parametrize("moment", ["before the call", "after the call"])
def test_a_crash_around_the_call_is_settled_by_asking(approved, centre, monkeypatch, verb, moment):
    request, subject = approved
    if verb == "delete_content":
        monkeypatch.setattr(execution, "_may_go_whole", lambda *args: False)
    real = getattr(VccConnector, verb)

    def dies(self, *args):
        if moment == "after the call":
            real(self, *args)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(VccConnector, verb, dies)
        with pytest.raises(Crash):
            pipeline.advance(request.pk)
    assert Intent.objects.filter(receipt__isnull=True).count() == 1
    forget_leases()
    run()
    assert_finished(request, subject, centre)
    probed = ReceiptItem.objects.filter(receipt__probed=True, receipt__intent__step__fence=2)
    assert set(probed.values_list("outcome", flat=True)) == {"deleted" if moment == "after the call" else "retry"}


@pytest.mark.parametrize("verb", ["delete_interactions", "delete_content"])
@pytest.mark.parametrize("moment", ["before its intent is published", "between publication and call"])
def test_a_crash_before_the_call_is_settled_whether_its_intent_was_published_or_not(
    approved, centre, monkeypatch, verb, moment
):
    request, subject = approved
    if verb == "delete_content":
        monkeypatch.setattr(execution, "_may_go_whole", lambda *args: False)
    real = witnessing.require_published

    def dies(leaf):
        if moment == "between publication and call":
            real(leaf)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(witnessing, "require_published", dies)
        with pytest.raises(Crash):
            pipeline.advance(request.pk)
    lost = Intent.objects.get(receipt__isnull=True)
    assert publisher.is_published(lost.leaf_id) is (moment == "between publication and call")
    assert set(held(centre, subject["guids"])) == set(subject["guidsWithContent"])
    forget_leases()
    run()
    assert_finished(request, subject, centre)
    assert set(lost.receipt.items.values_list("outcome", "code")) == {("retry", "unknown")}
    assert publisher.is_published(lost.leaf_id)
    assert deleted_twice(centre) == []


@pytest.mark.parametrize("writer", ["open_step", "intend", "receive"])
def test_a_crash_at_any_pen_stroke_loses_nothing(approved, centre, monkeypatch, writer):
    request, subject = approved
    for strokes in range(3):
        real, seen = getattr(receipts, writer), []

        def dies(*args, _real=real, _seen=seen, _strokes=strokes, **kwargs):
            _seen.append(1)
            if len(_seen) > _strokes:
                raise Crash
            return _real(*args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(receipts, writer, dies)
            with contextlib.suppress(Crash):
                pipeline.advance(request.pk)
        forget_leases()
    run()
    assert_finished(request, subject, centre)
    assert deleted_twice(centre) == []


def test_while_the_lease_of_a_dead_worker_runs_nobody_touches_its_step(approved, centre, monkeypatch):
    request, subject = approved
    with monkeypatch.context() as patched:
        patched.setattr(VccConnector, "delete_interactions", lambda self, guids: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            pipeline.advance(request.pk)
    Errand.objects.update(lease_until=None, next_at=timezone.now())
    run()
    request.refresh_from_db()
    assert request.state == "approved"
    assert Intent.objects.get().fence == 1


def test_a_worker_that_comes_back_from_the_dead_writes_no_second_receipt(approved):
    request, _ = approved
    plan = execution.approved_plan(request.pk)
    item = plan.items.first()
    step = receipts.open_step(plan, kind=Step.Kind.CONTENT, items=[item])
    zombie = receipts.intend(step, items=[item], kind="content")
    forget_leases()
    successor = receipts.take_over(Step.objects.get(pk=step.pk))
    receipts.receive(successor, [(item, "deleted", "")], probed=True)
    with pytest.raises(receipts.Refused, match="taken this step over"):
        receipts.receive(zombie, [(item, "needs_person", "server_error")])
    assert ReceiptItem.objects.get().receipt.probed


@pytest.mark.parametrize("kind", ["lost", "slow", "truncate", "garbage", "html", "empty", "wrong-shape", "status"])
def test_an_answer_that_cannot_be_trusted_is_settled_by_asking(approved, centre, settings, kind):
    request, subject = approved
    settings.PORTAL_CALL_DEADLINE = 1
    fault = {"kind": kind, "path": "*delete-batch", "times": 2, "seconds": 2}
    centre.control.post("/faults", json=fault).raise_for_status()
    for _ in range(6):
        run()
        forget_leases()
    assert_finished(request, subject, centre)
    assert deleted_twice(centre) == []


def test_a_token_that_expires_in_the_middle_is_renewed_once(approved, centre):
    request, subject = approved
    pipeline.advance(request.pk)
    centre.tell("/expire-tokens")
    run()
    assert_finished(request, subject, centre)


def test_a_poisonous_item_ends_with_a_person_and_the_rest_goes_on(approved, centre, monkeypatch, settings):
    request, subject = approved
    settings.PORTAL_MAX_ATTEMPTS = 2
    poison = next(guid for guid in subject["guidsWithContent"])
    real = VccConnector.delete_interactions

    def stubborn(self, guids):
        outcomes = real(self, [guid for guid in guids if guid != poison]) if set(guids) != {poison} else []
        failed = Outcome(poison, None, "failed", "server_error", permanent=False)
        return [*outcomes, *([failed] if poison in guids else [])]

    monkeypatch.setattr(VccConnector, "delete_interactions", stubborn)
    for _ in range(6):
        run()
        forget_leases()
    request.refresh_from_db()
    assert request.state == "executed", "what is still there keeps it from being verified"
    assert set(held(centre, subject["guids"])) == {poison}
    outcomes = Counter(ReceiptItem.objects.filter(item__external_id=poison).values_list("outcome", flat=True))
    assert set(outcomes) == {"retry", "needs_person"}
    assert set(Verification.objects.filter(item__external_id=poison).values_list("result", flat=True)) == {"reappeared"}
    assert request.errand.attention == "supplement"


def test_a_system_that_does_not_keep_its_word_is_found_by_the_trial(approved, centre, monkeypatch):
    request, subject = approved
    asked = []

    def liar(self, guids):
        asked.append(list(guids))
        return [Outcome(guid, None, "deleted") for guid in guids]

    monkeypatch.setattr(VccConnector, "delete_interactions", liar)
    for _ in range(3):
        run()
        forget_leases()
    request.refresh_from_db()
    assert request.state == "approved"
    assert [len(guids) for guids in asked] == [1], "after the trial nothing more was sent"
    assert request.errand.attention == "needs_person"


def test_the_emergency_stop_holds_before_the_next_call(approved, centre, supervisor):
    request, subject = approved
    systems.stop(System.objects.get().pk, actor=supervisor)
    before = len(centre.ask("/log")["calls"])
    run()
    assert len(centre.ask("/log")["calls"]) == before
    assert Errand.objects.get().attention == "stopped"
    systems.resume(System.objects.get().pk, actor=supervisor, reason="false_alarm")
    forget_leases()
    run()
    assert_finished(request, subject, centre)


def test_a_list_that_was_changed_behind_the_portal_is_not_carried_out(approved, centre):
    request, subject = approved
    with guards_aside(connection):
        Item.objects.filter(pk=Item.objects.first().pk).update(external_id="11111111-1111-4111-8111-111111111111")
    run()
    assert set(held(centre, subject["guids"])) == set(subject["guidsWithContent"])
    assert Errand.objects.get().attention == "digest"


def worker_process(ledger_directory):
    """The worker as a process of its own, on this test's database and ledger."""
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        parts = urlsplit(os.environ["DATABASE_URL"])
        url = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    return subprocess.Popen(
        [sys.executable, "-m", "django", "run_pipeline", "--until-idle", "--settings=tests.settings"],
        env=os.environ | {"DATABASE_URL": url, "PYTHONPATH": os.getcwd(), "TESTS_LEDGER_DIR": str(ledger_directory)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_worker_killed_in_the_middle_of_a_deletion_is_finished_by_the_next(
    start_sandbox, connect, take, staff, supervisor, ledger_directory
):
    slow = start_sandbox(seed=3, interactions=300, days=7, subjects=2, latency_ms=40, batch_seconds=0.4)
    connect(slow)
    subject = slow.ask("/subjects")["subjects"][0]
    strangers = {guid: keys for one in subject["strangers"] for guid, keys in held(slow, one["guids"]).items()}
    request = take(subject)
    run()
    approve(request, freeze(request, staff), supervisor)

    kills = 0
    for wait_for in (1, 2, 3):
        worker = worker_process(ledger_directory)
        until = time.monotonic() + 30
        while time.monotonic() < until and worker.poll() is None and Intent.objects.count() < wait_for:
            time.sleep(0.02)
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            kills += 1
        worker.wait()
        forget_leases()
    assert kills, "no worker lived long enough to be killed"
    run()
    assert_finished(request, subject, slow)
    assert deleted_twice(slow) == []
    assert held(slow, strangers) == strangers
    assert not any(call["overlapped"] for call in slow.ask("/log")["calls"])
