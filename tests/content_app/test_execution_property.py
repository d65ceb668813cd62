"""Whatever the list, the contact centre and its faults: only what was approved is asked for, and only that goes."""

from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from content_app import planning
from content_app.connectors.base import ConnectorError
from content_app.models import Item, ReceiptItem
from requests_app.errors import Refused
from requests_app.identifiers import Kind, normalise
from tests.centre import Centre, plug

pytestmark = pytest.mark.django_db

CLASSES = ("callRecording", "screenRecording", "transcript", "voicemail")
NAMES = tuple("abcde")

contents = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(CLASSES), min_size=1), min_size=1)
places = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(CLASSES)), max_size=6)
faults = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["forbidden", "server_error", "stubborn"]), max_size=2)
#: What goes wrong at which call to delete, counted from 0: an error before it is carried out, or after.
crashes = st.dictionaries(st.integers(0, 3), st.sampled_from(["before", "after"]), max_size=2)
number = iter(range(900000, 999999))


def crashing(centre, planned):
    """Let the planned calls fail in a way that leaves open whether they were carried out."""
    seen = {"before": -1, "after": -1}

    def at(moment):
        def hook(entry):
            if entry[0].startswith("delete"):
                seen[moment] += 1
                if planned.get(max(seen.values())) == moment:
                    raise ConnectorError("timeout", permanent=False)

        return hook

    centre.before, centre.after = at("before"), at("after")


@with_settings(
    max_examples=25, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    held=contents, kept=places, late=places, vanished=places, faults=faults, crashes=crashes, budget=st.integers(1, 9)
)
def test_nothing_goes_that_was_not_approved(
    system, rooms, validator, monkeypatch, held, kept, late, vanished, faults, crashes, budget
):
    phone = normalise(Kind.PHONE, f"+44 7700 {next(number)}", region="GB")
    centre = Centre()
    plug(monkeypatch, centre)
    for external_id, classes in held.items():
        centre.hold(external_id, *sorted(classes), connect_from=phone)
    centre.hold("strangers", *CLASSES, connect_from=f"{phone}1")
    request = rooms.take(name=phone, identifiers=[("phone", phone)])
    rooms.search(request)
    for row in request.candidates.all():
        if (row.external_id, row.content_key) in kept:
            planning.choose(request.pk, actor=validator, candidate_ids=[row.pk], link="other_person")
    plan = None
    with suppress(Refused):  # a call recording without its screen recording
        plan = rooms.freeze(request)
    if plan is None:
        return
    if plan.items.exclude(action="keep").exists():
        rooms.approve(request, plan)

    for external_id, name in late:
        centre.held.setdefault(external_id, {})[name] = name
    for external_id, name in vanished:
        centre.held.get(external_id, {}).pop(name, None)
    for external_id, fault in faults.items():
        if fault == "forbidden":
            centre.forbidden |= {external_id, *((external_id, name) for name in CLASSES)}
        elif fault == "stubborn":
            centre.stubborn.add(external_id)
        else:
            centre.failing[external_id] = fault
    crashing(centre, crashes)
    before = deepcopy(centre.held)
    for _ in range(8):
        with suppress(ConnectorError, Refused):
            if rooms.execute(request, budget=budget):
                break

    approved = set(Item.objects.filter(plan=plan).exclude(action="keep").values_list("external_id", "content_key"))
    for verb, *what in centre.log:
        if verb == "delete_interactions":
            for external_id in what:
                assert {(external_id, key) for key in before[external_id]} <= approved
        if verb == "delete_content":
            assert tuple(what) in approved
    gone = {(one, key) for one, keys in before.items() for key in keys if key not in centre.held.get(one, {})}
    assert gone <= approved
    assert not {one for one, _ in gone} & {"strangers"}
    final = ReceiptItem.objects.filter(item__plan=plan, outcome__in=ReceiptItem.FINAL)
    assert set(final.values_list("item__external_id", "item__content_key")) <= approved
    told_gone = final.exclude(outcome="needs_person").exclude(item__external_id__in=centre.stubborn)
    assert not [
        place for place in told_gone.values_list("item__external_id", "item__content_key")
        if place[1] in centre.held.get(place[0], {})
    ], "and what it says is gone is gone"  # fmt: skip
