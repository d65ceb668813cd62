"""Forgetting in the case file: who is due, what goes, what remains."""

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.utils import timezone

from requests_app import digests, forgetting, forgotten_list, intake, keys
from requests_app.models import (
    DataSubject,
    Evidence,
    Identifier,
    LedgerLeaf,
    LedgerPayload,
    Party,
    Request,
    RequestLink,
    SubjectDigest,
    SubjectKey,
)
from requests_app.states import ENDS, OPEN
from tests import factories, story

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _list(settings, tmp_path):
    settings.PORTAL_LEDGER_DIR = tmp_path / "ledger"


def end(request, *, at):
    Request.objects.filter(pk=request.pk).update(state="withdrawn", outcome="withdrawn", closed_at=at)
    request.refresh_from_db()
    return request


@pytest.fixture
def ended(clock, staff):
    """A request that ended on Monday; the clock stands right at the end of the term."""
    request = end(story.received(staff), at=timezone.now())
    clock.move_to(timezone.now().replace(year=timezone.now().year + 3))
    return request


# --- who -------------------------------------------------------------------------------------------------------------


def test_nobody_is_due_before_the_term_is_over_and_everybody_after(ended, clock):
    assert forgetting.due() == []
    clock.shift(timedelta(microseconds=1))
    assert forgetting.due() == [ended.subject_id]


def test_the_term_is_the_settings(ended, settings):
    settings.PORTAL_CASE_YEARS = 4
    assert forgetting.due() == []
    settings.PORTAL_CASE_YEARS = 2
    assert forgetting.due() == [ended.subject_id]


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_open_request_of_the_same_person_holds_it_up(ended, clock, state):
    clock.shift(timedelta(days=1))
    people = {"plan_digest": "d" * 64, "approved_by": factories.UserFactory.create()}
    factories.RequestFactory.create(subject=ended.subject, state=state, **people)
    assert forgetting.due() == []
    assert not forgetting.begin(ended.subject_id)


@pytest.mark.parametrize("state", sorted(ENDS))
def test_the_last_request_of_a_person_counts(ended, clock, state):
    clock.shift(timedelta(days=1))
    people = {"plan_digest": "d" * 64, "approved_by": factories.UserFactory.create()}
    at = timezone.now() - timedelta(days=900)
    factories.RequestFactory.create(subject=ended.subject, state=state, closed_at=at, **people)
    assert forgetting.due() == []
    assert not forgetting.begin(ended.subject_id)
    clock.shift(timedelta(days=200))
    assert forgetting.due() == [ended.subject_id]


def test_whoever_asks_again_meanwhile_is_not_forgotten(ended, clock, staff):
    clock.shift(timedelta(days=1))
    assert forgetting.due() == [ended.subject_id]
    assert story.received(staff).subject_id == ended.subject_id
    assert not forgetting.begin(ended.subject_id)
    assert DataSubject.objects.get().forgotten_at is None


def test_whoever_asks_again_afterwards_is_somebody_new(ended, clock, staff):
    clock.shift(timedelta(days=1))
    assert forgetting.begin(ended.subject_id)
    assert story.received(staff).subject_id != ended.subject_id


# --- the keys --------------------------------------------------------------------------------------------------------


def forget(request):
    forgetting.begin_again(request.subject_id)
    forgetting.destroy_keys(request.subject_id)
    forgetting.clear_rows(request.subject_id)


def test_every_key_and_every_payload_goes_and_the_ledger_says_how_many(ended):
    forget(ended)
    assert not SubjectKey.objects.filter(wrapped__isnull=False).exists()
    assert not LedgerPayload.objects.exists()
    said = LedgerLeaf.objects.filter(type="subject.key_destroyed").order_by("id")
    facts = [body_of(leaf)["facts"] for leaf in said]
    assert sorted((one["purpose"], one["values"]) for one in facts) == [
        ("identifiers", 2),
        ("ledger", 1),
        ("letters", 0),
    ]


def body_of(leaf):
    return json.loads(bytes(leaf.leaf))


def test_a_document_goes_with_its_key_and_its_file(ended, staff):
    row = Evidence(request=ended, kind="message", media_type="application/pdf", size=8, sha256="0" * 64, added_by=staff)
    sealed, wrapped = keys.seal_file(b"document", evidence_id=row.pk, request_id=ended.pk)
    row.wrapped_file_key, row.epoch = wrapped.blob, wrapped.epoch
    row.file.save(f"{row.pk}.bin", ContentFile(sealed), save=False)
    row.save(force_insert=True)
    forget(ended)
    assert not row.file.storage.exists(row.file.name)
    row.refresh_from_db()
    assert (row.wrapped_file_key, row.file.name, row.destroyed_at is None) == (None, "", False)


