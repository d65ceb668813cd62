"""The engine's hand: what becomes of a call whose answer was lost, by what its connector declares."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from content_app.connectors.base import ConnectorError
from content_app.models import ReceiptItem, Step

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(system, centre, rooms):
    """``lost(after=…)`` is an approved request whose first call to delete got no answer; whether it was carried out."""

    def made(*, after):
        centre.hold("a", "voicemail")
        request = rooms.approved()

        def fails(entry):
            if entry[0] == "delete_interactions":
                centre.before = centre.after = lambda entry: None
                raise ConnectorError("cut_off", permanent=False)

        setattr(centre, "after" if after else "before", fails)
        with pytest.raises(ConnectorError):
            rooms.execute(request)
        Step.objects.update(lease_until=timezone.now() - timedelta(hours=1))
        centre.log.clear()
        return request

    return made


def told():
    return list(ReceiptItem.objects.order_by("pk").values_list("outcome", "code", "receipt__probed"))


@pytest.mark.parametrize(
    ("after", "verbs", "receipts"),
    [
        (True, ["get"], [("deleted", "", True)]),
        (False, ["get", "get", "delete_interactions"], [("retry", "unknown", True), ("deleted", "", False)]),
    ],
    ids=["carried out", "not carried out"],
)
def test_a_lost_call_is_asked_about_before_it_is_repeated(lost, centre, rooms, after, verbs, receipts):
    request = lost(after=after)
    rooms.execute(request)
    asked = [entry[0] for entry in centre.log if entry[0] not in ("close", "self_test")]
    assert asked[: len(verbs)] == verbs
    assert told() == receipts


@pytest.mark.parametrize("after", [True, False], ids=["carried out", "not carried out"])
def test_a_verb_that_may_be_repeated_goes_again_without_a_look_of_its_own(lost, centre, rooms, after):
    request = lost(after=after)
    centre.manifest = replace(centre.manifest, idempotency=(("delete_interactions", "idempotent"),))
    rooms.execute(request)
    asked = [entry[0] for entry in centre.log if entry[0] in ("get", "find", "delete_interactions")]
    assert asked[:2] == (["get"] if after else ["get", "delete_interactions"])[: len(asked)]
    last = ("already_gone", "", True) if after else ("deleted", "", False)
    assert told() == [("retry", "unknown", False), last]


def test_a_call_that_dies_each_time_ends_with_a_person_also_where_it_may_be_repeated(lost, centre, rooms, settings):
    settings.PORTAL_MAX_ATTEMPTS = 3
    request = lost(after=False)
    centre.manifest = replace(centre.manifest, idempotency=(("delete_interactions", "idempotent"),))
    centre.failing.clear()

    def dies(entry):
        if entry[0] == "delete_interactions":
            raise ConnectorError("timeout", permanent=False)

    centre.before = dies
    for _ in range(5):
        try:
            if rooms.execute(request):
                break
        except ConnectorError:
            Step.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    assert told() == [("retry", "unknown", False)] * 2 + [("needs_person", "unknown", False)]
