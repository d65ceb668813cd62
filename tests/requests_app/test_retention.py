"""Retention: evidence goes when its purpose is over, and nothing else does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile

from requests_app import access_log, keys, retention
from requests_app.models import AccessLogEntry, Evidence, LedgerLeaf, Request
from requests_app.states import ENDS, State
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def evidence(clock, staff):
    """``evidence(request)`` is a sealed document of a request, with its file."""

    def made(request):
        row = Evidence(request=request, kind="message", media_type="application/pdf", size=8, sha256="0" * 64)
        sealed, wrapped = keys.seal_file(b"document", evidence_id=row.pk, request_id=request.pk)
        row.wrapped_file_key, row.epoch, row.added_by = wrapped.blob, wrapped.epoch, staff
        row.file.save(f"{row.pk}.bin", ContentFile(sealed), save=False)
        row.save(force_insert=True)
        return row

    return made


def is_there(row, path):
    row.refresh_from_db()
    return (row.wrapped_file_key is not None, row.destroyed_at is None, Path(path).exists())


@pytest.mark.parametrize("state", State.values)
def test_the_evidence_of_an_ended_request_goes_and_of_an_open_one_stays(evidence, state):
    trait = {f"is_{state}": True} if hasattr(factories.RequestFactory._meta.parameters, state) else {"state": state}
    past = {"plan_digest": "d" * 64, "approved_by": factories.UserFactory.create()}
    row = evidence(factories.RequestFactory.create(**trait, **past))
    path = row.file.path
    ended = State(state) in ENDS
    assert retention.sweep() == int(ended)
    assert is_there(row, path) == (not ended, not ended, not ended)
    assert LedgerLeaf.objects.filter(type="evidence.destroyed").count() == int(ended)
    assert retention.sweep() == 0, "and once"


def test_evidence_never_outlives_its_term(evidence, clock, settings):
    row = evidence(factories.RequestFactory.create())
    path = row.file.path
    clock.shift(timedelta(days=settings.PORTAL_EVIDENCE_DAYS))
    assert retention.sweep() == 0
    clock.shift(timedelta(microseconds=1))
    assert retention.sweep() == 1
    assert is_there(row, path) == (False, False, False)


def test_the_note_remains_and_nothing_else_is_touched(evidence):
    request = factories.RequestFactory.create(state="refused")
    row = evidence(request)
    before = Request.objects.values().get()
    retention.sweep()
    assert Request.objects.values().get() == before
    assert Evidence.objects.filter(pk=row.pk).exists()
    assert request.subject.keys.filter(wrapped__isnull=True).count() == 0


def test_a_file_that_is_missing_already_holds_nothing_up(evidence):
    rows = [evidence(factories.RequestFactory.create(state="withdrawn")) for _ in range(2)]
    Path(rows[0].file.path).unlink()
    assert retention.sweep() == 2
    assert not Evidence.objects.filter(destroyed_at__isnull=True).exists()


def test_a_key_that_could_not_be_noted_as_destroyed_is_not_destroyed(evidence, monkeypatch):
    row = evidence(factories.RequestFactory.create(state="refused"))
    path = row.file.path
    monkeypatch.setattr(retention.audit, "append", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retention.sweep()
    assert is_there(row, path) == (True, True, True)


def test_a_file_that_no_row_knows_goes_and_an_upload_under_way_stays(evidence_folder, evidence, clock):
    assert retention.sweep_files() == 0, "also before there is a folder"
    row = evidence(factories.RequestFactory.create())
    known, stray = Path(row.file.path), Path(row.file.path).with_name("stray.bin")
    stray.write_bytes(b"left over")
    clock.move_to(datetime.fromtimestamp(stray.stat().st_mtime, tz=UTC) + timedelta(minutes=59))
    assert retention.sweep_files() == 0
    clock.shift(timedelta(minutes=2))
    assert retention.sweep_files() == 1
    assert (known.exists(), stray.exists()) == (True, False)


def test_lines_of_the_access_log_end_with_their_term(clock, staff, settings):
    access_log.note(staff, access_log.What.SEARCH)
    clock.shift(timedelta(days=settings.PORTAL_ACCESS_LOG_DAYS))
    access_log.note(staff, access_log.What.LIST)
    retention.sweep_rows()
    assert AccessLogEntry.objects.count() == 2
    clock.shift(timedelta(microseconds=1))
    retention.sweep_rows()
    assert AccessLogEntry.objects.get().what == "list"


def test_sessions_that_are_over_go(clock, login, staff):
    login(staff)
    retention.sweep_rows()
    assert Session.objects.count() == 1
    clock.shift(timedelta(hours=8, seconds=1))
    retention.sweep_rows()
    assert Session.objects.count() == 0
