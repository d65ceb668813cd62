"""The corridor at the end: the order holds, wherever it is cut off, and the list outside comes before the first key."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import clearing, oblivion
from content_app.models import Errand
from requests_app import audit, forgetting, forgotten_list
from requests_app.errors import Refused
from requests_app.models import (
    DataSubject,
    ForgottenMark,
    Identifier,
    LedgerLeaf,
    LedgerPayload,
    Party,
    Request,
    SubjectKey,
)
from tests.factories import RequestFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _list(settings, tmp_path):
    settings.PORTAL_LEDGER_DIR = tmp_path / "ledger"


@pytest.fixture
def ended(clock, staff, system, centre, rooms, validator):
    """A request that was carried out, and the clock after its term."""
    centre.hold("a", "voicemail")
    request = rooms.approved()
    rooms.executed(request)
    rooms.read_back(request)
    Request.objects.filter(pk=request.pk).update(state="verified")
    Request.objects.filter(pk=request.pk).update(state="closed", closed_at=timezone.now(), outcome="completed")
    clock.shift(timedelta(days=3 * 366))
    return request


def is_over(request):
    subject = DataSubject.objects.get(pk=request.subject_id)
    return (
        subject.cleared_at is not None
        and not SubjectKey.objects.filter(subject=subject, wrapped__isnull=False).exists()
        and not Identifier.objects.filter(subject=subject).exists()
        and not Party.objects.filter(request=request).exists()
        and not LedgerPayload.objects.filter(subject=subject).exists()
        and not request.candidates.exists()
    )


def told():
    kinds = LedgerLeaf.objects.filter(type__in=["subject.key_destroyed", "list.cleared", "subject.forgotten"])
    return list(kinds.order_by("id").values_list("type", flat=True))


ALL_TOLD = ["subject.key_destroyed"] * 3 + ["list.cleared", "subject.forgotten"]


def test_a_person_is_forgotten_when_the_term_is_over(ended):
    assert oblivion.forget_due() == 1
    assert is_over(ended)
    assert told() == ALL_TOLD
    assert list(forgotten_list.ids()) == [ended.subject_id]
    assert oblivion.forget_due() == 0, "and once"
    assert audit.verify().faults == ()


def test_the_list_outside_is_written_before_the_first_key_goes(ended, monkeypatch):
    def look(subject_id, purpose):
        assert list(forgotten_list.ids()) == [subject_id]
        raise Killed

    monkeypatch.setattr(forgetting.keys, "destroy_subject_key", look)
    with pytest.raises(Killed):
        oblivion.forget_due()
    assert SubjectKey.objects.filter(wrapped__isnull=True).count() == 0


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (forgetting, "destroy_keys"),
        (forgotten_list, "note"),
        (forgetting, "_destroy_file_keys"),
        (forgetting, "_remove_files"),
        (clearing, "_clear_candidates"),
        (clearing, "_clear_items"),
        (clearing, "_clear_lists"),
        (forgetting, "clear_rows"),
        (forgetting, "_clear_admin_log"),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_anywhere_it_is_finished_by_the_next_round(ended, monkeypatch, place, name, after):
    real = getattr(place, name)

    def die(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(place, name, die)
        with pytest.raises(Killed):
            oblivion.forget_due()
    assert not forgotten_list.replay_is_due(), "a crash is not a restore"
    while not is_over(ended):
        oblivion.forget_due()
    assert told() == ALL_TOLD
    assert list(forgotten_list.ids()) == [ended.subject_id]


def test_a_later_read_back_is_waited_for(ended):
    Errand.objects.create(request=ended, next_at=timezone.now(), again_at=timezone.now())
    assert oblivion.forget_due() == 0
    assert DataSubject.objects.get(pk=ended.subject_id).forgotten_at is None
    Errand.objects.update(again_at=None)
    assert oblivion.forget_due() == 1


def test_an_older_database_is_noticed_and_forgets_again(ended):
    oblivion.forget_due()
    DataSubject.objects.update(forgotten_at=None, cleared_at=None)  # as in a copy from before
    ForgottenMark.objects.all().delete()
    with pytest.raises(Refused, match="replay_erasures"):
        oblivion.forget_due()
    done = oblivion.replay()
    assert done.subjects == 1
    assert not forgotten_list.replay_is_due()
    assert LedgerLeaf.objects.filter(type="erasures.replayed").count() == 1


def test_a_restored_open_request_is_never_worked_on_again(ended, clock):
    open_one = RequestFactory.create(subject=ended.subject, is_approved=True)
    forgotten_list.note(ended.subject_id)
    oblivion.replay()
    assert Request.objects.get(pk=open_one.pk).state == "approved"
    assert DataSubject.objects.get(pk=ended.subject_id).forgotten_at is not None


def test_a_person_whose_place_on_the_list_cannot_be_written_holds_nobody_up(ended, rooms, monkeypatch, clock):
    long_ago = timezone.now() - timedelta(days=4 * 366)
    other = RequestFactory.create(state="withdrawn", origin="history", closed_at=long_ago)
    real = forgotten_list.note

    def full(subject_id):
        if subject_id == other.subject_id:
            raise OSError(28, "No space left on device")
        real(subject_id)

    with monkeypatch.context() as patched:
        patched.setattr(forgotten_list, "note", full)
        assert oblivion.forget_due() == 1
    assert is_over(ended)
    assert SubjectKey.objects.filter(subject=other.subject, wrapped__isnull=True).count() == 0
    assert oblivion.forget_due() == 1
