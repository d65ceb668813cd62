"""An address that only takes a form says so, in the portal's own page."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("act", ["validate", "withdraw", "refuse", "finding", "evidence"])
def test_an_address_that_only_takes_a_form_says_so_in_the_portals_own_page(login, staff, act):
    address = reverse(f"admin:requests_app_request_{act}", args=["018f0000-0000-7000-8000-000000000000"])
    answer = login(staff).get(address)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "Nothing was done" in answer.content.decode()
