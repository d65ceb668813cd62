"""The ledger and the access log on screen: to be read by those who check, and by nobody to be changed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from requests_app import access_log, audit, sequencer, transitions
from requests_app.models import LedgerLeaf, Request
from tests import factories

Login = Callable[[User], Client]
LIST = "admin:requests_app_ledgerleaf_changelist"
ENTRY = "admin:requests_app_ledgerleaf_change"
READERS = ["auditor", "dpo", "privacy_manager"]
OTHERS = ["agent", "staff", "supervisor", "administrator", "outsider"]


@pytest.fixture
def moved(staff: User) -> Request:
    dsr = factories.RequestFactory()
    transitions.move(dsr.pk, seen="received", to=transitions.State.VALIDATED, actor=staff, validated_by=staff)
    sequencer.drain()
    return dsr


@pytest.mark.parametrize("who", READERS)
def test_readers_browse_it(who: str, moved: Request, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    leaf = LedgerLeaf.objects.get()
    assert b"Request moved" in client.get(reverse(LIST)).content
    page = client.get(reverse(ENTRY, args=[leaf.pk])).content.decode()
    assert bytes(leaf.hash).hex() in page
    assert "Entry 0" in page
    assert moved.reference in page


@pytest.mark.parametrize("who", OTHERS)
def test_nobody_else_does(who: str, moved: Request, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse(ENTRY, args=[LedgerLeaf.objects.get().pk])).status_code == 403


@pytest.mark.parametrize("name", ["ledgerleaf", "accesslogentry", "datasubject"])
def test_not_even_a_superuser_adds_changes_or_deletes(name: str, superuser: User, moved: Request, login: Login) -> None:
    client = login(superuser)
    access_log.note(superuser, access_log.What.REQUEST, object_id=moved.pk)
    row = {"ledgerleaf": LedgerLeaf.objects.get(), "datasubject": moved.subject}.get(name)
    pk = row.pk if row else access_log.AccessLogEntry.objects.get().pk
    base = f"admin:requests_app_{name}"
    assert client.post(reverse(f"{base}_add"), {}).status_code == 403
    assert client.post(reverse(f"{base}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    before = list(LedgerLeaf.objects.values_list("pk", "type"))
    client.post(reverse(f"{base}_change", args=[pk]), {"type": "x", "kind": "other"})
    client.post(reverse(f"{base}_changelist"), {"action": "delete_selected", "_selected_action": [str(pk)]})
    assert list(LedgerLeaf.objects.values_list("pk", "type")) == before


def test_it_is_filtered_by_type_role_and_reference(auditor: User, moved: Request, login: Login) -> None:
    client = login(auditor)

    def found(**query: str) -> bool:
        return b'id="result_list"' in client.get(reverse(LIST), query).content

    assert found(type="request.moved")
    assert not found(type="request.received")
    assert found(role="staff")
    assert not found(role="supervisor")
    assert found(q=moved.reference)
    assert not found(q="DSR-0000-0000")


def test_a_check_is_made_and_remembered(auditor: User, moved: Request, login: Login) -> None:
    client = login(auditor)
    page = client.post(reverse("admin:requests_app_ledger_check"), follow=True).content.decode()
    assert "1 entries recomputed" in page
    assert "Intact" in page
    assert client.get(reverse("admin:requests_app_ledger_check")).status_code == 405


def test_a_check_is_refused_to_others(staff: User, moved: Request, login: Login) -> None:
    assert login(staff).post(reverse("admin:requests_app_ledger_check")).status_code == 403


@pytest.mark.parametrize(("who", "status"), [("auditor", 200), ("dpo", 200), ("staff", 403), ("supervisor", 403)])
def test_the_access_log_has_its_own_readers(who: str, status: int, login: Login, request: Any, moved: Request) -> None:
    user = request.getfixturevalue(who)
    access_log.note(user, access_log.What.REQUEST, object_id=moved.pk)
    assert login(user).get(reverse("admin:requests_app_accesslogentry_changelist")).status_code == status


def test_the_roles_of_the_filter_are_those_of_the_ledger(auditor: User) -> None:
    assert audit.role_of(auditor) in audit.ROLES
