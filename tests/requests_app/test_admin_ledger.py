"""The ledger and the access log on screen: to be read by those who check, and by nobody to be changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from requests_app import access_log, audit, sequencer, transitions
from requests_app.admin import ledger_list, ledger_words
from requests_app.ledger_types import TYPES
from requests_app.models import LedgerCheck, LedgerLeaf, Request
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
        return b"ledger-no" in client.get(reverse(LIST), query).content

    assert found(type="request.moved")
    assert not found(type="request.received")
    assert found(role="staff")
    assert not found(role="supervisor")
    assert found(q=moved.reference)
    assert found(q=moved.reference.lower())
    assert not found(q="DSR-0000-0000")
    actor = LedgerLeaf.objects.get().actor
    assert found(actor=actor)
    assert not found(actor="machine:worker")


def test_it_is_filtered_by_days(auditor: User, moved: Request, login: Login) -> None:
    client, today = login(auditor), timezone.localdate()

    def found(**query: Any) -> bool:
        return b"ledger-no" in client.get(reverse(LIST), query).content

    assert found(since=today, until=today)
    assert not found(since=today + timedelta(days=1))
    assert not found(until=today - timedelta(days=1))
    assert found(since="no day", until="9999-99-99")


def test_it_is_leafed_through_without_a_gap_or_a_repetition(auditor: User, login: Login, monkeypatch: Any) -> None:
    monkeypatch.setattr(ledger_list, "PAGE", 4)
    dsr = factories.RequestFactory()
    for number in range(11):
        audit.append("candidate.chosen", actor=auditor, about=dsr, choice="include", reason="x", items=number)
    every = [leaf.pk for leaf in LedgerLeaf.objects.order_by("-id")]
    seen, query = [], ""
    pages = []
    while True:
        page = ledger_list.listed(QueryDict(query))
        pages.append(page)
        seen += [entry.id for entry in page.entries]
        if not page.older:
            break
        query = page.older[1:]
    assert seen == every
    back = ledger_list.listed(QueryDict(pages[2].newer[1:]))
    assert [entry.id for entry in back.entries] == every[4:8]
    assert not ledger_list.listed(QueryDict(back.newer[1:])).newer


def test_a_page_costs_the_same_however_long_the_ledger_is(
    auditor: User, login: Login, moved: Request, django_assert_max_num_queries: Any
) -> None:
    for number in range(120):
        audit.append("candidate.chosen", actor=auditor, about=moved, choice="include", reason="x", items=number)
    client = login(auditor)
    with django_assert_max_num_queries(20):
        client.get(reverse(LIST))


@pytest.mark.parametrize("who", READERS)
def test_a_request_has_a_page_of_the_ledger_of_its_own(who: str, moved: Request, login: Login, request: Any) -> None:
    other = factories.RequestFactory()
    audit.append("report.exported", actor=audit.WORKER, about=other, format="pdf", sha256="a" * 64)
    client = login(request.getfixturevalue(who))
    page = client.get(reverse("admin:requests_app_request_ledger", args=[moved.pk])).content.decode()
    assert "Received → Validated" in page
    assert "Report exported" not in page


def test_staff_do_not_read_the_page_of_the_ledger(staff: User, moved: Request, login: Login) -> None:
    assert login(staff).get(reverse("admin:requests_app_request_ledger", args=[moved.pk])).status_code == 403


def test_a_check_is_made_and_remembered(auditor: User, moved: Request, login: Login) -> None:
    client = login(auditor)
    page = client.post(reverse("admin:requests_app_ledger_check"), follow=True).content.decode()
    assert "1 entries recomputed" in page
    assert "The ledger holds" in page
    assert LedgerCheck.objects.get().by == auditor
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


def test_every_word_of_an_entry_is_a_fact_of_its_type() -> None:
    for name, parts in ledger_words.SENTENCES.items():
        told = {fact for part in parts for fact in ledger_words._FACT.findall(part)}
        assert told <= set(TYPES[name].facts), name


def test_a_type_without_words_of_its_own_tells_its_facts(auditor: User) -> None:
    person = UUID(audit.pseudonym_of(auditor))
    leaf = audit.append("user.changed", actor=auditor, about=person, person=person, change="roles", roles=2)
    assert ledger_words.parse(leaf).sentence == f"Change roles · person …{str(person)[-6:]} · roles 2"
