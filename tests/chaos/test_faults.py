"""Whatever goes wrong on the line to the vendor: nothing is sent blindly again, nothing is called deleted that is not.

Each fault befalls the first two calls of each verb, or seven of them, and then the line is well again. What was
measured is compared with the tables of `docs/faults.md`; `python -m tests.chaos.fault_table` writes them anew.
"""

import json
import os
import re
import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from content_app import discovery, limits, pipeline, planning, systems, trials
from content_app.connectors import http
from content_app.connectors.base import ConnectorError
from content_app.models import Breaker, Errand, Intent, Item, ReceiptItem, Step, StepItem, System, Verification
from requests_app import clock
from requests_app.models import LedgerLeaf
from requests_app.states import State
from tests import story
from tests.chaos.fault_proxy import FAULTS, SENDS, VERBS, Line
from tests.docs import tables
from tests.factories import SystemFactory
from tests.flow.conftest import approve
from tests.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

# A fault of the network is the same on either database, and the grid is large.
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
DOCUMENT, PASSES, LASTS = "docs/faults.md", "A fault that passes", "A fault that lasts"
#: Calls that a fault befalls: fewer, and more, than the circuit breaker takes.
FEW, MANY = 2, 7
#: Faults that are tried for long, on a verb that reads and on one that deletes.
LONG_ONES = ("connection refused", "reset after delivery", "black hole", "429, seconds", "503")
#: Attentions from which no clock leads away.
RESTS = {"needs_person", "supplement", "poisoned", "deadline", "digest"}
NAMES = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def vendor():
    one = Sandbox(seed=7, interactions=0, days=2, subjects=1, batch_seconds=0)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def wire(vendor):
    line = Line(vendor.url)
    yield line
    line.close()


@pytest.fixture
def line(wire, monkeypatch):
    """The line, with nothing armed and an empty journal, and every call of the connector announced to it."""
    real = http.Http._exchange

    def exchange(self, method, url, expect, until, **parts):
        with wire.expect(method, url, parts) as expected:
            self._deadline = expected.seconds
            parts["headers"] = (parts.get("headers") or {}) | expected.headers
            return real(self, method, url, expect, until, **parts)

    monkeypatch.setattr(http.Http, "_exchange", exchange)
    wire.journal, wire._armed = [], None
    return wire


@pytest.fixture
def skip(monkeypatch):
    """``skip(seconds)`` lets the database's clock jump; nobody sleeps."""
    real, ahead = clock.now, [timedelta(0)]

    def jump(seconds):
        ahead[0] += timedelta(seconds=max(0.0, seconds))

    monkeypatch.setattr(clock, "now", lambda: real() + ahead[0])
    monkeypatch.setattr(limits, "time", SimpleNamespace(sleep=jump, monotonic=time.monotonic))
    # No dice: an account rests as long as it ever does, and work is tried again as soon as it ever is.
    monkeypatch.setattr(limits, "random", SimpleNamespace(uniform=lambda low, high: high))
    monkeypatch.setattr(pipeline, "random", SimpleNamespace(uniform=lambda low, high: low))
    return jump


@pytest.fixture
def connected(line, monkeypatch, administrator, supervisor):
    system = SystemFactory.create(gateway_url=line.url, auth_url=line.url, history_days=1)
    monkeypatch.setenv(f"{system.credential}_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", CLIENT_SECRET)
    systems.propose_deletion(system.pk, actor=administrator)
    systems.confirm_deletion(system.pk, actor=supervisor)
    return system


class Erasure:
    """A small erasure: one person, two contacts, walked by the pipeline alone."""

    def __init__(self, vendor, line, skip, request, contacts):
        self.vendor, self.line, self.skip, self.request, self.contacts = vendor, line, skip, request, contacts
        self.attentions = []

    def work(self, done, most=80):
        """Advance until ``done()`` or until nothing but a person leads on; time passes as it must."""
        idle = 0
        for _ in range(most):
            if done():
                return
            errand = Errand.objects.filter(request=self.request).first()
            if errand and self.request.pk not in pipeline.due():
                self.skip((errand.next_at - clock.now()).total_seconds() + 0.001)
            calls = len(self.line.journal)
            pipeline.advance(self.request.pk)
            self._note()
            resting = self.errand.attention in RESTS and len(self.line.journal) == calls
            idle = idle + 1 if resting else 0
            if idle == 3:
                return
        raise AssertionError(f"it never rests: {self.attentions}")

    @property
    def errand(self):
        return Errand.objects.get(request=self.request)

    def _note(self):
        self.request.refresh_from_db()
        if (attention := self.errand.attention) and attention not in self.attentions:
            self.attentions.append(attention)

    def searched(self):
        return discovery.is_finished(self.request)

    def verified(self):
        return self.request.state == State.VERIFIED

    def held(self):
        left = self.vendor.tell("/remaining", guids=list(self.contacts))["remaining"]
        return {(guid, key) for guid, keys in left.items() for key in keys}


