"""The acts on what the portal is set up with: connected systems, accounts, agents.

In:  a stage.
Out: the acts, registered by ``conftest.py``.
Never here: a test.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.models import Group
from django.urls import reverse

from content_app import systems, trials
from requests_app.models import StaffAccount
from tests.chaos.acts import GOOD, Doing, act
from tests.chaos.stage import Stage

# --- systems ---------------------------------------------------------------------------------------------------------


@act("system.deletion_proposed")
def propose_deletion(stage: Stage) -> Doing:
    return partial(systems.propose_deletion, stage.shadowed().pk, actor=stage.person("administrator"))


@act("system.deletion_enabled")
def confirm_deletion(stage: Stage) -> Doing:
    system = stage.shadowed()
    systems.propose_deletion(system.pk, actor=stage.person("administrator"))
    return partial(systems.confirm_deletion, system.pk, actor=stage.person("supervisor"))


@act("system.shadowed")
def return_to_shadow(stage: Stage) -> Doing:
    return partial(systems.return_to_shadow, stage.system.pk, actor=stage.person("supervisor"))


@act("system.stopped")
def stop(stage: Stage) -> Doing:
    return partial(systems.stop, stage.system.pk, actor=stage.person("supervisor"))


@act("system.resumed")
def resume(stage: Stage) -> Doing:
    systems.stop(stage.system.pk, actor=stage.person("supervisor"))
    return partial(systems.resume, stage.system.pk, actor=stage.person("supervisor"), reason="false_alarm")


_SYSTEM = {
    "name": "Contact centre", "gateway_url": "https://emea.api.cc.vonage.com", "auth_url": "https://emea.cc.vonage.com",
    "credential": "VCC_EU", "client_auth": "basic", "region": "gb", "history_days": 365,
    "calls_per_minute": 160, "batches_per_minute": 16, "delete_parallel": 1,
}  # fmt: skip


def _post(stage: Stage, view: str, fields: dict[str, Any], *args: Any) -> Doing:
    return partial(stage.client("administrator").post, reverse(f"admin:{view}", args=args), fields)


@act("system.changed")
def connect_a_system(stage: Stage) -> Doing:
    return _post(stage, "content_app_system_add", _SYSTEM)


@act("system.changed", "system.shadowed")
def give_a_system_another_address(stage: Stage) -> Doing:
    return _post(stage, "content_app_system_change", _SYSTEM, stage.system.pk)


@act("system.retired")
def retire_a_system(stage: Stage) -> Doing:
    return partial(systems.retire, stage.shadowed().pk, actor=stage.person("administrator"))


@act("system.reconnected")
def reconnect_a_system(stage: Stage) -> Doing:
    system, who = stage.shadowed(), stage.person("administrator")
    systems.retire(system.pk, actor=who)
    return partial(systems.reconnect, system.pk, actor=who)


@act("trial.mended")
def say_that_a_system_was_mended(stage: Stage) -> Doing:
    stage.centre.stubborn |= {"a", "b"}
    request = stage.request("approved")
    stage.advance(request)
    who = stage.person("supervisor", 2)
    return partial(trials.mend, request.pk, actor=who, reason="vendor_mended")


# --- people ----------------------------------------------------------------------------------------------------------


@act("user.changed")
def add_a_person(stage: Stage) -> Doing:
    return _post(stage, "auth_user_add", {"username": "nora", "password1": GOOD, "password2": GOOD})


@act("user.changed")
def change_roles(stage: Stage) -> Doing:
    person, role = stage.person("staff"), Group.objects.get(name="supervisor").pk
    fields = {"username": person.username, "first_name": "Sam", "last_name": "Staff", "email": "", "is_active": "on"}
    fields |= {"first_name": person.first_name, "last_name": person.last_name}
    return _post(stage, "auth_user_change", fields | {"groups": [role]}, person.pk)


@act("user.changed")
def set_a_password(stage: Stage) -> Doing:
    fields = {"password1": GOOD, "password2": GOOD, "usable_password": "true"}
    return _post(stage, "auth_user_password_change", fields, stage.person("staff").pk)


def _agent(stage: Stage) -> dict[str, Any]:
    return {"system_id": str(stage.system.pk), "external_id": "4711", "user": stage.person("agent").pk}


@act("agent.linked")
def link_an_agent(stage: Stage) -> Doing:
    return _post(stage, "requests_app_staffaccount_add", _agent(stage))


def _linked(stage: Stage) -> StaffAccount:
    return StaffAccount.objects.create(user=stage.person("agent"), system_id=stage.system.pk, external_id="1342")


@act("agent.linked")
def change_an_agent(stage: Stage) -> Doing:
    return _post(stage, "requests_app_staffaccount_change", _agent(stage), _linked(stage).pk)


@act("agent.linked")
def unlink_an_agent(stage: Stage) -> Doing:
    return _post(stage, "requests_app_staffaccount_delete", {"post": "yes"}, _linked(stage).pk)
