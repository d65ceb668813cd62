"""Choosing what is theirs, and freezing the list: who may, what is refused, and that it works without a script."""

import pytest
from django.test import Client
from django.utils import timezone

from content_app.admin import listing
from content_app.models import Candidate
from requests_app.models import AccessLogEntry
from tests import factories, story
from tests.content_app import admin_story
from tests.content_app.admin_story import address

UNDECIDED = {"included": None, "link": "", "shared": True}
ELSEWHERE = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture
def case(staff, validator):
    """One contact with a recording and its transcript, one with a shared number, one after the scope."""
    request = story.validated(staff, validator)
    first = "00000000-0000-4000-8000-000000000001"
    story.found(
        request, factories.SystemFactory(),
        {"external_id": first}, {"external_id": first, "content_key": "t", "content_class": "transcript"},
        UNDECIDED, {"kind": "after_scope", "included": False, "link": "out_of_scope", "line": "+442079460099"},
    )  # fmt: skip
    return request


def _texts(answer):
    return answer.content.decode()


@pytest.mark.parametrize(("role", "allowed"), [
    ("staff", True), ("supervisor", True), ("auditor", True), ("dpo", True), ("privacy_manager", True),
    ("agent", False), ("administrator", False), ("outsider", False),
])  # fmt: skip
def test_whoever_sees_requests_may_read_what_was_found(role, allowed, request, login, case):
    answer = login(request.getfixturevalue(role)).get(address("choose", case.pk))
    assert answer.status_code == (200 if allowed else 403)


def test_what_the_statistics_still_hold_stands_above_the_list(login, case, staff):
    admin_story.left_over(case, contacts=1)
    page = _texts(login(staff).get(address("choose", case.pk)))
    assert "<b>1 contact</b> of this person" in page
    assert page.index("Right to be Forgotten") < page.index('name="link"')


def test_only_staff_are_offered_boxes_to_tick(login, case, staff, supervisor):
    assert 'name="link"' in _texts(login(staff).get(address("choose", case.pk)))
    assert 'name="link"' not in _texts(login(supervisor).get(address("choose", case.pk)))


@pytest.mark.parametrize("role", ["supervisor", "auditor", "dpo", "privacy_manager", "outsider", "agent"])
def test_nobody_else_can_decide_or_freeze_by_hand(role, request, login, case):
    client = login(request.getfixturevalue(role))
    pk = case.candidates.filter(included__isnull=True).get().pk
    assert client.post(address("choose", case.pk), {"file": pk, "link": "said_so"}).status_code == 403
    assert client.post(address("freeze", case.pk)).status_code == 403
    assert case.candidates.filter(included__isnull=True).exists()
    assert not case.plans.exists()


def test_the_matched_number_is_masked_for_an_auditor_and_clear_for_staff(login, case, staff, auditor):
    assert "+447700900123" in _texts(login(staff).get(address("choose", case.pk)))
    assert "900123" not in _texts(login(auditor).get(address("choose", case.pk)))


def test_a_view_in_clear_is_noted_and_a_masked_one_is_not(login, case, staff, auditor):
    login(auditor).get(address("choose", case.pk))
    login(staff).get(address("choose", case.pk))
    assert [entry.user for entry in AccessLogEntry.objects.filter(object_id=case.pk)] == [staff]


def test_a_single_file_is_left_out_with_a_coded_reason(login, case, staff):
    transcript = case.candidates.get(content_class="transcript")
    login(staff).post(address("choose", case.pk), {"file": transcript.pk, "link": "other_person"})
    transcript.refresh_from_db()
    assert (transcript.included, transcript.link, transcript.chosen_by) == (False, "other_person", staff)
    assert case.candidates.filter(included=True).count() == 1


def test_a_whole_contact_is_included_without_a_script(login, case, staff):
    shared = case.candidates.get(included__isnull=True)
    key = f"{shared.system_id}:{shared.external_id}"
    answer = login(staff).post(address("choose", case.pk), {"contact": key, "link": "shared_theirs"}, follow=True)
    assert "Included: 1 file." in _texts(answer)
    shared.refresh_from_db()
    assert shared.included is True


