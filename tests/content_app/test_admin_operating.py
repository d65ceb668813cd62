"""The operators' page: who opens it, and what it names to whom."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from content_app import receipts
from content_app.models import Breaker, Bucket, Errand, Lease
from tests import factories
from tests.content_app import admin_story

pytestmark = pytest.mark.django_db
PAGE = "/admin/operations/"


def _words(answer):
    return " ".join(answer.content.decode().split())


@pytest.fixture
def busy(clock, settings, staff, validator, supervisor):
    """A deletion of which two files failed, one of them long ago; one cluster works, another one is silent."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    case, plan = admin_story.approved(staff, validator, supervisor, {}, {}, {})
    items = list(receipts.to_delete(plan))
    for item, outcome, after in ((items[0], "retry", 3), (items[1], "needs_person", 0), (items[2], "deleted", 0)):
        intent = receipts.intend(receipts.open_step(plan, kind="batch", items=[item]), items=[item], kind="batch")
        receipts.receive(intent, [(item, outcome, "timeout" if outcome != "deleted" else "")])
        clock.shift(timedelta(hours=after))
    now, system = timezone.now(), items[0].system
    Errand.objects.create(request=case, next_at=now, attention="paused", lease_until=now + timedelta(minutes=1),
                          node="blue-1")  # fmt: skip
    Breaker.objects.create(system=system, position="open", reason="timeout", retry_at=now + timedelta(seconds=30))
    Bucket.objects.create(system=system, kind="call", minute=now, lately=77, turns=900)
    Lease.objects.create(system=system, holder=case.pk, until=now + timedelta(minutes=1))
    factories.heartbeat("cluster", node="blue-1", workers=2, queued=1_234)
    factories.heartbeat("cluster", node="blue-2", ago=timedelta(minutes=5))
    return case


def test_it_says_what_runs_what_waits_and_what_fails(busy, login, supervisor):
    page = _words(login(supervisor).get(PAGE))
    for words in (
        "blue-1", "Works", "Silent", "1,234", "The worker cluster blue-2 is silent",
        "No loop has shown a sign of life.",
        "Left alone for a while", "until 12:00:30", "77 of 154", "0 of 15.4", "1 of 1", "timeout",
        '<td class="num">1</td> <td class="num">2</td>', busy.reference, "The system has failed several times",
        "Approved",
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize("role", ["administrator", "supervisor", "auditor", "privacy_manager", "dpo"])
def test_whoever_runs_or_watches_it_opens_it_and_finds_no_button(role, request, busy, login):
    client = login(request.getfixturevalue(role))
    answer = client.get(PAGE)
    assert answer.status_code == 200
    middle = _words(answer).partition('id="operations"')[2]
    assert "<form" not in middle
    assert "<button" not in middle
    assert client.post(PAGE).status_code == 405
    assert PAGE in _words(client.get("/admin/"))


@pytest.mark.parametrize("role", ["staff", "agent", "outsider"])
def test_nobody_else_opens_it(role, request, busy, login):
    client = login(request.getfixturevalue(role))
    assert client.get(PAGE).status_code == 403
    assert PAGE not in _words(client.get("/admin/"))


def test_whoever_sees_no_case_gets_figures_and_no_reference(busy, login, administrator):
    page = _words(login(administrator).get(PAGE))
    assert busy.reference not in page
    assert str(busy.pk) not in page
    assert "The system has failed several times" in page


def test_an_empty_portal_says_so(login, administrator):
    page = _words(login(administrator).get(PAGE))
    for words in ("Nothing runs", "No system is connected", "No request waits.", "No request is open."):
        assert words in page


def test_it_looks_less_often_as_long_as_nothing_is_new(busy, login, supervisor):
    client, again, pauses = login(supervisor), PAGE, []

    def look():
        nonlocal again
        middle = re.search(r'hx-get="([^"]+)" .* hx-trigger="every (\d+)s, look"', client.get(again).content.decode())
        again = html.unescape(middle[1])
        return int(middle[2])

    for _ in range(5):
        pauses.append(look())
    assert pauses == [10, 20, 40, 60, 60]
    Errand.objects.update(attention="")
    assert [look(), look()] == [10, 20]
    assert client.get(f"{again.partition('after=')[0]}after=0").context["every"] == 10


def test_more_requests_cost_no_more_questions(busy, login, supervisor, staff, validator):
    client = login(supervisor)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE)
    for _ in range(8):
        case = factories.RequestFactory.create(is_approved=True)
        Errand.objects.create(request=case, next_at=timezone.now(), attention="paused", node="blue-1")
    with CaptureQueriesContext(connection) as many:
        client.get(PAGE)
    assert len(many) == len(few)
