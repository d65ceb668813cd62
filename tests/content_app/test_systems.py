"""Connected systems: what they are made of, and the two people who let a system delete."""

import logging

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from content_app import discovery, limits, systems
from content_app.connectors import registry
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, System
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests.centre import Centre
from tests.factories import SystemFactory
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db


def test_the_connector_is_closed_also_when_the_work_fails(system, centre):
    with pytest.raises(ZeroDivisionError), systems.connected(system):
        raise ZeroDivisionError
    assert centre.log == [("close",)]


# --- who lets a system delete ----------------------------------------------------------------------------------------


def test_two_people_enable_deletion_and_one_of_them_twice_is_not_two(db, administrator, supervisor):
    system = SystemFactory.create()
    with pytest.raises(Refused, match="Nobody has proposed"):
        systems.confirm_deletion(system.pk, actor=supervisor)
    systems.propose_deletion(system.pk, actor=administrator)
    with pytest.raises(Refused) as caught:
        systems.confirm_deletion(system.pk, actor=administrator)
    assert caught.value.code == "same_person"
    system.refresh_from_db()
    assert system.shadow
    systems.confirm_deletion(system.pk, actor=supervisor)
    for act in (systems.propose_deletion, systems.confirm_deletion):
        with pytest.raises(Refused, match="enabled there already"):
            act(system.pk, actor=supervisor)
    types = LedgerLeaf.objects.filter(object_id=str(system.pk)).order_by("pk").values_list("type", flat=True)
    assert list(types) == ["system.deletion_proposed", "system.deletion_enabled"]


@pytest.mark.parametrize("people", [("one", "one"), ("one", None), (None, "one"), (None, None)])
def test_the_database_knows_no_deleting_system_without_two_people(administrator, people):
    system = SystemFactory.create()
    proposed, confirmed = (administrator if one else None for one in people)
    with pytest.raises(DatabaseError), transaction.atomic():
        System.objects.filter(pk=system.pk).update(
            shadow=False, enable_proposed_by=proposed, enable_confirmed_by=confirmed
        )


def test_one_person_returns_it_to_shadow_mode_and_both_are_needed_again(system, supervisor):
    systems.return_to_shadow(system.pk, actor=supervisor)
    system.refresh_from_db()
    assert (system.shadow, system.enable_proposed_by, system.enable_confirmed_by) == (True, None, None)
    with pytest.raises(Refused, match="Nobody has proposed"):
        systems.confirm_deletion(system.pk, actor=supervisor)


_TOLD = {"resume": {"reason": "false_alarm"}}


@pytest.mark.parametrize("who", ["outsider", "agent", "staff", "auditor", "dpo", "privacy_manager"])
@pytest.mark.parametrize("act", ["propose_deletion", "confirm_deletion", "return_to_shadow", "stop", "resume"])
def test_whose_role_may_not_act_on_a_system_is_refused(system, request, who, act):
    before = System.objects.values().get()
    with pytest.raises(Refused, match="Your role may not"):
        getattr(systems, act)(system.pk, actor=request.getfixturevalue(who), **_TOLD.get(act, {}))
    assert System.objects.values().get() == before


# --- the first account, and secrets ----------------------------------------------------------------------------------


@pytest.fixture
def first_account(settings):
    settings.VCC_GATEWAY_URL, settings.VCC_AUTH_URL = "http://127.0.0.1:1", ""
    settings.VCC_CLIENT_AUTH, settings.VCC_HISTORY_DAYS = "basic", 28


def test_the_first_account_is_made_in_shadow_mode_and_once(db, first_account):
    systems.sync_first_account()
    systems.sync_first_account()
    system = System.objects.get()
    assert (system.credential, system.shadow, system.auth_url) == ("VCC", True, "http://127.0.0.1:1")


def test_without_an_address_no_account_is_made(db, settings):
    settings.VCC_GATEWAY_URL = ""
    systems.sync_first_account()
    assert not System.objects.exists()


def test_new_addresses_arrive_and_nothing_takes_it_out_of_shadow_mode(db, first_account, settings, administrator):
    systems.sync_first_account()
    systems.propose_deletion(System.objects.get().pk, actor=administrator)
    systems.stop(System.objects.get().pk, actor=administrator)
    settings.VCC_GATEWAY_URL, settings.VCC_HISTORY_DAYS = "http://127.0.0.1:2", 365
    systems.sync_first_account()
    system = System.objects.get()
    assert (system.gateway_url, system.history_days) == ("http://127.0.0.1:2", 365)
    assert (system.shadow, system.stopped) == (True, True)


