"""Several deletes in flight where the account takes several: never more, none unseen, none unaccounted for."""

import threading
from collections import Counter

import pytest

from content_app import acting, execution, lanes, limits
from content_app.connectors.base import ConnectorError
from content_app.models import Breaker, Intent, Lease, Receipt, ReceiptItem, StepItem, System
from requests_app.errors import Refused

pytestmark = pytest.mark.django_db

FILES = 24


@pytest.fixture
def wide(system):
    System.objects.filter(pk=system.pk).update(delete_parallel=4)
    return system


@pytest.fixture
def approved(wide, centre, rooms, settings):
    """An approved request of so many single files at a system that takes four deletes at once."""
    settings.PORTAL_SETTLED_HOURS = 24 * 365  # nothing goes whole
    for number in range(FILES):
        centre.hold(f"call-{number:02}", "voicemail")
    return rooms.approved()


class Flights:
    """Put before and after a centre's deletes: how many were in flight at once."""

    def __init__(self, centre):
        self.now, self.most, self.lock = 0, 0, threading.Lock()
        centre.before, centre.after = self.begin, self.end

    def begin(self, entry):
        if entry[0] == "delete_content":
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)

    def end(self, entry):
        if entry[0] == "delete_content":
            with self.lock:
                self.now -= 1


def left(centre):
    return [external_id for external_id, files in centre.held.items() if files]


def sent(centre):
    return Counter(external_id for external_id, _ in centre.asked("delete_content"))


def outcomes():
    return Counter(ReceiptItem.objects.values_list("outcome", "code"))


def test_four_fly_at_once_and_never_five(approved, centre, rooms):
    flights = Flights(centre)
    gathered = threading.Barrier(4, timeout=20)

    def before(entry):
        flights.begin(entry)
        # The trial goes alone; of the other 23 the last three would find no fourth to meet.
        if entry[0] == "delete_content" and len(sent(centre)) > 1 and flights.now <= 4 and gathering(entry):
            gathered.wait()

    order = []

    def gathering(entry):
        with flights.lock:
            order.append(entry)
            return len(order) <= 20

    centre.before = before
    assert rooms.execute(approved)
    assert flights.most == 4
    assert not left(centre)
    assert set(sent(centre).values()) == {1}
    assert outcomes() == {("deleted", ""): FILES}
    assert not Lease.objects.filter(holder__isnull=False).exists()


def test_one_intent_announces_many_and_none_is_open_afterwards(approved, rooms):
    assert rooms.execute(approved)
    assert Intent.objects.count() == Receipt.objects.count() < FILES / 2


@pytest.mark.parametrize(("limited", "sizes"), [(False, [1, 7, 8, 8]), (True, [1, 3, 4, 4, 4, 4, 4])])
def test_an_intent_keeps_every_lane_busy_and_announces_less_where_turns_come_slowly(
    approved, rooms, monkeypatch, settings, limited, sizes
):
    for name, value in {"GROUP": 4, "ROUNDS": 2, "SOON": 0.05}.items():
        monkeypatch.setattr(acting, name, value)
    settings.PORTAL_RATE_LIMIT = limited
    System.objects.update(calls_per_minute=6000)  # eight turns take 0.08 seconds
    assert rooms.execute(approved)
    announced = Counter(StepItem.objects.filter(step__kind="content").values_list("step_id", flat=True))
    assert sorted(announced.values()) == sizes


def test_an_answer_of_any_sense_makes_an_earlier_trouble_forgotten(approved, rooms, monkeypatch):
    start, learn, failures = lanes.Lanes.start, lanes.Lanes._learn, []

    def started(self, calls, **more):
        Breaker.objects.update_or_create(system=System.objects.get(), defaults={"failures": 3, "recent": 0b111})
        return start(self, calls, **more)

    def learnt(self, answers, now):
        learn(self, answers, now)
        if answers:
            failures.append(Breaker.objects.get().failures)

    monkeypatch.setattr(lanes.Lanes, "start", started)
    monkeypatch.setattr(lanes.Lanes, "_learn", learnt)
    assert rooms.execute(approved)
    assert set(failures) == {0}


