"""The reconciliation on screen."""

import pytest
from django.db import connection
from django.urls import reverse

from content_app.admin import reconciling
from content_app.models import Receipt
from tests.content_app import admin_story
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db
ALL, ONE = "admin:content_reconciliation", "admin:content_request_reconciliation"


@pytest.fixture
def case(staff, validator, supervisor, settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    request, _ = admin_story.verified(staff, validator, supervisor)
    return request


def tamper():
    with guards_aside(connection):
        Receipt.objects.update(status="failed")


def test_it_says_that_the_accounts_agree_and_names_what_does_not(case, auditor, login):
    client = login(auditor)
    for address in (reverse(ALL), reverse(ONE, args=[case.pk])):
        page = client.get(address).content.decode()
        assert "The accounts agree" in page
    tamper()
    for address in (reverse(ALL), reverse(ONE, args=[case.pk])):
        page = client.get(address).content.decode()
        assert "1 difference<" in page
        assert f"The status of receipt {Receipt.objects.get().pk}" in page


def test_it_goes_on_where_the_last_page_ended(case, staff, validator, supervisor, auditor, login, monkeypatch):
    monkeypatch.setattr(reconciling, "BUDGET", 1)
    client = login(auditor)
    page = client.get(reverse(ALL)).content.decode()
    assert 'rel="next"' not in page
    other, _ = admin_story.approved(staff, validator, supervisor)
    page = client.get(reverse(ALL)).content.decode()
    assert f"?after={min(case.pk, other.pk)}" in page
    assert "From the first" in client.get(reverse(ALL), {"after": min(case.pk, other.pk)}).content.decode()
    assert client.get(reverse(ALL), {"after": "nonsense"}).status_code == 200


@pytest.mark.parametrize("who", ["staff", "supervisor", "administrator", "agent", "outsider"])
def test_others_see_none_of_it(who, case, login, request):
    client = login(request.getfixturevalue(who))
    assert client.get(reverse(ALL)).status_code == 403
    assert client.get(reverse(ONE, args=[case.pk])).status_code == 403
