"""A number that several people have is never silently one person's own, whichever index key each was written under."""

import base64

import pytest
from django.utils import timezone

from requests_app import intake, keys
from requests_app.identifiers import Kind
from requests_app.models import Identifier
from tests import story

pytestmark = pytest.mark.django_db


def test_a_shared_number_waits_for_a_person(system, centre, rooms, staff):
    story.received(staff, name="Somebody Else")
    centre.hold("a", "voicemail")
    request = rooms.take()
    rooms.search(request)
    row = request.candidates.get()
    assert (row.doubt, row.shared, row.included, row.link) == ("shared", True, None, "")


def test_a_number_that_only_a_forgotten_person_had_is_not_shared(system, centre, rooms, staff):
    other = story.received(staff, name="Somebody Else").subject
    other.forgotten_at = timezone.now()
    other.save()
    centre.hold("a", "voicemail")
    rooms.search(request := rooms.take())
    assert request.candidates.get().included is True


# --- index keys rotate -----------------------------------------------------------------------------------------------


@pytest.fixture
def rotate(settings):
    """``rotate()`` puts a newer index key beside the first."""

    def rotated():
        settings.PORTAL_INDEX_KEYS = [*settings.PORTAL_INDEX_KEYS, "2:" + base64.b64encode(b"j" * 32).decode()]
        keys.index_keys.cache_clear()

    yield rotated
    keys.index_keys.cache_clear()


def test_a_number_that_others_have_under_an_older_index_key_is_still_shared(system, centre, rooms, staff, rotate):
    story.received(staff, name="Somebody Else")
    rotate()
    centre.hold("a", "voicemail")
    rooms.search(request := rooms.take())
    assert set(Identifier.objects.values_list("index_key_id", flat=True)) == {1, 2}
    assert (request.candidates.get().doubt, request.candidates.get().included) == ("shared", None)


def test_a_number_that_others_have_under_a_newer_index_key_is_still_shared(system, centre, rooms, staff, rotate):
    request = rooms.take()
    rotate()
    story.received(staff, name="Somebody Else")
    centre.hold("a", "voicemail")
    rooms.search(request)
    assert (request.candidates.get().doubt, request.candidates.get().included) == ("shared", None)


def test_a_repeat_is_linked_whichever_index_key_each_was_written_under(staff, rotate):
    first = story.received(staff)
    rotate()
    told = {"right": "erasure", "channel": "phone", "jurisdiction": "UK", "received_at": timezone.now()}
    again = intake.open_request(actor=staff, name="Somebody Else", identifiers=[story.PHONE], **told)
    assert [one.pk for one in again.duplicates] == [first.pk]


def test_the_same_kind_is_compared_with_the_same_kind_only():
    assert not set(keys.blind_indices(Kind.HANDLE, "ines")) & set(keys.blind_indices(Kind.CUSTOMER_NUMBER, "ines"))
