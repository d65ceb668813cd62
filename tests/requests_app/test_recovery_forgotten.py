"""After a restore: whoever was forgotten since the backup is known again before anybody can look."""

import shutil

import pytest
from django.db import transaction
from uuid_utils.compat import uuid7

from requests_app import audit, forgotten_list, publisher, recovery
from requests_app.models import ForgottenMark
from tests.factories import DataSubjectFactory
from tests.requests_app.test_publisher import write
from tests.requests_app.test_recovery import restore

pytestmark = pytest.mark.django_db


@pytest.fixture
def backup():
    """Ten entries are published, the first five of them before the backup; the sixth tells of forgetting somebody."""
    somebody = DataSubjectFactory.create()
    write(5)
    publisher.publish()
    with transaction.atomic():
        audit.append("subject.key_destroyed", actor=audit.WORKER, about=somebody, purpose="identifiers", values=1)
    write(4)
    publisher.publish()
    restore(5)
    return somebody


def test_whoever_the_entries_call_forgotten_keeps_the_portal_shut_although_the_list_is_lost(backup, ledger_directory):
    assert not forgotten_list.replay_is_due()
    recovery.recover(ledger_directory)
    assert list(forgotten_list.ids()) == [backup.pk]
    assert forgotten_list.replay_is_due()


def test_a_mark_that_is_larger_than_what_is_left_of_the_list_hides_nobody(backup, ledger_directory):
    ForgottenMark.objects.create(name=forgotten_list.NAME, size=100_000)
    recovery.recover(ledger_directory)
    assert forgotten_list.replay_is_due()


def test_the_list_of_the_copy_is_taken_over(ledger_directory, tmp_path):
    somebody, there = DataSubjectFactory.create(), uuid7()
    write(5)
    publisher.publish()
    forgotten_list.note(there)
    forgotten_list.note(somebody.pk)
    copy = shutil.copytree(ledger_directory, tmp_path / "copy")
    shutil.rmtree(ledger_directory)
    recovery.recover(copy)
    assert sorted(forgotten_list.ids()) == sorted([there, somebody.pk])
    assert forgotten_list.replay_is_due()


def test_whoever_is_on_the_list_is_not_noted_twice(backup, ledger_directory):
    forgotten_list.note(backup.pk)
    forgotten_list.mark_as_seen()
    recovery.recover(ledger_directory)
    assert list(forgotten_list.ids()) == [backup.pk]