@pytest.fixture
def erasure(vendor, line, skip, connected, staff, validator, supervisor, settings):
    """``erasure(verb, fault)`` has run to its rest, with the fault on the way."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0

    def run(verb, fault, times, contacts=2):
        settings.PORTAL_HIGH_ASSURANCE = verb in SENDS  # reading waits for no publication
        settings.PORTAL_SETTLED_HOURS = 24 if verb == "delete one" else 0
        address = re.sub("[^a-z0-9]+", "-", f"{fault.name} {verb} {times}".lower()) + "@faults.example"
        subject = vendor.ask("/subjects")["subjects"][0]["id"]
        told = {"subject": subject, "kind": "email", "address": address}
        guids = [vendor.tell("/contact", **told)["guid"] for _ in range(contacts)]
        request = story.validated(staff, validator, identifiers=[("email", address)])
        one = Erasure(vendor, line, skip, request, guids)
        line.arm(fault, verb, times if verb == "search" else 0)
        one.work(one.searched)
        approve(request, planning.freeze(request.pk, actor=validator), supervisor)
        http.forget_tokens()
        if verb != "search":
            line.arm(fault, verb, times)
        one.work(one.verified)
        if trials.failed_trials(one.request.plans.get()):
            trials.mend(request.pk, actor=supervisor, reason="vendor_mended")
            one.work(one.verified)
        return one

    return run


# --- what must hold, whatever the fault ------------------------------------------------------------------------------


def assert_sound(one):
    journal, held = one.line.journal, one.held()
    assert_probed_before_repeated(journal)
    log = one.vendor.ask("/log")["calls"]
    gone = [(d["guid"], c["contentKey"]) for call in log for d in call["deleted"] for c in d["content"]]
    mine = [place for place in gone if place[0] in one.contacts]
    assert len(mine) == len(set(mine)), "the vendor deleted a file twice"
    assert set(mine) <= receipts_say(one, "deleted"), "what our own call has deleted is called otherwise"
    listed = set(Item.objects.filter(plan__request=one.request).values_list("external_id", "content_key"))
    assert set(mine) <= listed, "something was deleted that is on no list"
    claimed = receipts_say(one, *ReceiptItem.GONE)
    reappeared = set(
        Verification.objects.filter(result="reappeared").values_list("item__external_id", "item__content_key")
    )
    assert claimed & held <= reappeared, "called deleted, still there, and nobody has noticed"
    assert not held or one.request.state != State.VERIFIED, "called verified, and something is there"
    assert not Intent.objects.filter(receipt__isnull=True).exists(), "an intent has no receipt"
    written = list(LedgerLeaf.objects.values_list("type", flat=True))
    assert written.count("deletion.intended") == written.count("deletion.receipt") == Intent.objects.count()
    sends = [entry for entry in journal if entry.verb in SENDS]
    assert len(sends) <= calls_announced() + sum(entry.outcome == "unauthorised" for entry in sends)
    assert written.count("breaker.opened") - written.count("breaker.closed") in (0, 1)


def calls_announced():
    """A batch is one call; of files, an intent announces a call for each."""
    steps = Intent.objects.exclude(step__kind=Step.Kind.LOOK).values_list("step__kind", "step_id")
    files = Counter(StepItem.objects.values_list("step_id", flat=True))
    return sum(1 if kind == Step.Kind.BATCH else files[step] for kind, step in steps)


def receipts_say(one, *outcomes):
    items = ReceiptItem.objects.filter(item__plan__request=one.request, outcome__in=outcomes)
    return set(items.values_list("item__external_id", "item__content_key"))


def assert_probed_before_repeated(journal):
    """Between two sends of the same thing lies a look at it. Only what the vendor itself refused for want of a fresh
    token may go again at once."""
    last = {}
    for place, entry in enumerate(journal):
        if entry.verb not in SENDS:
            continue
        for one in entry.ids:
            if (before := last.get(one)) is not None and journal[before].outcome != "unauthorised":
                between = journal[before + 1 : place]
                assert any(looks_at(look, one.partition("/")[0]) for look in between), f"sent again unseen: {entry}"
            last[one] = place


def looks_at(entry, guid):
    return entry.outcome == "ok" and (entry.verb == "search" or (entry.verb == "get" and guid in entry.ids))


# --- the tables ------------------------------------------------------------------------------------------------------


def told(attentions, ends, sends=None):
    """What was measured, as the tables tell it."""
    words = ", ".join(f"`{attention}`" for attention in attentions) or "–"
    return f"{words} → `{ends}`" + (f", {sends}" if sends else "")


def most_sends(one, verb):
    sends = Counter(i for entry in one.line.journal if entry.verb == verb and verb in SENDS for i in entry.ids)
    return max(sends.values(), default=None)


def compare(heading, fault, verb, measured):
    """With the document, or write down for whoever writes it anew."""
    if path := os.environ.get("FAULTS_MEASURED"):
        with open(path, "a") as file:
            file.write(json.dumps([heading, fault.name, verb.capitalize(), measured]) + "\n")
        return
    rows = {row["Fault"]: row for row in tables.table(DOCUMENT, heading)}
    assert rows[fault.name][verb.capitalize()] == measured


#: The verbs of an erasure; every fault of the one that deletes most is tried each time, the others' with `make chaos`.
_ERASING = [
    pytest.param(verb, marks=[] if verb == "batch" else [pytest.mark.long]) for verb in VERBS if verb != "statistics"
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("verb", _ERASING)
def test_a_fault_that_passes(erasure, verb, fault):
    one = erasure(verb, fault, FEW)
    assert one.line.left == 0, "the fault befell no call"
    assert_sound(one)
    compare(PASSES, fault, verb, told(one.attentions, one.request.state, most_sends(one, verb)))


#: One of each sort: carried out, not carried out, refused for want of a token. The others with `make chaos`.
_SEVERAL = ("reset after delivery", "503", "token refused")


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=[] if one.name in _SEVERAL else [pytest.mark.long]) for one in FAULTS], ids=str
)
def test_a_fault_that_passes_where_several_deletes_fly(erasure, connected, settings, fault):
    """Which of the calls that are in flight it befalls is chance, so no table tells its end: all else must hold."""
    System.objects.filter(pk=connected.pk).update(delete_parallel=3)
    settings.PORTAL_RATE_LIMIT = False  # no call waits for its turn
    one = erasure("delete one", fault, FEW, contacts=8)
    assert one.line.left == 0, "the fault befell no call"
    assert max(entry.beside for entry in one.line.journal) > 1, "one flew after the other"
    assert_sound(one)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_that_befalls_the_statistics(line, skip, connected, fault):
    """No room reads them for an erasure: the verb is asked through the same door, until it answers."""
    line.arm(fault, "statistics", FEW)
    now, attentions, answered = timezone.now(), [], 0
    for _ in range(4 * FEW):
        with systems.connected(connected) as connector:
            try:
                connector.statistics(start=now - timedelta(days=1), end=now, page=1)
                answered += 1
            except ConnectorError as error:
                if (attention := pipeline._attention_of(error)) not in attentions:
                    attentions.append(attention.value)
                skip(max(error.retry_after or 0, 1))
        if answered and not line.left:
            break
    assert answered
    assert line.left == 0
    compare(PASSES, fault, "statistics", told(attentions, "read"))


@pytest.mark.parametrize("fault", [NAMES[name] for name in LONG_ONES], ids=str)
@pytest.mark.parametrize("verb", ["search", "batch"])
def test_a_fault_that_lasts(erasure, verb, fault):
    """Where one call after the other fails, the circuit breaker opens, is tried, and closes; both are in the ledger.

    Where the system answers every look between two deletes, it is not away: there the tries of an item are counted.
    """
    one = erasure(verb, fault, MANY)
    assert_sound(one)
    opened, closed = (LedgerLeaf.objects.filter(type=f"breaker.{end}").count() for end in ("opened", "closed"))
    assert opened == closed
    assert bool(opened) == ("paused" in one.attentions) == (verb == "search" and not fault.name.startswith("429"))
    assert Breaker.objects.get().position == "closed"
    compare(LASTS, fault, verb, told(one.attentions, one.request.state, most_sends(one, verb)))
