"""Connected systems on screen: who may do what, what is refused, and that no secret is ever shown."""

from datetime import timedelta

import pytest
from django.urls import reverse

from content_app.admin import system_acts
from content_app.connectors.base import Check, ConnectorError
from content_app.models import System
from requests_app.models import LedgerLeaf
from tests import factories

FORM = {
    "name": "Contact centre", "gateway_url": "https://emea.api.cc.vonage.com", "auth_url": "https://emea.cc.vonage.com",
    "credential": "VCC_EU", "client_auth": "basic", "region": "gb", "history_days": 365,
    "calls_per_minute": 154, "batches_per_minute": 15.4, "delete_parallel": 1,
}  # fmt: skip


@pytest.fixture
def system(db):
    return factories.SystemFactory()


def _page(system):
    return reverse("admin:content_app_system_change", args=[system.pk])


def _act(verb, system):
    return reverse(f"admin:content_system_{verb}", args=[system.pk])


def _ledger():
    return list(LedgerLeaf.objects.order_by("id").values_list("type", flat=True))


def _enabled(system, first, second):
    system.shadow, system.enable_proposed_by, system.enable_confirmed_by = False, first, second
    system.save()


@pytest.mark.parametrize(("role", "allowed"), [
    ("staff", True), ("supervisor", True), ("auditor", True), ("administrator", True), ("dpo", True),
    ("agent", False), ("outsider", False),
])  # fmt: skip
def test_who_sees_cases_or_keeps_systems_sees_them(role, allowed, request, login, system):
    client = login(request.getfixturevalue(role))
    assert client.get(_page(system)).status_code == (200 if allowed else 403)
    assert client.get(reverse("admin:content_app_system_changelist")).status_code == (200 if allowed else 403)


def test_an_administrator_adds_one_in_shadow_mode_and_the_ledger_knows(login, administrator):
    login(administrator).post(reverse("admin:content_app_system_add"), FORM)
    system = System.objects.get()
    assert (system.shadow, system.region) == (True, "GB")
    assert _ledger() == ["system.changed"]


@pytest.mark.parametrize("role", ["staff", "supervisor", "auditor", "privacy_manager", "dpo"])
def test_nobody_else_adds_or_changes_one(role, request, login, system):
    client = login(request.getfixturevalue(role))
    assert client.post(reverse("admin:content_app_system_add"), FORM).status_code == 403
    assert client.post(_page(system), FORM).status_code == 403
    system.refresh_from_db()
    assert system.gateway_url == "http://127.0.0.1:9"


def test_reading_statistics_is_off_until_an_administrator_ticks_it_and_the_form_names_the_scope(login, administrator):
    add = reverse("admin:content_app_system_add")
    assert "The account needs the scope stats for it." in login(administrator).get(add).content.decode()
    login(administrator).post(add, FORM)
    system = System.objects.get()
    assert not system.reads_statistics
    login(administrator).post(_page(system), FORM | {"reads_statistics": "on"})
    system.refresh_from_db()
    assert system.reads_statistics
    assert _ledger() == ["system.changed", "system.changed"]


def test_labels_have_no_colon_as_everywhere(login, administrator):
    page = login(administrator).get(reverse("admin:content_app_system_add")).content
    assert b"Address of the API</label>" in page


