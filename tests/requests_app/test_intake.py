"""Room 1: what is taken, what is refused, and who is barred by it."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from requests_app import intake, keys, validation
from requests_app.models import ApprovalBar, DataSubject, Identifier, LedgerLeaf, Party, Request
from tests.story import PHONE, received

pytestmark = pytest.mark.django_db

GOOD = {
    "right": "erasure", "channel": "phone", "jurisdiction": "UK", "name": "Ines Example", "identifiers": [PHONE],
}  # fmt: skip


def errors_of(**changes):
    told = GOOD | {"received_at": timezone.now()} | changes
    with pytest.raises(intake.Invalid) as refused:
        intake.examine(**told)
    return refused.value.errors


def test_taking_a_request_bars_the_taker_from_approving_it(staff):
    request = received(staff)
    assert request.state == "received"
    assert list(request.bars.values_list("user", "ground")) == [(staff.pk, "opened")]


def test_name_and_identifiers_are_sealed_and_open_again(staff):
    request = received(staff)
    row, party = request.subject.identifiers.get(), request.parties.get()
    assert b"7700" not in bytes(row.value_enc)
    assert keys.unseal(row, "value_enc", subject_id=request.subject_id) == "+447700900123"
    assert keys.unseal(party, "name_enc", subject_id=request.subject_id) == "Ines Example"


def test_a_sealed_value_does_not_open_in_another_cell(staff):
    first, second = received(staff), received(staff, name="Another Person", identifiers=[("email", "a@example.org")])
    moved = second.subject.identifiers.get()
    moved.value_enc = first.subject.identifiers.get().value_enc
    with pytest.raises(keys.Refused, match="does not open"):
        keys.unseal(moved, "value_enc", subject_id=first.subject_id)


def test_destroying_the_key_forgets_the_person(staff):
    request = received(staff)
    keys.destroy_subject_key(request.subject_id, keys.IDENTIFIERS)
    with pytest.raises(keys.Forgotten):
        keys.unseal(request.subject.identifiers.get(), "value_enc", subject_id=request.subject_id)


def test_the_ledger_holds_no_personal_value(staff):
    received(staff)
    text = b"".join(bytes(leaf.leaf) for leaf in LedgerLeaf.objects.all())
    assert b"7700900" not in text
    assert b"Ines" not in text


def test_the_same_person_asking_again_is_one_subject_and_linked(staff):
    first, second = received(staff), received(staff, identifiers=[PHONE, ("email", "ines@example.org")])
    assert first.subject == second.subject
    assert second.links_out.get().b == first
    assert second.subject.identifiers.count() == 2


def test_the_same_number_under_another_name_is_another_subject(staff):
    first, second = received(staff), received(staff, name="Jonas Example")
    assert first.subject != second.subject
    assert second.links_out.get().b == first


def test_a_closed_request_is_no_duplicate(staff, validator):
    first = received(staff)
    validation.withdraw(first.pk, actor=validator, reason="person_withdrew")
    assert not received(staff).links_out.exists()


def test_a_member_of_staff_who_is_the_subject_is_barred(staff, supervisor):
    request = received(staff, subject_kind="staff", staff_user=supervisor)
    assert request.bars.filter(user=supervisor, ground="subject").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"right": "forget"}, "right"),
        ({"channel": "pigeon"}, "channel"),
        ({"jurisdiction": "MARS"}, "jurisdiction"),
        ({"scope": "some"}, "scope"),
        ({"subject_kind": "robot"}, "subject_kind"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"contact": "a\nb"}, "contact"),
        ({"identifiers": []}, "identifiers"),
        ({"identifiers": [PHONE] * 51}, "identifiers"),
        ({"identifiers": [("phone", "12")]}, "identifiers.0"),
        ({"identifiers": [PHONE, ("email", "no-at-sign")]}, "identifiers.1"),
        ({"identifiers": [("shoe_size", "44")]}, "identifiers.0"),
        ({"date_from": date(2026, 2, 2), "date_to": date(2026, 2, 1)}, "date_to"),
        ({"scope": "named_interactions"}, "identifiers"),
        ({"subject_kind": "staff"}, "staff_user"),
    ],
)
def test_bad_input_is_marked_where_it_stands(changes, field):
    assert field in errors_of(**changes)


def test_a_request_from_the_future_is_refused():
    assert "future" in errors_of(received_at=timezone.now() + timedelta(hours=1))["received_at"]


def test_all_faults_are_told_at_once_and_none_repeats_the_value():
    errors = errors_of(right="forget", name="", identifiers=[("phone", "not-a-number-4711")])
    assert {"right", "name", "identifiers.0"} <= set(errors)
    assert "4711" not in " ".join(errors.values())


def test_nothing_is_stored_when_something_is_wrong(staff):
    with pytest.raises(intake.Invalid):
        received(staff, identifiers=[PHONE, ("phone", "x")])
    assert not any(model.objects.exists() for model in (Request, DataSubject, Identifier, Party, ApprovalBar))


@pytest.mark.parametrize("name", ["\u200b", "\u202e", " \u2060 "])
def test_a_name_of_which_nothing_can_be_seen_is_no_name(name):
    assert errors_of(name=name) == {"name": "Enter the name, as the person gives it."}
