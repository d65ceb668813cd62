"""Keys: what is sealed opens only where it was sealed, and what is forgotten opens nowhere."""

import base64
import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from uuid_utils.compat import uuid7

from requests_app import keys
from requests_app.errors import Refused
from requests_app.models import Identifier, KekEpoch, SubjectKey
from tests import factories

pytestmark = pytest.mark.django_db

VALUE = "ines@example.org"


def key(letter):
    return base64.b64encode(letter * 32).decode()


@pytest.fixture
def ring(settings):
    """``ring(name, *entries)`` replaces a ring of keys for one test."""

    def replace(name, *entries):
        setattr(settings, name, list(entries))
        keys.key_encryption_keys.cache_clear()
        keys.index_keys.cache_clear()

    yield replace
    keys.key_encryption_keys.cache_clear()
    keys.index_keys.cache_clear()


@pytest.fixture
def subject():
    return factories.DataSubjectFactory.create()


def opened(row):
    return keys.unseal(row, "value_enc", subject_id=row.subject_id)


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code
    assert VALUE not in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [[], ["1"], ["one:" + key(b"a")], ["1:" + base64.b64encode(b"short").decode()], ["1:not base64!"]],
    ids=["none", "no key", "no number", "too short", "no base64"],
)
@pytest.mark.parametrize("name", ["PORTAL_KEKS", "PORTAL_INDEX_KEYS"])
def test_a_ring_that_is_wrong_stops_the_portal_and_shows_no_key(ring, name, entries):
    ring(name, *entries)
    with pytest.raises(ImproperlyConfigured) as caught:
        keys.key_encryption_keys() if name == "PORTAL_KEKS" else keys.index_keys()
    assert name in str(caught.value)
    assert not [entry for entry in entries if len(entry) > 3 and entry.partition(":")[2] in str(caught.value)]


def test_two_seals_of_one_value_differ_and_both_open(subject):
    one = factories.identifier(subject, "email", VALUE)
    first, second = (keys.seal(one, "value_enc", VALUE, subject_id=subject.pk) for _ in range(2))
    assert first != second
    for sealed in (first, second):
        one.value_enc = sealed
        assert opened(one) == VALUE


def test_a_value_opens_in_no_other_row_column_subject_or_after_a_changed_bit(subject):
    row = factories.identifier(subject, "email", VALUE)
    stranger = factories.identifier(factories.DataSubjectFactory.create(), "email", VALUE)
    other = Identifier(pk=uuid7(), subject=subject, value_enc=row.value_enc)
    refused("cannot_decrypt", opened, other)
    stranger.value_enc = row.value_enc
    refused("cannot_decrypt", opened, stranger)
    row.value_enc = bytes(row.value_enc[:-1]) + bytes([row.value_enc[-1] ^ 1])
    refused("cannot_decrypt", opened, row)


def test_after_a_new_epoch_old_values_open_and_new_ones_are_wrapped_under_it(ring, subject, settings):
    old = factories.identifier(subject, "email", VALUE)
    ring("PORTAL_KEKS", settings.PORTAL_KEKS[0], "2:" + key(b"n"))
    assert opened(old) == VALUE
    newer = factories.DataSubjectFactory.create()
    assert set(newer.keys.values_list("epoch", flat=True)) == {2}
    ring("PORTAL_KEKS", "2:" + key(b"n"))
    refused("missing_key", opened, old)
    assert set(KekEpoch.objects.values_list("id", flat=True)) == {1, 2}


def test_forgetting_destroys_one_purpose_of_one_person_and_nothing_else(subject):
    row = factories.identifier(subject, "email", VALUE)
    stranger = factories.identifier(factories.DataSubjectFactory.create(), "email", VALUE)
    keys.destroy_subject_key(subject.pk, SubjectKey.Purpose.IDENTIFIERS)
    with pytest.raises(keys.Forgotten):
        opened(row)
    assert opened(stranger) == VALUE
    left = SubjectKey.objects.filter(subject=subject, wrapped__isnull=False)
    assert set(left.values_list("purpose", flat=True)) == {"letters", "ledger"}
    destroyed = SubjectKey.objects.get(subject=subject, wrapped__isnull=True)
    with pytest.raises(keys.Forgotten):
        keys.prove(destroyed)
    keys.destroy_subject_key(subject.pk, SubjectKey.Purpose.IDENTIFIERS)
    assert SubjectKey.objects.get(pk=destroyed.pk).destroyed_at == destroyed.destroyed_at, "the first time counts"


def test_the_index_is_keyed_and_looked_up_under_every_key(ring, settings):
    first, number = keys.blind_index("email", VALUE)
    assert (len(first), number) == (32, 1)
    ring("PORTAL_INDEX_KEYS", *settings.PORTAL_INDEX_KEYS, "2:" + key(b"j"))
    second, number = keys.blind_index("email", VALUE)
    assert number == 2
    assert set(keys.blind_indices("email", VALUE)) == {first, second}
    assert keys.blind_index("handle", VALUE)[0] != second


def test_a_line_of_an_import_is_known_again_after_a_rotation(ring, settings):
    before = keys.import_key("a", "b")
    ring("PORTAL_INDEX_KEYS", *settings.PORTAL_INDEX_KEYS, "2:" + key(b"j"))
    assert keys.import_key("a", "b") == before != keys.import_key("ab", "")


def test_a_file_opens_with_its_own_evidence_alone(subject):
    evidence, request = uuid7(), uuid7()
    sealed, wrapped = keys.seal_file(b"passport", evidence_id=evidence, request_id=request)
    told = {"wrapped": wrapped.blob, "epoch_id": wrapped.epoch.pk, "evidence_id": evidence, "request_id": request}
    assert keys.open_file(sealed, **told) == b"passport"
    for name in ("evidence_id", "request_id"):
        refused("cannot_decrypt", keys.open_file, sealed, **(told | {name: uuid7()}))
    with pytest.raises(keys.Forgotten):
        keys.open_file(sealed, **(told | {"wrapped": None}))


def test_a_setting_opens_under_its_own_name_alone():
    sealed = keys.seal_setting("totp|1", VALUE)
    assert keys.open_setting("totp|1", sealed) == VALUE
    refused("cannot_decrypt", keys.open_setting, "totp|2", sealed)
    refused("missing_key", keys.open_setting, "totp|1", "9" + sealed[1:])


def test_no_value_is_logged(subject, caplog):
    caplog.set_level(logging.DEBUG)
    opened(factories.identifier(subject, "email", VALUE))
    assert VALUE not in caplog.text