def test_a_file_that_a_crash_left_behind_goes_the_next_time(ended, staff, monkeypatch):
    row = Evidence(request=ended, kind="message", media_type="application/pdf", size=8, sha256="0" * 64, added_by=staff)
    _, wrapped = keys.seal_file(b"document", evidence_id=row.pk, request_id=ended.pk)
    row.wrapped_file_key, row.epoch = wrapped.blob, wrapped.epoch
    row.file.save(f"{row.pk}.bin", ContentFile(b"sealed"), save=False)
    row.save(force_insert=True)
    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "_remove_files", lambda subject_id: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forget(ended)
    assert row.file.storage.exists(row.file.name)
    forget(ended)
    assert not row.file.storage.exists(row.file.name)


def test_a_key_whose_end_cannot_be_noted_stays(ended, monkeypatch):
    monkeypatch.setattr(forgetting.audit, "append", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        forgetting.destroy_keys(ended.subject_id)
    assert not SubjectKey.objects.filter(wrapped__isnull=True).exists()
    assert LedgerPayload.objects.exists()
    assert list(forgotten_list.ids()) == [ended.subject_id]


# --- the rows --------------------------------------------------------------------------------------------------------


def test_what_identifies_the_person_goes_and_the_case_remains(ended):
    kept = Request.objects.values("reference", "state", "outcome", "right", "received_at", "closed_at").get()
    entries = LedgerLeaf.objects.count()
    forget(ended)
    assert not Identifier.objects.exists()
    assert not Party.objects.exists()
    assert Request.objects.values(*kept).get() == kept
    assert LedgerLeaf.objects.count() == entries + 4
    subject = DataSubject.objects.get()
    assert (subject.forgotten_at is None, subject.cleared_at is None, subject.unsafe_contact) == (False, False, False)


def test_a_colleague_who_asked_is_no_longer_named_as_the_person(ended, agent):
    DataSubject.objects.update(staff_user=agent, kind="staff")
    Request.objects.update(subject_user=agent)
    forget(ended)
    assert DataSubject.objects.get().staff_user is None
    assert Request.objects.get().subject_user is None


def test_a_line_of_an_import_is_known_by_another_digest(ended, settings):
    Request.objects.update(import_key="k" * 64)
    forget(ended)
    assert Request.objects.get().import_key is None
    assert digests.knows_line("k" * 64)
    assert not digests.knows_line("l" * 64)


def test_links_to_other_people_go_and_links_among_ones_own_stay(ended, staff):
    own = end(story.received(staff, right="access"), at=timezone.now())
    other = story.received(staff, name="Somebody Else", right="access")
    assert own.subject_id == ended.subject_id != other.subject_id
    mine = RequestLink.objects.create(a=ended, b=own, kind="same_message")
    RequestLink.objects.create(a=other, b=ended, kind="duplicate")
    forget(ended)
    assert list(RequestLink.objects.all()) == [mine]


def test_djangos_own_log_forgets_too(ended, staff):
    kind = ContentType.objects.get_for_model(Request)
    LogEntry.objects.create(user=staff, content_type=kind, object_id=str(ended.pk), object_repr="x", action_flag=CHANGE)
    LogEntry.objects.create(user=staff, content_type=kind, object_id="another", object_repr="x", action_flag=CHANGE)
    forget(ended)
    assert list(LogEntry.objects.values_list("object_id", flat=True)) == ["another"]


def test_digests_are_written_while_the_identifiers_can_be_opened(ended, settings):
    forget(ended)
    assert SubjectDigest.objects.filter(request=ended).count() == 1
    assert digests.earlier([(intake.Kind.PHONE, "+447700900123")]) == [ended]


def test_no_digest_is_written_where_its_term_is_nothing(ended, settings):
    settings.PORTAL_ASKED_BEFORE_DAYS = 0
    forget(ended)
    assert not SubjectDigest.objects.exists()


def test_what_no_key_opens_any_more_is_forgotten_all_the_same(ended, monkeypatch):
    monkeypatch.setattr(keys, "key_encryption_keys", lambda: {9: b"x" * 32})
    forget(ended)
    assert not SubjectKey.objects.filter(wrapped__isnull=False).exists()
    assert not SubjectDigest.objects.exists()
