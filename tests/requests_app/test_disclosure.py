"""Nobody sees a person in clear without a line in the access log, and none of these lines is without a reason."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from requests_app import access_log
from requests_app.models import AccessLogEntry, Request
from tests import story
from tests.docs import doors

Login = Callable[[User], Client]
PAGE, REVEAL = "admin:requests_app_request_change", "admin:requests_app_request_reveal"
NAME, PHONE = "Canary Quillfeather", "+447700900123"
#: How the person would leak; the second is the telephone number as somebody might write it.
CLEAR = ("Canary", "Quillfeather", PHONE, "7700 900123")
REVEALERS = ["auditor", "dpo"]
#: The modules that may open a sealed value: the searches, the comparison of duplicates, and the one that shows it.
OPENERS = {"requests_app/disclosure.py", "requests_app/intake.py", "content_app/belonging.py", "requests_app/keys.py"}


@pytest.fixture
def dsr(staff: User, validator: User) -> Request:
    return story.validated(staff, validator, name=NAME)


def shows(answer: Any) -> bool:
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return any(value in text.decode(errors="replace") for value in CLEAR)


# --- giving a reason -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", REVEALERS)
def test_whoever_oversees_sees_the_person_masked_until_they_give_a_reason(
    who: str, dsr: Request, login: Login, request: Any
) -> None:
    user = request.getfixturevalue(who)
    client = login(user)
    assert not shows(client.get(reverse(PAGE, args=[dsr.pk])))
    assert not AccessLogEntry.objects.exists()
    answer = client.post(reverse(REVEAL, args=[dsr.pk]), {"reason": "complaint"}, follow=True)
    assert shows(answer)
    line = AccessLogEntry.objects.get()
    assert (line.user, line.what, line.reason, line.object_id) == (user, "request", "complaint", str(dsr.pk))


@pytest.mark.parametrize("reason", ["", "casework", "oversight", "curiosity"])
def test_a_reason_that_is_not_on_the_list_shows_nothing(reason: str, dsr: Request, auditor: User, login: Login) -> None:
    answer = login(auditor).post(reverse(REVEAL, args=[dsr.pk]), {"reason": reason}, follow=True)
    assert not shows(answer)
    assert b"Choose a reason" in answer.content
    assert not AccessLogEntry.objects.exists()


def test_a_reason_holds_for_one_request_and_a_quarter_of_an_hour(
    dsr: Request, staff: User, validator: User, auditor: User, login: Login, clock: Any
) -> None:
    other = story.validated(staff, validator, name=NAME)
    client = login(auditor)
    client.post(reverse(REVEAL, args=[dsr.pk]), {"reason": "incident"})
    assert not shows(client.get(reverse(PAGE, args=[other.pk])))
    clock.shift(timedelta(minutes=14))
    assert shows(client.get(reverse(PAGE, args=[dsr.pk])))
    clock.shift(timedelta(minutes=2))
    assert not shows(client.get(reverse(PAGE, args=[dsr.pk])))


@pytest.mark.parametrize("who", ["staff", "supervisor", "privacy_manager", "outsider", "agent", "administrator"])
def test_nobody_else_gives_reasons(who: str, dsr: Request, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    assert client.post(reverse(REVEAL, args=[dsr.pk]), {"reason": "complaint"}).status_code == 403


def test_those_who_work_on_requests_need_no_reason_and_leave_one(staff: User, dsr: Request, login: Login) -> None:
    assert shows(login(staff).get(reverse(PAGE, args=[dsr.pk])))
    assert AccessLogEntry.objects.get().reason == "casework"


def test_an_auditor_searches_for_a_person_with_a_reason_only(dsr: Request, auditor: User, login: Login) -> None:
    client, find = login(auditor), reverse("admin:requests_app_request_find")
    without = client.post(find, {"q": PHONE})
    assert "subject__in" not in without.headers["Location"]
    assert not AccessLogEntry.objects.exists()
    answer = client.post(find, {"q": PHONE, "reason": "supervisory_request"})
    assert str(dsr.subject_id) in answer.headers["Location"]
    assert AccessLogEntry.objects.get(what="search").reason == "supervisory_request"


def test_an_export_without_personal_data_carries_the_role_s_own_reason(auditor: User, staff: User) -> None:
    access_log.note(auditor, access_log.What.LIST)
    access_log.note(staff, access_log.What.LIST)
    assert [one.reason for one in AccessLogEntry.objects.order_by("id")] == ["oversight", "casework"]


# --- everywhere ------------------------------------------------------------------------------------------------------


def test_no_address_shows_a_person_without_a_line_and_a_reason(db: None, monkeypatch: Any) -> None:
    """Every address of the admin site, as every role, without a reason and, for whoever may give one, with it."""
    monkeypatch.setattr(story, "received", _with_canary(story.received))
    world, shown = doors.build(), set()
    for role, client in doors.people().items():
        user = User.objects.get(username=f"door.{role.replace(' ', '')}")
        for reason in ("", "complaint"):
            if reason and not _give(client, world.request, reason):
                continue  # nothing has changed for this role
            for name, wanted in doors.admin_names():
                for method in ("get", "post"):
                    if _ask(client, user, world, name, wanted, method=method):
                        shown.add((role, name))
    assert ("staff", "requests_app_request_change") in shown
    assert ("auditor", "requests_app_request_change") in shown
    assert ("auditor", "content_review") in shown, "her reason counted"
    assert not {name for role, name in shown if role in ("agent", "administrator", doors.NOBODY)}


def _with_canary(received: Any) -> Any:
    return lambda opened_by, **told: received(opened_by, **(told | {"name": NAME}))


def _give(client: Client, request: Request, reason: str) -> bool:
    """Whether this role may give one."""
    return client.post(reverse(REVEAL, args=[request.pk]), {"reason": reason}).status_code != 403


def _ask(client: Client, user: User, world: Any, name: str, wanted: tuple[str, ...], *, method: str) -> bool:
    """Whether the person was shown; then there must be a line. Nothing of it stays."""
    undone = transaction.atomic()
    undone._from_testcase = True  # type: ignore[attr-defined]
    with undone:
        before = AccessLogEntry.objects.count()
        address = reverse(f"admin:{name}", kwargs=world.arguments(name, wanted))
        data = {} if method == "get" else world.forms(name)
        answer = getattr(client, method)(address, data, follow=True)
        found = shows(answer)
        if found:
            lines = AccessLogEntry.objects.order_by("id")[before:]
            told = [(one.user, one.object_id) for one in lines if one.reason]
            assert (user, str(world.request.pk)) in told, f"{name} shows the person to {user} and notes nothing"
        transaction.set_rollback(True)
    return found


def test_one_module_opens_sealed_values_for_a_screen() -> None:
    opened = re.compile(r"\bunseal\(")
    sources = [path for top in ("requests_app", "content_app", "gdpr_portal") for path in Path(top).rglob("*.py")]
    found = {path.as_posix() for path in sources if opened.search(path.read_text(encoding="utf-8"))}
    assert found == OPENERS


def test_the_line_comes_before_the_value(dsr: Request, staff: User, login: Login, monkeypatch: Any) -> None:
    def full(*told: Any, **more: Any) -> None:
        raise OSError

    monkeypatch.setattr(access_log.AccessLogEntry.objects, "create", full)
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    answer = client.get(reverse(PAGE, args=[dsr.pk]))
    assert answer.status_code == 500
    assert not shows(answer)


def test_the_reasons_to_choose_are_none_of_the_implicit_ones() -> None:
    assert {"casework", "oversight"}.isdisjoint(dict(access_log.CHOOSABLE))