def test_secrets_come_from_the_environment_by_name_and_are_told_to_nobody(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    system = SystemFactory.create(credential="OTHER")
    monkeypatch.setenv("OTHER_CLIENT_ID", "the-client")
    monkeypatch.setenv("OTHER_CLIENT_SECRET", "the-secret")
    account = systems.account_of(system)
    assert (account.client_id, account.client_secret) == ("the-client", "the-secret")
    with systems.connected(system) as connector, pytest.raises(ConnectorError) as caught:
        connector.get("00000000-0000-4000-8000-000000000001")
    told = (repr(account), str(account), repr(caught.value), str(caught.value), str(vars(caught.value)), caplog.text)
    assert not [text for text in told if "the-client" in text or "the-secret" in text]
    assert "the-secret" not in str(System.objects.values().get())


def test_without_its_variables_a_system_has_no_secrets_and_not_another_systems(monkeypatch):
    monkeypatch.setenv("VCC_CLIENT_SECRET", "another's")
    account = systems.account_of(SystemFactory.create(credential="OTHER"))
    assert (account.client_id, account.client_secret) == ("", "")


def test_every_kind_of_system_has_a_connector():
    assert {kind: connector.manifest.kind for kind, connector in registry.CONNECTORS.items()} == {"vcc": "vcc"}
    assert Centre.manifest is registry.manifest("vcc")


# --- retired ---------------------------------------------------------------------------------------------------------


def code_of(act, *args, **more):
    with pytest.raises(Refused) as refusal:
        act(*args, **more)
    return refusal.value.code


def test_a_mistyped_system_holds_up_no_list_once_it_is_retired(system, centre, rooms, administrator):
    mistyped = SystemFactory.create(name="Mistyped")
    request = rooms.take()
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)
    assert code_of(rooms.freeze, request) == "search_unfinished"
    systems.retire(mistyped.pk, actor=administrator)
    assert discovery.is_finished(request)
    centre.log.clear()
    plan = rooms.freeze(request)
    assert set(plan.coverage.values_list("system", flat=True)) == {system.pk}
    assert System.objects.filter(pk=mistyped.pk).exists(), "no row goes"
    assert LedgerLeaf.objects.filter(type="system.retired", object_id=str(mistyped.pk)).count() == 1


def test_nothing_is_asked_of_a_retired_system_and_nobody_enables_deletion_there(system, administrator):
    systems.retire(system.pk, actor=administrator)
    system.refresh_from_db()
    assert (system.shadow, system.enable_proposed_by, system.enable_confirmed_by) == (True, None, None)
    for purpose in ("read", "delete"):
        with pytest.raises(ConnectorError) as caught, limits.Gate(system.pk)(purpose):
            raise AssertionError("the call was made")
        assert caught.value.code == "stopped"
    assert code_of(systems.propose_deletion, system.pk, actor=administrator) == "wrong_state"
    assert code_of(systems.retire, system.pk, actor=administrator) == "wrong_state"


def test_a_system_in_which_open_requests_have_content_is_not_retired(system, centre, rooms, administrator):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    assert code_of(systems.retire, system.pk, actor=administrator) == "in_use"
    rooms.executed(request)
    rooms.read_back(request)
    connection.check_constraints()  # PostgreSQL alters no table while a foreign key is unchecked
    with guards_aside(connection):
        type(request).objects.filter(pk=request.pk).update(state="closed", closed_at=timezone.now())
        connection.check_constraints()
    Errand.objects.create(request=request, next_at=timezone.now(), again_at=timezone.now())
    assert code_of(systems.retire, system.pk, actor=administrator) == "in_use", "it is to be read back once more"
    Errand.objects.update(again_at=None)
    systems.retire(system.pk, actor=administrator)


def test_it_can_be_connected_again_in_shadow_mode(system, administrator):
    assert code_of(systems.reconnect, system.pk, actor=administrator) == "wrong_state"
    systems.retire(system.pk, actor=administrator)
    systems.reconnect(system.pk, actor=administrator)
    system.refresh_from_db()
    assert (system.retired, system.shadow) == (False, True)
    assert LedgerLeaf.objects.filter(type="system.reconnected").count() == 1


@pytest.mark.parametrize("act", [systems.retire, systems.reconnect])
@pytest.mark.parametrize("who", ["staff", "supervisor", "auditor", "outsider"])
def test_only_an_administrator_retires_a_system(system, who, act, request):
    assert code_of(act, system.pk, actor=request.getfixturevalue(who)) == "not_permitted"


def test_the_page_of_a_system_retires_it_and_says_so(system, login, administrator, supervisor):
    page = reverse("admin:content_app_system_change", args=[system.pk])
    assert "Retire it" not in login(supervisor).get(page).content.decode()
    client = login(administrator)
    assert "Retire it" in client.get(page).content.decode()
    client.post(reverse("admin:content_system_retire", args=[system.pk]))
    assert "Connect it again" in client.get(page).content.decode()
    assert "Retired" in client.get(reverse("admin:content_app_system_changelist")).content.decode()
