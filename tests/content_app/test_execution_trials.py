"""Room 5: a first deletion that did not take effect, and a person's word that the system was mended."""

import pytest
from django.urls import reverse

from content_app import trials
from content_app.models import Mending, Verification
from requests_app.models import LedgerLeaf
from tests.content_app.test_execution import deletes, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed_trial(approved, rooms, centre):
    """An approved request whose first deletion did not take effect."""
    request = approved(a=("voicemail", "transcript"), b=("voicemail",), c=("voicemail",), d=("voicemail",))
    centre.stubborn.add("a")
    refused("trial_failed", rooms.execute, request)
    centre.log.clear()
    return request


def test_once_the_system_was_mended_another_interaction_is_tried_alone_and_then_the_rest(
    failed_trial, rooms, centre, supervisor
):
    refused("trial_failed", rooms.execute, failed_trial)
    trials.mend(failed_trial.pk, actor=supervisor, reason="vendor_mended")
    assert rooms.execute(failed_trial)
    assert deletes(centre) == [("delete_interactions", "b"), ("delete_interactions", "c", "d")]
    assert centre.log[centre.log.index(("delete_interactions", "b")) + 1] == ("get", "b"), "read back alone"
    assert LedgerLeaf.objects.filter(type="trial.mended").count() == 1
    rooms.executed(failed_trial)
    assert rooms.read_back(failed_trial)
    left = Verification.objects.filter(round=1, result="reappeared").values_list("item__external_id", flat=True)
    assert set(left) == {"a"}, "what the failed trial left waits for a further list"


def test_a_system_that_was_not_mended_after_all_stops_again(failed_trial, rooms, centre, supervisor):
    centre.stubborn |= {"b", "c"}
    for expected in ("b", "c"):
        trials.mend(failed_trial.pk, actor=supervisor, reason="vendor_mended")
        refused("trial_failed", rooms.execute, failed_trial)
        refused("trial_failed", rooms.execute, failed_trial)
        assert deletes(centre)[-1] == ("delete_interactions", expected)
    assert len(deletes(centre)) == 2


def test_only_a_supervisor_says_so_with_a_reason_and_only_after_a_failed_trial(
    failed_trial, approved, supervisor, staff, administrator, centre, rooms
):
    for person in (staff, administrator):
        refused("not_permitted", trials.mend, failed_trial.pk, actor=person, reason="vendor_mended")
    refused("no_reason", trials.mend, failed_trial.pk, actor=supervisor, reason="because")
    trials.mend(failed_trial.pk, actor=supervisor, reason="deletes_late")
    refused("no_failed_trial", trials.mend, failed_trial.pk, actor=supervisor, reason="deletes_late")
    centre.stubborn.clear()
    rooms.executed(failed_trial)
    refused("wrong_state", trials.mend, failed_trial.pk, actor=supervisor, reason="deletes_late")


def test_the_page_offers_it_to_a_supervisor_alone(failed_trial, login, supervisor, staff):
    panel = reverse("admin:content_request_panel", args=[failed_trial.pk])
    again = reverse("admin:content_mend", args=[failed_trial.pk])
    assert again not in login(staff).get(panel).content.decode()
    assert again in login(supervisor).get(panel).content.decode()
    assert login(staff).post(again, {"reason": "vendor_mended"}).status_code == 403
    login(supervisor).post(again, {"reason": "vendor_mended"})
    assert Mending.objects.get().by == supervisor
    assert again not in login(supervisor).get(panel).content.decode()
