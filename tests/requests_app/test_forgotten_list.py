"""The list outside the database: written once and whole, read in spite of a crash, older databases noticed."""

import os
import stat

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests_app import forgotten_list
from requests_app.errors import Refused
from tests.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings, tmp_path):
    settings.PORTAL_LEDGER_DIR = tmp_path / "deep" / "ledger"
    return settings.PORTAL_LEDGER_DIR / "forgotten.jsonl"


def test_a_person_is_on_the_list_once_and_for_its_owner_alone(place):
    one, two = uuid7(), uuid7()
    for subject_id in (one, two, one):
        forgotten_list.note(subject_id)
    assert list(forgotten_list.ids()) == [one, two]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_line_is_on_the_disk_before_the_call_returns(monkeypatch):
    flushed = []
    monkeypatch.setattr(forgotten_list.os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_mode))
    forgotten_list.note(uuid7())
    assert [stat.S_ISDIR(mode) for mode in flushed] == [False, True], "the file, then its folder"


def test_half_a_line_is_passed_over_and_does_not_spoil_the_next(place):
    one, two = uuid7(), uuid7()
    forgotten_list.note(one)
    with place.open("ab") as file:
        file.write(b'{"at": "2026-')
    forgotten_list.note(two)
    assert list(forgotten_list.ids()) == [one, two]


def test_without_a_list_nothing_is_asked(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert not forgotten_list.replay_is_due()


def test_a_database_that_knows_the_whole_list_needs_no_replay(django_assert_num_queries):
    subject = DataSubjectFactory.create()
    forgotten_list.note(subject.pk)
    assert forgotten_list.replay_is_due()
    forgotten_list.mark_as_seen()
    with django_assert_num_queries(1):
        assert not forgotten_list.replay_is_due()


def test_people_whom_this_database_never_knew_or_is_forgetting_need_none():
    begun = DataSubjectFactory.create(forgotten_at=timezone.now())
    for subject_id in (uuid7(), begun.pk):
        forgotten_list.note(subject_id)
    assert not forgotten_list.replay_is_due()
    forgotten_list.require_replayed()


def test_one_who_is_back_shuts_everything():
    forgotten_list.note(uuid7())
    forgotten_list.mark_as_seen()
    back = DataSubjectFactory.create()
    forgotten_list.note(back.pk)
    assert forgotten_list.to_replay() == [back.pk]
    with pytest.raises(Refused, match="replay_erasures"):
        forgotten_list.require_replayed()
