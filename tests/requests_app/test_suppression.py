"""The suppression list: digests alone, written for an objection or by choice, shown and never silent."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from requests_app import csv_import, keys, suppression, validation
from requests_app.errors import Refused
from requests_app.identifiers import Kind
from requests_app.intake import open_request
from requests_app.models import LedgerLeaf, Suppression
from tests import story

pytestmark = pytest.mark.django_db
PHONE = (Kind.PHONE, "+447700900123")


def objecting(staff, validator, **told):
    request = story.received(staff, right="objection", **told)
    validation.record_finding(request.pk, actor=validator, method="callback", level="IAL-2", result="passed")
    validation.validate(request.pk, actor=validator)
    request.refresh_from_db()
    return request


def test_who_objects_is_on_the_list_once_they_are_identified(staff, validator, clock):
    story.received(staff, right="objection")
    assert not Suppression.objects.exists()
    objecting(staff, validator, name="Ines Second")
    (entry,) = suppression.hits([PHONE])
    assert (entry.reason, entry.channel, entry.since) == ("objection", "all", timezone.now())
    assert entry.review_on == timezone.localdate().replace(year=timezone.localdate().year + 3)
    assert LedgerLeaf.objects.filter(type="suppression.added").count() == 1


def test_the_entry_is_a_digest_under_a_key_of_its_own(staff, validator):
    objecting(staff, validator)
    entry = Suppression.objects.get()
    assert bytes(entry.hmac) == keys.digests(*PHONE)[0][0]
    assert bytes(entry.hmac) not in keys.blind_indices(*PHONE)
    assert {field.name for field in Suppression._meta.local_fields} == {
        "id", "hmac", "key_id", "reason", "channel", "since", "review_on", "reviewed_at", "kept_because",
    }  # fmt: skip


def test_an_erasure_puts_nobody_on_the_list_unless_staff_choose_it(staff, validator, privacy_manager):
    request = story.validated(staff, validator)
    assert not Suppression.objects.exists()
    assert suppression.suppress(request.pk, actor=privacy_manager, channel="phone") == 1
    assert suppression.suppress(request.pk, actor=staff, channel="phone") == 0, "and once"
    (entry,) = suppression.hits([PHONE])
    assert (entry.reason, entry.channel) == ("with_erasure", "phone")


def test_only_an_identified_person_is_put_on_the_list(staff):
    request = story.received(staff)
    with pytest.raises(Refused, match="Find out who is asking"):
        suppression.suppress(request.pk, actor=staff, channel="all")


def test_who_may_not_cannot(staff, validator, agent, auditor, supervisor):
    request = story.validated(staff, validator)
    for user in (agent, auditor, supervisor):
        with pytest.raises(Refused, match="role"):
            suppression.suppress(request.pk, actor=user, channel="all")
        with pytest.raises(Refused, match="role"):
            suppression.lift(request.pk, actor=user)


def test_the_person_can_take_it_back(staff, validator):
    request = objecting(staff, validator)
    assert suppression.lift(request.pk, actor=staff) == 1
    assert not Suppression.objects.exists()
    assert LedgerLeaf.objects.filter(type="suppression.lifted").count() == 1
    with pytest.raises(Refused, match="not on the suppression list"):
        suppression.lift(request.pk, actor=staff)


def test_a_hit_is_flagged_at_the_form_and_at_the_import_and_stops_nothing(staff, validator):
    objecting(staff, validator)
    opened = open_request(
        actor=staff, right="access", channel="phone", jurisdiction="UK", received_at=timezone.now(),
        name="Ines Example", identifiers=[("phone", "07700 900123")],
    )  # fmt: skip
    assert len(opened.suppressed) == 1
    data = b"right,received_at,channel,jurisdiction,name,phone\naccess,2026-01-01,email,UK,Ines New,+447700900123\n"
    result = csv_import.import_file(data, dry_run=False)
    assert result.flagged == result.added
    assert LedgerLeaf.objects.filter(type="request.flagged").count() == 2
    other = data.replace(b"900123", b"900124")
    assert csv_import.import_file(other, dry_run=False).flagged == []


def test_an_entry_written_under_an_older_key_is_still_known(staff, validator, settings, clock):
    objecting(staff, validator)
    settings.PORTAL_DIGEST_KEYS = [*settings.PORTAL_DIGEST_KEYS, "2:" + "ZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWU="]
    keys.digest_keys.cache_clear()
    try:
        assert len(suppression.hits([PHONE])) == 1
        clock.shift(timedelta(days=1))
        assert keys.digests(*PHONE)[0][1] == 2
    finally:
        keys.digest_keys.cache_clear()


# --- the review ------------------------------------------------------------------------------------------------------


@pytest.fixture
def due(staff, validator, clock):
    """An entry whose term is over."""
    objecting(staff, validator)
    clock.shift(timedelta(days=3 * 366))
    return Suppression.objects.get()


def reviewed():
    return [json.loads(bytes(one.leaf)) for one in LedgerLeaf.objects.filter(type="suppression.reviewed")]


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refused) as refusal:
        act(*args, **kwargs)
    assert refusal.value.code == code


def test_an_entry_that_is_still_needed_stays_for_another_term(due, privacy_manager):
    assert list(suppression.due()) == [due]
    at = suppression.keep(due.pk, actor=privacy_manager, reason="still_holds")
    assert at.year == timezone.localdate().year + 3
    (entry,) = suppression.hits([PHONE])
    assert (entry.review_on, entry.reviewed_at, entry.kept_because) == (at, timezone.now(), "still_holds")
    assert not suppression.due().exists()
    (told,) = reviewed()
    assert told["object"] == str(due.pk)
    assert told["facts"] == {"decision": "kept", "reason": "still_holds", "channel": "all"}


def test_an_entry_that_is_not_needed_any_more_goes(due, privacy_manager):
    suppression.end(due.pk, actor=privacy_manager, reason="no_contact")
    assert suppression.hits([PHONE]) == []
    assert reviewed()[0]["facts"] == {"decision": "ended", "reason": "no_contact", "channel": "all"}
    refused("no_entry", suppression.end, due.pk, actor=privacy_manager, reason="no_contact")


def test_nothing_is_reviewed_before_its_time(staff, validator, clock, privacy_manager):
    objecting(staff, validator)
    entry = Suppression.objects.get()
    clock.shift(timedelta(days=3 * 365 - 2))
    for act in (suppression.keep, suppression.end):
        refused("not_due", act, entry.pk, actor=privacy_manager, reason="no_contact")
    assert not suppression.due().exists()


@pytest.mark.parametrize("reason", ["", "because", "still_holds"])
def test_an_entry_ends_for_a_reason_that_ends_it(reason, due, privacy_manager):
    refused("no_reason", suppression.end, due.pk, actor=privacy_manager, reason=reason)
    assert Suppression.objects.exists()


def test_who_puts_people_on_the_list_does_not_review_it(due, staff, auditor, dpo, supervisor):
    for user in (staff, auditor, dpo, supervisor):
        for act in (suppression.keep, suppression.end):
            refused("not_permitted", act, due.pk, actor=user, reason="no_contact")
