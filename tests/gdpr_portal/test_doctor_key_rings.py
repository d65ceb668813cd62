"""What `manage.py doctor` finds about the keys: whether they open everything that is there."""

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from gdpr_portal.doctor import key_rings
from requests_app import keys
from requests_app.models import Identifier, SubjectKey
from tests.gdpr_portal.doctor_story import SECRET, levels, said

# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keks", [[], ["1"], ["1:short"], ["one:" + SECRET]])
def test_a_ring_that_cannot_be_read_is_found(rings, keks):
    rings(keks=keks)
    assert levels(key_rings.rings_parse) == ["fail"]


def test_rings_that_share_a_key_are_found(rings):
    assert levels(key_rings.rings_parse) == ["ok"]
    rings(keks=["1:" + SECRET], index=["1:" + SECRET])
    assert levels(key_rings.rings_parse) == ["fail", "ok"]


def test_keys_that_open_everything_are_fine(sealed):
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]


def test_a_lost_epoch_is_found(sealed, rings):
    rings(keks=["2:" + SECRET])
    assert "lacks the keys of epochs in use: 1." in said(key_rings.rings_open_what_is_stored)


def test_a_destroyed_epoch_that_nothing_needs_may_be_missing(sealed, rings):
    rings(keks=["2:" + SECRET])
    SubjectKey.objects.update(wrapped=None, destroyed_at=timezone.now())
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]


def test_another_key_under_the_same_number_is_found(sealed, rings):
    rings(keks=["1:" + SECRET])
    assert "does not open what epoch 1 sealed" in said(key_rings.rings_open_what_is_stored)


def test_a_lost_index_key_is_found(sealed):
    Identifier.objects.update(index_key_id=7)
    assert "PORTAL_INDEX_KEYS lacks keys in use: 7." in said(key_rings.rings_open_what_is_stored)


def test_the_epoch_of_a_second_factor_is_missed_too(db, rings, staff):
    Authenticator.objects.create(user=staff, type="totp", data={"secret": keys.seal_setting("mfa", "secret")})
    assert levels(key_rings.rings_open_what_is_stored) == ["ok"]
    rings(keks=["2:" + SECRET])
    assert "epochs in use: 1." in said(key_rings.rings_open_what_is_stored)
