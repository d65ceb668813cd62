"""The person's receipt: it names no identifier, is noted each time, and fits its own entry alone."""

import json

import pytest
from django.urls import reverse

from requests_app import acknowledgement, commitments
from requests_app.errors import Refused
from requests_app.models import AccessLogEntry, LedgerLeaf
from tests import story

pytestmark = pytest.mark.django_db
PHONE, EMAIL = "+447700900123", "ines@example.org"


@pytest.fixture
def request_(staff):
    return story.received(staff, identifiers=[("phone", PHONE), ("email", EMAIL)])


def line_of(request, kind):
    return next(
        {"entry": str(leaf.pk), "salt": opened.salt.hex(), "kind": kind}
        for leaf, opened in commitments.of_subject(request.subject_id)
        if opened.payload["kind"] == kind
    )


def test_a_receipt_has_each_entry_with_its_salt_and_no_identifier(request_, validator):
    told = json.loads(acknowledgement.issue(request_.pk, actor=validator).as_json())
    assert told["reference"] == request_.reference
    assert [line["kind"] for line in told["entries"]] == ["phone", "email"]
    assert told["entries"][0] == line_of(request_, "phone")
    assert "900123" not in json.dumps(told)
    assert "ines" not in json.dumps(told).lower()


def test_every_receipt_that_is_handed_out_is_noted(request_, validator):
    acknowledgement.issue(request_.pk, actor=validator)
    assert json.loads(bytes(LedgerLeaf.objects.get(type="receipt.issued").leaf))["facts"] == {"entries": 2}
    assert AccessLogEntry.objects.filter(user=validator, what="receipt", object_id=str(request_.pk)).count() == 1


def test_who_may_not_hands_out_none(request_, agent, auditor, dpo):
    for user in (agent, auditor, dpo):
        with pytest.raises(Refused, match="role"):
            acknowledgement.issue(request_.pk, actor=user)
    assert not LedgerLeaf.objects.filter(type="receipt.issued").exists()


@pytest.mark.parametrize("spelling", [PHONE, "07700 900123", "0044 7700 900123", "+44 (0)7700 900-123"])
def test_any_spelling_of_the_right_identifier_matches(request_, spelling):
    found = acknowledgement.match(**line_of(request_, "phone"), value=spelling)
    assert found.requests == (request_,)
    assert found.forgotten_at is None


def test_a_printed_salt_may_be_typed_in_groups(request_):
    line = line_of(request_, "email")
    salt = " ".join(line["salt"][start : start + 8] for start in range(0, 64, 8)).upper()
    assert acknowledgement.match(**line | {"salt": salt}, value="Ines@Example.org").requests == (request_,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": "+447700900124"}, "does not fit"),
        ({"salt": "00" * 32}, "does not fit"),
        ({"salt": "xyz"}, "64 characters"),
        ({"salt": "00"}, "64 characters"),
        ({"entry": "no id"}, "no such entry"),
        ({"entry": "00000000-0000-4000-8000-000000000000"}, "no such entry"),
        ({"kind": "email"}, "does not fit"),
        ({"kind": "shoe size"}, "Choose"),
    ],
)
def test_whatever_does_not_fit_is_said_in_a_sentence(request_, changes, sentence):
    with pytest.raises(Refused, match=sentence):
        acknowledgement.match(**{**line_of(request_, "phone"), "value": PHONE} | changes)


def test_the_salt_of_one_entry_does_not_open_another(request_):
    salt = line_of(request_, "email")["salt"]
    with pytest.raises(Refused, match="does not fit"):
        acknowledgement.match(**line_of(request_, "phone") | {"salt": salt}, value=PHONE)


# --- on screen -------------------------------------------------------------------------------------------------------


def test_the_receipt_is_a_page_to_print_and_a_file(request_, validator, login):
    client = login(validator)
    address = reverse("admin:requests_app_request_receipt", args=[request_.pk])
    assert (
        "Receipt for the person"
        in client.get(reverse("admin:requests_app_request_change", args=[request_.pk])).content.decode()
    )
    page = client.post(address, {"as": "print"})
    line = line_of(request_, "phone")
    assert line["entry"] in page.content.decode()
    assert line["salt"][:8] in page.content.decode()
    assert "900123" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    file = client.post(address, {"as": "json"})
    assert file["Content-Disposition"] == f'attachment; filename="{request_.reference}-receipt.json"'
    assert json.loads(file.content)["format"] == acknowledgement.FORMAT
    assert client.get(address).status_code == 405


def test_a_receipt_is_matched_on_a_page(request_, auditor, agent, login):
    address = reverse("admin:requests_app_request_match")
    assert login(agent).get(address).status_code == 403
    client = login(auditor)
    line = line_of(request_, "phone")
    page = client.post(address, line | {"value": "07700 900123"}).content.decode()
    assert "It matches entry" in page
    assert request_.reference in page
    wrong = client.post(address, line | {"value": "07700 900124"}).content.decode()
    assert "does not fit" in wrong
    assert AccessLogEntry.objects.filter(user=auditor, what="match").count() == 2


def test_the_page_offers_no_receipt_to_who_may_not_hand_one_out(request_, auditor, login):
    page = login(auditor).get(reverse("admin:requests_app_request_change", args=[request_.pk])).content.decode()
    assert "Receipt for the person" not in page
