"""The suppression list on screen: who may review it is asked when an entry is due, nobody else, and not before."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from requests_app.models import Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry():
    now = timezone.now()
    return Suppression.objects.create(
        hmac=b"h" * 32, key_id=1, reason="objection", channel="all", since=now - timedelta(days=1096),
        review_on=timezone.localdate(),
    )  # fmt: skip


def page(entry):
    return reverse("admin:requests_app_suppression_change", args=[entry.pk])


def act(entry, name):
    return reverse(f"admin:requests_app_suppression_{name}", args=[entry.pk])


def test_a_privacy_manager_finds_it_on_the_first_page_and_keeps_it(entry, privacy_manager, login):
    client = login(privacy_manager)
    first = client.get(reverse("admin:index")).content.decode()
    assert "suppression entries to review" in first
    found = client.get(first.partition("review_on__lt")[0].rpartition('"')[2] + "review_on__lt=9999-01-01")
    assert page(entry) in found.content.decode()
    assert "Keep the entry" in client.get(page(entry)).content.decode()
    said = client.post(act(entry, "keep"), {"reason": "still_holds"}, follow=True).content.decode()
    assert "The entry stays. The next review is on" in said
    assert "Keep the entry" not in client.get(page(entry)).content.decode()
    assert "suppression entries to review" not in client.get(reverse("admin:index")).content.decode()


def test_ending_it_needs_a_reason(entry, privacy_manager, login):
    client = login(privacy_manager)
    said = client.post(act(entry, "end"), {"reason": ""}, follow=True).content.decode()
    assert "Choose a reason from the list." in said
    said = client.post(act(entry, "end"), {"reason": "mistake"}, follow=True).content.decode()
    assert "The entry is gone." in said
    assert "Nobody is on the list" in said
    said = client.post(act(entry, "keep"), {"reason": "law"}, follow=True).content.decode()
    assert "not on the list any more" in said


@pytest.mark.parametrize("who", ["staff", "dpo"])
def test_who_only_sees_the_list_is_not_asked(who, entry, login, request):
    client = login(request.getfixturevalue(who))
    assert "Keep the entry" not in client.get(page(entry)).content.decode()
    for name in ("keep", "end"):
        assert client.post(act(entry, name), {"reason": "mistake"}).status_code == 403
    assert Suppression.objects.exists()


def test_before_its_time_nobody_is_asked(entry, privacy_manager, login):
    Suppression.objects.update(review_on=timezone.localdate() + timedelta(days=1))
    client = login(privacy_manager)
    assert "Keep the entry" not in client.get(page(entry)).content.decode()
    assert "suppression entries to review" not in client.get(reverse("admin:index")).content.decode()
