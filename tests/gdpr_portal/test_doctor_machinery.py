"""What `manage.py doctor` finds about worker, loop, ledger and the systems that are connected."""

from datetime import timedelta
from unittest import mock

import pytest
from django.db import transaction
from uuid_utils.compat import uuid7

from content_app import systems
from content_app.models import Heartbeat
from gdpr_portal.doctor import machinery
from requests_app import audit, clock, publisher, sequencer
from requests_app.models import LedgerIndex
from tests import factories
from tests.gdpr_portal.doctor_story import levels, said
from tests.sandbox import CLIENT_ID, CLIENT_SECRET

# --- worker, loop, ledger --------------------------------------------------------------------------------------------


def test_hearts_that_never_beat_are_found(db):
    assert levels(machinery.heart_beats) == ["fail", "fail", "ok"]


@pytest.mark.parametrize(("age", "told"), [(10, "ok ok ok"), (65, "fail ok ok"), (305, "fail fail ok")])
def test_a_heart_that_stands_still_is_found(db, age, told):
    for part in Heartbeat.Part.values:
        factories.heartbeat(part, ago=timedelta(seconds=age))
    assert levels(machinery.heart_beats) == told.split()


def leaf_from(ago):
    with mock.patch.object(clock, "stamp", return_value=clock.now() - ago):
        return audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")


def test_an_entry_that_waits_for_its_number_is_found(transactional_db):
    assert levels(machinery.ledger_is_numbered) == ["ok"]
    with transaction.atomic():
        leaf_from(timedelta(minutes=2))
    assert levels(machinery.ledger_is_numbered) == ["fail"]
    sequencer.drain()
    assert levels(machinery.ledger_is_numbered) == ["ok"]


def test_a_missing_number_is_found(db):
    first = audit.append("request.linked", actor=audit.WORKER, about=uuid7(), other=uuid7(), link="duplicate")
    LedgerIndex.objects.create(seq=1, leaf=first)
    assert "Numbers are missing" in said(machinery.ledger_is_numbered)


def test_a_ledger_that_is_not_published_is_found(transactional_db):
    assert levels(machinery.ledger_is_published) == []
    with transaction.atomic():
        leaf_from(timedelta(minutes=2))
    sequencer.drain()
    assert levels(machinery.ledger_is_published) == ["fail"]
    publisher.publish()
    assert levels(machinery.ledger_is_published) == []


# --- connectors ------------------------------------------------------------------------------------------------------


@pytest.fixture
def connected(monkeypatch, settings, sandbox, db):
    settings.DEMO = True
    system = factories.SystemFactory(gateway_url=sandbox.url, auth_url=sandbox.url)
    monkeypatch.setenv(f"{system.credential}_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", CLIENT_SECRET)
    return system


def test_a_system_that_answers_says_whether_it_deletes(connected):
    assert levels(machinery.connectors_work) == ["ok"]
    assert "in shadow mode" in said(machinery.connectors_work)


def test_no_system_at_all_is_worth_a_word(db):
    assert levels(machinery.connectors_work) == ["warn"]


def test_a_system_without_its_variables_is_found(connected, monkeypatch):
    monkeypatch.delenv(f"{connected.credential}_CLIENT_SECRET")
    assert f"Set {connected.credential}_CLIENT_SECRET" in said(machinery.connectors_work)


def test_wrong_credentials_are_found_with_what_to_do(connected, monkeypatch):
    monkeypatch.setenv(f"{connected.credential}_CLIENT_SECRET", "wrong")
    assert levels(machinery.connectors_work) == ["fail"]
    assert "Check client id and secret" in said(machinery.connectors_work)
    assert "wrong" not in said(machinery.connectors_work)


@pytest.mark.parametrize(("shadow", "level"), [(True, "warn"), (False, "fail")])
def test_credentials_that_may_not_delete_matter_once_deletion_is_enabled(
    connected, monkeypatch, administrator, supervisor, shadow, level
):
    if not shadow:
        type(connected).objects.update(shadow=False, enable_proposed_by=administrator, enable_confirmed_by=supervisor)
    monkeypatch.setenv(f"{connected.credential}_CLIENT_ID", "sandbox-supervisor")
    monkeypatch.setenv(f"{connected.credential}_CLIENT_SECRET", "sandbox-supervisor-secret")
    assert set(levels(machinery.connectors_work)) == {level}


def test_a_stopped_system_is_not_asked(connected, monkeypatch):
    type(connected).objects.update(stopped=True)
    monkeypatch.setattr(systems, "connected", None)
    assert levels(machinery.connectors_work) == ["warn"]


def test_an_address_without_tls_is_found_in_a_deployment(connected, settings):
    settings.DEMO = False
    assert "not https" in said(machinery.connectors_work)


def test_a_kind_that_nobody_speaks_to_is_found(connected):
    type(connected).objects.update(kind="crm")
    assert levels(machinery.connectors_work) == ["fail"]
