"""People and roles: administrators keep them, nobody climbs, and the ledger sees each change."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from requests_app.models import LedgerLeaf, StaffAccount
from tests import factories

Login = Callable[[User], Client]
GOOD = "correct horse battery staple"


def form_of(person: User, **changes: Any) -> dict[str, Any]:
    groups = list(person.groups.values_list("pk", flat=True))
    fields = {"username": person.username, "first_name": person.first_name, "last_name": person.last_name, "email": ""}
    return fields | {"groups": groups, "is_active": "on"} | changes


def save(client: Client, person: User, **changes: Any) -> Any:
    return client.post(reverse("admin:auth_user_change", args=[person.pk]), form_of(person, **changes))


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_an_administrator_creates_a_person_who_may_come_in(administrator: User, login: Login) -> None:
    new = {"username": "nora", "first_name": "Nora", "last_name": "New", "password1": GOOD, "password2": GOOD}
    login(administrator).post(reverse("admin:auth_user_add"), new)
    nora = User.objects.get(username="nora")
    assert nora.is_staff
    assert not nora.is_superuser
    assert LedgerLeaf.objects.filter(type="user.changed").count() == 1


def test_a_short_password_is_refused(administrator: User, login: Login) -> None:
    new = {"username": "nora", "password1": "Sh0rt!pass", "password2": "Sh0rt!pass"}
    page = login(administrator).post(reverse("admin:auth_user_add"), new)
    assert b"at least 12 characters" in page.content
    assert not User.objects.filter(username="nora").exists()


def test_a_change_of_roles_is_in_the_ledger_without_a_name(administrator: User, staff: User, login: Login) -> None:
    save(login(administrator), staff, groups=[role("supervisor")])
    assert [group.name for group in staff.groups.all()] == ["supervisor"]
    leaf = bytes(LedgerLeaf.objects.get(type="user.changed").leaf).decode()
    assert '"change":"roles"' in leaf
    assert staff.username not in leaf


def test_nobody_changes_their_own_roles(administrator: User, login: Login) -> None:
    save(login(administrator), administrator, groups=[role("administrator"), role("supervisor")])
    assert [group.name for group in administrator.groups.all()] == ["administrator"]


def test_nobody_becomes_a_superuser_here(administrator: User, staff: User, login: Login) -> None:
    permission = Permission.objects.get(codename="approve_request").pk
    save(login(administrator), staff, is_superuser="on", user_permissions=[permission], groups=[role("staff")])
    staff.refresh_from_db()
    assert not staff.is_superuser
    assert not staff.user_permissions.exists()


def test_an_administrator_reaches_no_superuser(administrator: User, superuser: User, login: Login) -> None:
    client = login(administrator)
    before = superuser.password
    save(client, superuser, username="mine")
    url = reverse("admin:auth_user_password_change", args=[superuser.pk])
    assert client.post(url, {"password1": GOOD, "password2": GOOD}).status_code == 403
    superuser.refresh_from_db()
    assert (superuser.username, superuser.password) == ("root", before)


def test_a_password_that_is_set_for_somebody_is_in_the_ledger(administrator: User, staff: User, login: Login) -> None:
    url = reverse("admin:auth_user_password_change", args=[staff.pk])
    login(administrator).post(url, {"password1": GOOD, "password2": GOOD, "usable_password": "true"})
    staff.refresh_from_db()
    assert staff.check_password(GOOD)
    assert b'"change":"password_set"' in bytes(LedgerLeaf.objects.get(type="user.changed").leaf)


def test_nobody_is_deleted(superuser: User, staff: User, login: Login) -> None:
    client = login(superuser)
    assert client.post(reverse("admin:auth_user_delete", args=[staff.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=staff.pk).exists()


def test_roles_are_looked_up_and_never_changed(superuser: User, login: Login) -> None:
    client, group = login(superuser), Group.objects.get(name="agent")
    url = reverse("admin:auth_group_change", args=[group.pk])
    assert client.get(url).status_code == 200
    every = list(Permission.objects.values_list("pk", flat=True))
    assert client.post(url, {"name": "agent", "permissions": every}).status_code == 403
    assert client.get(reverse("admin:auth_group_add")).status_code == 403
    assert group.permissions.count() == 1


@pytest.mark.parametrize("who", ["agent", "staff", "supervisor", "auditor", "privacy_manager", "dpo", "outsider"])
def test_nobody_else_opens_people(who: str, login: Login, request: Any) -> None:
    client = login(request.getfixturevalue(who))
    for name in (
        "auth_user_changelist",
        "auth_user_add",
        "auth_group_changelist",
        "requests_app_staffaccount_changelist",
    ):
        assert client.get(reverse(f"admin:{name}")).status_code == 403


def test_an_agent_id_is_linked_to_a_colleague(administrator: User, agent: User, login: Login) -> None:
    system = factories.SystemFactory()
    data = {"system_id": str(system.pk), "external_id": "4711", "user": agent.pk}
    client = login(administrator)
    client.post(reverse("admin:requests_app_staffaccount_add"), data)
    account = StaffAccount.objects.get()
    assert account.user == agent
    client.post(reverse("admin:requests_app_staffaccount_change", args=[account.pk]), data | {"external_id": "4712"})
    account.refresh_from_db()
    assert account.external_id == "4712"
    client.post(reverse("admin:requests_app_staffaccount_delete", args=[account.pk]), {"post": "yes"})
    assert not StaffAccount.objects.exists()
    leaves = LedgerLeaf.objects.filter(type="agent.linked").order_by("id")
    assert [json.loads(bytes(leaf.leaf))["facts"]["change"] for leaf in leaves] == ["linked", "changed", "unlinked"]


def test_the_pages_of_packages_are_shut() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}
    assert not labels & {"django_q", "account", "mfa", "usersessions", "sites"}
    with pytest.raises(NoReverseMatch):
        reverse("admin:django_q_schedule_changelist")
