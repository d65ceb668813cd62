"""The ledger is checked every day, the result stays, and silence is a fault too."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from requests_app import audit, self_check, sequencer
from requests_app.models import LedgerCheck, LedgerLeaf
from tests import factories
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(clock: Any) -> list[LedgerLeaf]:
    dsr = factories.RequestFactory()
    made = [
        audit.append("report.exported", actor=audit.WORKER, about=dsr, format="pdf", sha256="a" * 64) for _ in "abc"
    ]
    sequencer.drain()
    return made


def damage(leaf: LedgerLeaf) -> None:
    with guards_aside(connection):
        LedgerLeaf.objects.filter(pk=leaf.pk).update(leaf=bytes(leaf.leaf).replace(b"pdf", b"csv"))


def test_a_sound_ledger_is_green(entries: list[LedgerLeaf]) -> None:
    self_check.record()
    now = self_check.standing()
    assert now.sound
    assert (now.last.size, now.last.ok, now.faults) == (3, True, ())


def test_a_damaged_entry_is_red_and_named(entries: list[LedgerLeaf]) -> None:
    damage(entries[1])
    self_check.record()
    now = self_check.standing()
    assert not now.sound
    assert now.headline == "The ledger does not hold"
    assert "entry 1" in now.faults[0]


def test_of_many_faults_the_first_are_kept_and_all_are_counted(entries: list[LedgerLeaf], monkeypatch: Any) -> None:
    verdict = audit.Verdict(3, 0, "a" * 64, tuple(f"entry {number}" for number in range(50)))
    self_check.keep(verdict)
    now = self_check.standing()
    assert len(now.last.faults) == self_check.KEPT
    assert now.faults[-1] == "and 30 more"


def test_a_ledger_that_was_never_checked_is_no_sound_ledger(entries: list[LedgerLeaf]) -> None:
    assert not self_check.standing().sound
    assert self_check.is_due()


def test_a_check_that_is_older_than_26_hours_is_a_fault(entries: list[LedgerLeaf], clock: Any) -> None:
    self_check.record()
    clock.shift(timedelta(hours=26))
    assert self_check.standing().sound
    clock.shift(timedelta(seconds=1))
    now = self_check.standing()
    assert not now.sound
    assert now.headline == "The daily check is overdue"
    assert "26 hours old" in now.faults[0]


def test_it_is_due_once_a_day_whatever_people_check(entries: list[LedgerLeaf], clock: Any, auditor: Any) -> None:
    self_check.record()
    assert not self_check.is_due()
    clock.shift(timedelta(hours=23))
    self_check.record(by=auditor)
    assert not self_check.is_due()
    clock.shift(timedelta(hours=1))
    assert self_check.is_due()


def test_without_a_witness_it_says_so_whatever_the_result(entries: list[LedgerLeaf]) -> None:
    assert "No independent witness" in self_check.standing().witness
    self_check.record()
    assert "No independent witness" in self_check.standing().witness


def test_a_result_cannot_be_made_to_disappear(entries: list[LedgerLeaf]) -> None:
    found = self_check.record()
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerCheck.objects.filter(pk=found.pk).update(ok=True)
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerCheck.objects.filter(pk=found.pk).delete()


def test_the_command_keeps_its_result_when_asked(entries: list[LedgerLeaf], capsys: Any) -> None:
    call_command("verify_audit")
    assert not LedgerCheck.objects.exists()
    call_command("verify_audit", "--record")
    assert LedgerCheck.objects.get().ok
    damage(entries[0])
    with pytest.raises(CommandError):
        call_command("verify_audit", "--record")
    assert not LedgerCheck.objects.first().ok
    assert LedgerCheck.objects.first().at <= timezone.now()