def test_nobody_deletes_one(login, system, superuser):
    assert login(superuser).post(f"/admin/content_app/system/{system.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("field", ["gateway_url", "auth_url"])
@pytest.mark.parametrize("address", [
    "http://emea.api.cc.vonage.com", "https://user:secret@example.com", "https://user@example.com", "ftp://example.com",
    "https://example.com/?a=b", "https://example.com/#a", "http://127.0.0.1.example.com", "http://127.0.0.1@example.com",
    "javascript:alert(1)", "https://",
])  # fmt: skip
def test_an_address_is_https_or_this_machine_and_carries_no_name(address, field, login, administrator):
    answer = login(administrator).post(reverse("admin:content_app_system_add"), FORM | {field: address})
    assert answer.status_code == 200
    assert not System.objects.exists()


def test_a_sandbox_on_this_machine_may_speak_plainly(login, administrator):
    login(administrator).post(
        reverse("admin:content_app_system_add"),
        FORM | {"gateway_url": "http://127.0.0.1:8300/", "auth_url": "http://localhost:8300"},
    )
    assert System.objects.get().gateway_url == "http://127.0.0.1:8300"


@pytest.mark.parametrize("credential", ["vcc", "1VCC", "VCC-EU", "VCC EU", "_VCC", "VCC\n", "ÄB", "PATH=1"])
def test_the_prefix_of_the_variables_is_plain(credential, login, administrator):
    login(administrator).post(reverse("admin:content_app_system_add"), FORM | {"credential": credential})
    assert not System.objects.filter(credential=credential).exists()


def test_another_account_is_not_the_one_that_two_people_enabled(login, system, administrator, supervisor):
    _enabled(system, administrator, supervisor)
    answer = login(administrator).post(_page(system), FORM, follow=True)
    system.refresh_from_db()
    assert system.shadow
    assert system.enable_proposed_by is None
    assert b"back in shadow mode" in answer.content
    assert _ledger() == ["system.changed", "system.shadowed"]


def test_a_new_name_leaves_the_mode_as_it_is(login, system, administrator, supervisor):
    _enabled(system, administrator, supervisor)
    same = {"gateway_url": system.gateway_url, "auth_url": system.auth_url, "credential": system.credential}
    login(administrator).post(_page(system), FORM | same | {"name": "Renamed"})
    system.refresh_from_db()
    assert (system.name, system.shadow) == ("Renamed", False)


# --- two people ------------------------------------------------------------------------------------------------------


def test_two_people_enable_deletion(login, system, administrator, supervisor):
    login(administrator).post(_act("propose", system))
    assert b"You proposed this" in login(administrator).get(_page(system)).content
    refused = login(administrator).post(_act("confirm", system), follow=True)
    assert b"A second person must confirm it" in refused.content
    assert b"Confirm: enable deletion" in login(supervisor).get(_page(system)).content
    login(supervisor).post(_act("confirm", system))
    system.refresh_from_db()
    assert not system.shadow
    login(supervisor).post(_act("shadow", system))
    system.refresh_from_db()
    assert system.shadow


@pytest.mark.parametrize("role", ["staff", "auditor", "privacy_manager", "dpo", "agent", "outsider"])
@pytest.mark.parametrize("verb", [*system_acts.ACTS, "test"])
def test_nobody_else_touches_a_switch(verb, role, request, login, system):
    assert login(request.getfixturevalue(role)).post(_act(verb, system)).status_code == 403
    system.refresh_from_db()
    assert (system.shadow, system.stopped, system.enable_proposed_by) == (True, False, None)
    assert not _ledger()


def test_those_who_may_not_see_no_switches(login, system, staff):
    page = login(staff).get(_page(system)).content
    assert b"Stop now" not in page
    assert b"Propose to enable" not in page
    assert b"Test the connection" not in page


def test_the_emergency_stop_is_one_button_and_lifting_it_wants_a_reason(login, system, supervisor):
    login(supervisor).post(_act("stop", system))
    system.refresh_from_db()
    assert system.stopped
    assert b"Lift the stop" in login(supervisor).get(_page(system)).content
    login(supervisor).post(_act("resume", system))
    system.refresh_from_db()
    assert system.stopped
    login(supervisor).post(_act("resume", system), {"reason": "false_alarm"})
    system.refresh_from_db()
    assert not system.stopped


@pytest.mark.parametrize("verb", [*system_acts.ACTS, "test"])
def test_a_switch_takes_a_post(verb, login, system, supervisor):
    assert login(supervisor).get(_act(verb, system)).status_code == 405


# --- the connection --------------------------------------------------------------------------------------------------


PASSED = [Check("login", True), Check("read", True), Check("delete_scope", True)]


class _Connector:
    def __init__(self, result, statistics=None):
        self._result, self._statistics, self.asked = result, statistics, []

    def statistics(self, *, start, end, page):
        self.asked.append((end - start, page))
        if self._statistics:
            raise self._statistics

    def self_test(self):
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def close(self):
        pass


@pytest.fixture
def answer_with(monkeypatch):
    """``answer_with(checks or error)`` is what the system's connector answers."""

    def answer(result, *, statistics=None):
        connector = _Connector(result, statistics)
        monkeypatch.setattr("content_app.connectors.registry.connect", lambda *args: connector)
        return connector

    return answer


def test_a_passed_test_is_said(login, system, administrator, answer_with):
    answer_with(PASSED)
    page = login(administrator).post(_act("test", system), follow=True).content
    assert b"The connection works." in page
    assert page.count(b"Passed") == 3


def test_a_failed_check_comes_with_its_advice(login, system, administrator, answer_with):
    answer_with([Check("login", True), Check("delete_scope", False, "Create the credentials <anew>.")])
    page = login(administrator).post(_act("test", system), follow=True).content
    assert b"Create the credentials &lt;anew&gt;." in page
    assert b"does not work yet" in page


def test_a_system_whose_statistics_are_read_is_asked_for_a_minute_of_them(login, system, administrator, answer_with):
    system.reads_statistics = True
    system.save()
    connector = answer_with(PASSED)
    page = login(administrator).post(_act("test", system), follow=True).content
    assert b"Read a minute of the statistics" in page
    assert page.count(b"Passed") == 4
    assert connector.asked == [(timedelta(minutes=1), 1)]


def test_where_nobody_reads_the_statistics_the_test_does_not_either(login, system, administrator, answer_with):
    connector = answer_with(PASSED)
    login(administrator).post(_act("test", system))
    assert connector.asked == []


@pytest.mark.parametrize(
    ("code", "advice"),
    [("scope_refused", b"Add the scope stats"), ("forbidden", b"Add the scope stats"), ("timeout", b"did not answer")],
)
def test_statistics_that_may_not_be_read_fail_the_test(login, system, administrator, answer_with, code, advice):
    system.reads_statistics = True
    system.save()
    answer_with(PASSED, statistics=ConnectorError(code, permanent=code != "timeout"))
    page = login(administrator).post(_act("test", system), follow=True).content
    assert advice in page
    assert page.count(b"Passed") == 3
    assert b"does not work yet" in page


def test_an_error_of_the_connection_is_a_sentence_and_no_fault_page(login, system, administrator, answer_with):
    answer_with(ConnectorError("unreachable", permanent=False))
    answer = login(administrator).post(_act("test", system), follow=True)
    assert answer.status_code == 200
    assert b"The system could not be reached" in answer.content


def test_variables_are_named_and_their_values_never_shown(login, system, administrator, monkeypatch):
    monkeypatch.setenv(f"{system.credential}_CLIENT_SECRET", "hush-hush-secret")
    page = login(administrator).get(_page(system)).content.decode()
    assert f"{system.credential}_CLIENT_ID" in page
    assert "In the environment" in page
    assert "Not set" in page
    assert "hush-hush-secret" not in page
