"""The doors that stay shut, and those that lead nowhere."""

import pytest
from django.urls import reverse

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


@pytest.mark.parametrize("nobody", ["0", "nonsense", "01a2244c-fb56-7037-84ee-e4f79969d6ff"])
@pytest.mark.parametrize(
    ("who", "address"),
    [
        ("administrator", "content_app_system_change"),
        ("administrator", "auth_user_change"),
        ("administrator", "auth_group_change"),
        ("administrator", "requests_app_staffaccount_change"),
        ("administrator", "requests_app_staffaccount_delete"),
        ("auditor", "requests_app_request_change"),
        ("auditor", "requests_app_request_history"),
        ("auditor", "requests_app_ledgerleaf_change"),
        ("auditor", "requests_app_sample_change"),
        ("auditor", "requests_app_datasubject_change"),
        ("auditor", "requests_app_accesslogentry_change"),
    ],
)
def test_what_is_not_there_says_so_and_does_not_lead_to_the_first_page(who, address, nobody, login, request):
    answer = login(request.getfixturevalue(who)).get(reverse(f"admin:{address}", args=[nobody]))
    assert answer.status_code == 404
    assert b"GDPR Portal" in answer.content