def test_everything_that_matches_the_filter_is_decided_at_once(login, case, staff):
    login(staff).post(address("choose", case.pk) + "?show=open", {"all_matching": "1", "link": "shared_other"})
    assert set(case.candidates.values_list("content_class", "link")) >= {("callRecording", "shared_other")}
    assert case.candidates.filter(link="own_identifier").count() == 2


@pytest.mark.parametrize("link", ["own_identifier", "listed_only", "", "because", "<script>"])
def test_a_reason_that_staff_may_not_give_is_refused_in_words(link, login, case, staff):
    pk = case.candidates.get(included__isnull=True).pk
    answer = login(staff).post(address("choose", case.pk), {"file": pk, "link": link}, follow=True)
    assert "Choose a reason from the list." in _texts(answer)
    assert case.candidates.filter(included__isnull=True).exists()


def test_own_identifier_cannot_be_selected(login, case, staff):
    assert 'value="own_identifier"' not in _texts(login(staff).get(address("choose", case.pk)))


def test_a_contact_after_the_scope_is_listed_apart_and_cannot_be_chosen(login, case, staff):
    late = case.candidates.get(kind="after_scope")
    client = login(staff)
    assert "+442079460099" not in _texts(client.get(address("choose", case.pk)))
    apart = _texts(client.get(address("choose", case.pk) + "?show=late"))
    assert "+442079460099" in apart
    assert 'name="file"' not in apart
    client.post(address("choose", case.pk), {"file": late.pk, "link": "said_so"})
    late.refresh_from_db()
    assert late.included is False


def test_a_file_of_another_request_is_not_touched(login, case, staff, validator):
    other = story.validated(staff, validator, identifiers=[("email", "other@example.org")])
    foreign = Candidate.objects.create(
        request=other, system=case.candidates.first().system, external_id=ELSEWHERE, content_key="a",
        content_class="voicemail", occurred_at=timezone.now(), direction="inbound",
    )  # fmt: skip
    login(staff).post(address("choose", case.pk), {"file": [foreign.pk, "nonsense"], "link": "said_so"})
    foreign.refresh_from_db()
    assert foreign.included is None


def test_freezing_waits_for_every_decision_and_says_so(login, case, staff):
    client = login(staff)
    answer = client.post(address("freeze", case.pk), follow=True)
    assert "1 items wait for a decision" in _texts(answer)
    assert answer.redirect_chain[-1][0] == address("choose", case.pk)
    case.candidates.filter(included__isnull=True).update(included=True, link="shared_theirs")
    client.post(address("freeze", case.pk))
    case.refresh_from_db()
    assert case.state == "planned"


def test_a_post_without_a_token_is_refused(case, staff):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post(address("choose", case.pk), {"link": "said_so"}).status_code == 403
    assert client.post(address("freeze", case.pk)).status_code == 403


def test_freezing_takes_a_post(login, case, staff):
    assert login(staff).get(address("freeze", case.pk)).status_code == 405


def test_hundreds_of_contacts_come_in_pages_and_few_queries(login, staff, validator, django_assert_max_num_queries):
    case = admin_story.found(staff, validator, *({"content_key": f"k{n}"} for n in range(120)))
    client = login(staff)
    with django_assert_max_num_queries(60):
        page = _texts(client.get(address("choose", case.pk)))
    assert page.count('name="contact"') == listing.PER_PAGE
    last = _texts(client.get(address("choose", case.pk) + "?page=3"))
    assert last.count('name="contact"') == 20


def test_the_filters_survive_nonsense(login, case, staff):
    client = login(staff)
    for query in ("?show=zzz", "?page=-4", "?page=x", "?class=%00", "?system=nope", "?show=open&class=transcript"):
        assert client.get(address("choose", case.pk) + query).status_code == 200
    for told in ({"contact": "a\0:b"}, {"contact": ":"}, {"file": "\0"}, {"link": "\0"}):
        assert client.post(address("choose", case.pk), {"link": "said_so"} | told).status_code == 302


def test_why_a_person_must_decide_is_said(login, case, staff):
    case.candidates.filter(included__isnull=True).update(doubt="ambiguous", shared=False)
    page = _texts(login(staff).get(address("choose", case.pk)))
    assert "Perhaps another person&#x27;s number" in page
    assert "Without a country code this can be another person&#x27;s number" in page
