"""Signing in: whoever fails is slowed down, and nobody else."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db
SIGN_IN = reverse("account_login")


@pytest.fixture(autouse=True)
def _forget_failures():
    cache.clear()
    yield
    cache.clear()


def sign_in(password, *, caller):
    return Client().post(SIGN_IN, {"login": "someone", "password": password}, headers={"X-Forwarded-For": caller})


def test_failures_at_one_address_do_not_shut_the_door_at_another(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    someone = factories.person("someone", "staff")
    someone.set_password("a password of theirs")
    someone.save()
    answers = [sign_in("wrong", caller="198.51.100.7") for _ in range(11)]
    assert b"Too many failed login attempts" in answers[-1].content
    assert sign_in("a password of theirs", caller="spoofed, 198.51.100.8").status_code == 302
    assert sign_in("a password of theirs", caller="198.51.100.9, 198.51.100.7").status_code == 200