def test_a_narrower_account_is_respected(approved, centre, rooms):
    holding = limits.hold(System.objects.get().pk, wanted=2)
    flights = Flights(centre)
    assert rooms.execute(approved)
    assert flights.most <= 2
    holding.release()


def test_when_all_leases_are_taken_nothing_is_sent(approved, centre, rooms):
    holding = limits.hold(System.objects.get().pk, wanted=4)
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(approved)
    assert caught.value.code == "busy"
    assert not sent(centre)
    holding.release()
    assert rooms.execute(approved)


def test_the_emergency_stop_ends_it_between_two_calls(approved, centre, rooms, monkeypatch):
    gone, stopped = threading.Semaphore(6), threading.Event()

    def before(entry):
        if entry[0] == "delete_content" and not gone.acquire(blocking=False):
            stopped.wait(20)

    look = lanes.Lanes._look

    def looked(self):
        if len(sent(centre)) > 6 and not stopped.is_set():
            System.objects.update(stopped=True)
        now = look(self)
        if self.closed:
            stopped.set()
        return now

    centre.before = before
    monkeypatch.setattr(lanes.Lanes, "_look", looked)
    with pytest.raises(ConnectorError) as caught:
        rooms.execute(approved)
    assert caught.value.code == "stopped"
    # Six, and at most the four that were in flight when the switch was thrown.
    assert 6 <= len(sent(centre)) <= 10
    assert outcomes() == {("deleted", ""): len(sent(centre)), ("retry", "stopped"): FILES - len(sent(centre))}
    assert not Intent.objects.filter(receipt__isnull=True).exists()
    System.objects.update(stopped=False)
    assert rooms.execute(approved)
    assert set(sent(centre).values()) == {1}


def test_an_answer_that_was_lost_is_asked_about_and_nothing_is_sent_twice(approved, centre, rooms):
    def after(entry):
        if entry[0] == "delete_content" and entry[1] == "call-13":
            raise ConnectorError("timeout", permanent=False)

    centre.after = after
    assert rooms.execute(approved)
    assert set(sent(centre).values()) == {1}
    assert outcomes() == {("deleted", ""): FILES}
    assert Receipt.objects.filter(probed=True).exists()


def test_a_call_that_never_arrived_is_repeated_after_the_system_was_asked(approved, centre, rooms):
    def before(entry):
        if entry[0] == "delete_content" and entry[1] == "call-13" and sent(centre)["call-13"] == 1:
            raise ConnectorError("timeout", permanent=False)

    centre.before = before
    with pytest.raises(ConnectorError):
        rooms.execute(approved)
    assert left(centre) == ["call-13"]
    assert rooms.execute(approved)
    assert sent(centre)["call-13"] == 2
    assert not left(centre)


def test_an_open_breaker_ends_it(approved, centre, rooms):
    def before(entry):
        if entry[0] == "delete_content" and entry[1] > "call-02":
            raise ConnectorError("server_error", permanent=False)

    centre.before = before
    with pytest.raises(ConnectorError):
        rooms.execute(approved)
    assert Breaker.objects.get().position == Breaker.Position.OPEN
    assert len(left(centre)) >= FILES - 3


def test_a_lost_lease_ends_it_and_all_that_flew_is_written_down(approved, centre, rooms):
    beats = iter(range(1000))

    def beat():
        if next(beats) > 12:
            raise Refused("lost_lease", "Another worker has taken this request over.")

    def run_on():
        while not execution.run(approved.pk, budget=5, beat=beat):
            pass

    with pytest.raises(Refused, match="taken this request over"):
        run_on()
    assert len(sent(centre)) == ReceiptItem.objects.filter(outcome="deleted").count()
    assert rooms.execute(approved)
    assert set(sent(centre).values()) == {1}
