"""The doors that stay shut."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address",
    [
        "email/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/1-abc/",
        "confirm-email/",
        "confirm-email/x/",
    ],
)
def test_what_needs_letters_is_shut(client, login, staff, address):
    for visitor in (client, login(staff)):
        for answer in (
            visitor.get(f"/accounts/{address}"),
            visitor.post(f"/accounts/{address}", {"email": "a@example.org", "action_add": ""}),
        ):
            assert answer.status_code == 404
