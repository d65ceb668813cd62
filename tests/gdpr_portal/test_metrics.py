"""`/metrics`: the operators' figures, for whoever has the token."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from content_app import operations, tasks
from content_app.models import Breaker, Bucket, Errand
from gdpr_portal import checks
from tests import factories, story

TOKEN = "sixteen-letters-or-more"
pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(client, settings):
    """``scrape()`` is every sample: (name, its labels) → value."""
    settings.PORTAL_METRICS_TOKEN = TOKEN

    def ask():
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "no-store" in answer.headers["Cache-Control"]
        families = text_string_to_metric_families(answer.content.decode())
        return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}

    return ask


# --- the door --------------------------------------------------------------------------------------------------------


def test_without_the_setting_there_is_no_such_page(client, settings):
    settings.PORTAL_METRICS_TOKEN = ""
    for shown in ("", "Bearer ", "Bearer x"):
        assert client.get("/metrics", headers={"Authorization": shown}).status_code == 404


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
def test_whoever_has_not_the_token_is_sent_away(client, settings, shown):
    settings.PORTAL_METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": shown})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"gdpr_portal" not in answer.content


def test_being_signed_in_opens_nothing(login, settings, superuser):
    settings.PORTAL_METRICS_TOKEN = TOKEN
    assert login(superuser).get("/metrics").status_code == 401


def test_nothing_is_sent_there(client, settings):
    settings.PORTAL_METRICS_TOKEN = TOKEN
    assert client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


@pytest.mark.parametrize(("token", "faults"), [("", 0), ("short", 1), (TOKEN, 0)])
def test_a_short_token_is_refused_before_the_portal_starts(settings, token, faults):
    settings.PORTAL_METRICS_TOKEN = token
    assert len(checks.metrics_token_is_long(None)) == faults


# --- what it says ----------------------------------------------------------------------------------------------------


def test_an_empty_portal_says_zero_of_everything(scrape):
    said = scrape()
    assert said["gdpr_portal_queue_waiting_messages",] == 0
    assert said["gdpr_portal_parts", "cluster", "works"] == 0
    assert said["gdpr_portal_requests_waiting", "poisoned"] == 0
    assert said["gdpr_portal_open_requests", "approved"] == 0
    assert said["gdpr_portal_ledger_fault",] == 0


def test_it_says_what_the_operators_page_says(scrape, clock):
    system = factories.SystemFactory(name="Bonn", stopped=True)
    Bucket.objects.create(system=system, kind="call", turns=500, minute=timezone.now(), lately=40)
    Breaker.objects.create(system=system, position="open", retry_at=timezone.now() + timedelta(minutes=1))
    factories.heartbeat("cluster")
    factories.heartbeat("cluster", node="gone", ago=timedelta(minutes=2))
    case = factories.RequestFactory.create(is_approved=True)
    later = timezone.now() + timedelta(minutes=1)
    Errand.objects.create(request=case, next_at=later, lease_until=later, attention="paused", node="cluster-1")
    tasks.queue_sign_of_life()
    said = scrape()
    assert said["gdpr_portal_queue_waiting_messages",] == 1
    assert said["gdpr_portal_parts", "cluster", "works"] == 1
    assert said["gdpr_portal_parts", "cluster", "silent"] == 1
    assert said["gdpr_portal_open_requests", "approved"] == 1
    assert said["gdpr_portal_requests_waiting", "paused"] == 1
    assert said["gdpr_portal_requests_at_work",] == 1
    assert said["gdpr_portal_turns_total", "Bonn", "call"] == 500
    assert said["gdpr_portal_turns_last_minute", "Bonn", "call"] == 40
    assert said["gdpr_portal_turns_allowed_per_minute", "Bonn", "call"] == system.calls_per_minute
    assert said["gdpr_portal_breaker", "Bonn", "open"] == 1
    assert said["gdpr_portal_breaker", "Bonn", "closed"] == 0
    assert said["gdpr_portal_system_stopped", "Bonn"] == 1


def test_a_hundred_requests_make_no_more_questions_and_no_more_lines(scrape, staff):
    factories.SystemFactory()
    with CaptureQueriesContext(connection) as few:
        lines = scrape().keys()
    for number in range(20):
        case = factories.RequestFactory.create(is_approved=True)
        Errand.objects.create(request=case, next_at=timezone.now(), attention="paused", node=f"host:{number}")
        factories.heartbeat("cluster", node=f"host:{number}")
    with CaptureQueriesContext(connection) as many:
        assert scrape().keys() == lines
    assert len(many) == len(few) <= 16


def test_no_person_is_in_it(scrape, client, staff):
    case = story.received(staff)
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    assert case.reference not in text
    assert str(case.pk) not in text
    assert "Ines" not in text
    labels = set(re.findall(r"(\w+)=\"", text))
    assert labels <= {"state", "why", "part", "condition", "system", "kind", "position", "within"}
    assert operations.figures().states == {"received": 1}
