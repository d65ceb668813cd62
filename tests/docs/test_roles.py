"""`docs/roles.md` says address by address who gets in, and that is who gets in."""

import pytest

from gdpr_portal.roles import ROLES
from tests.docs import doors, tables


@pytest.mark.sqlite  # permissions are the same on both, and asking every role at every door takes long
def test_the_table_says_who_gets_in(db):
    found = doors.access()
    assert not any(allowed[doors.NOBODY] for allowed in found.values())
    again = "The table is not what the portal does. If the portal is right: python -m tests.docs.roles_table"
    assert doors.written() == doors.rendered(found), again


def test_nobody_gets_in_without_signing_in(db, client):
    world = doors.build()
    for name, wanted in doors.admin_names():
        answer = doors._ask(client, name, world, wanted, method="get")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/?next="), name


def test_each_role_is_described_with_its_permissions():
    rows = tables.table("docs/roles.md", "Permissions")
    assert {row["Role"]: set(tables.codes(row["Permissions"])) for row in rows} == {
        role: set(permissions) for role, permissions in ROLES.items()
    }
    assert {row["Role"] for row in tables.table("docs/roles.md", "What each role does")} == set(ROLES)


def test_what_is_the_same_for_all_is_listed():
    rows = tables.table("docs/roles.md", "The same for everybody with an account")
    assert {tables.code(row["Address"]) for row in rows} == set(doors.SAME_FOR_ALL)
