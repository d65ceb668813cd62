"""Room 2: who is asking, and what is kept of the proof."""

import io

import pytest
from PIL import Image

from requests_app import keys, validation
from requests_app.errors import Refused
from requests_app.models import AccessLogEntry, Evidence, LedgerLeaf
from tests.story import received, validated

pytestmark = pytest.mark.django_db


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    options = settings.STORAGES["default"]["OPTIONS"] | {"location": str(tmp_path)}
    settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}


def refusals():
    leaves = LedgerLeaf.objects.filter(type="attempt.refused")
    return [bytes(leaf.leaf) for leaf in leaves]


def test_validating_needs_the_level_that_the_right_needs(staff, validator):
    request = received(staff)
    with pytest.raises(Refused, match="IAL-2"):
        validation.validate(request.pk, actor=validator)
    assert b"level_too_low" in refusals()[0]


def test_a_failed_check_reaches_nothing(staff, validator):
    request = received(staff)
    validation.record_finding(request.pk, actor=validator, method="callback", level="IAL-2", result="failed")
    assert validation.level_reached(request) == "IAL-0"


def test_validating_freezes_the_scope_and_bars_the_validator(staff, validator):
    request = validated(staff, validator)
    assert request.state == "validated"
    assert request.scope_as_of is not None
    assert set(request.bars.values_list("user", "ground")) == {(staff.pk, "opened"), (validator.pk, "validated")}


def test_who_took_a_request_may_validate_it(staff):
    assert validated(staff, staff).validated_by == staff


def test_the_person_concerned_cannot_validate(staff, validator):
    request = received(staff, subject_kind="staff", staff_user=validator)
    with pytest.raises(Refused, match="about you"):
        validation.record_finding(request.pk, actor=validator, method="callback", level="IAL-2", result="passed")


@pytest.mark.parametrize(
    ("finding", "code"),
    [
        ({"method": "document", "level": "IAL-3", "result": "passed"}, "no_doubt"),
        ({"method": "name_and_number", "level": "IAL-2", "result": "passed"}, "level_too_high"),
        ({"method": "horoscope", "level": "IAL-2", "result": "passed"}, "unknown_choice"),
        ({"method": "callback", "level": "IAL-9", "result": "passed"}, "unknown_choice"),
        ({"method": "callback", "level": "IAL-2", "result": "maybe"}, "unknown_choice"),
        ({"method": "callback", "level": "IAL-2", "result": "passed", "doubt": "hunch"}, "unknown_choice"),
    ],
)
def test_a_finding_that_cannot_be_is_refused_and_noted(staff, validator, finding, code):
    request = received(staff)
    with pytest.raises(Refused) as refused:
        validation.record_finding(request.pk, actor=validator, **finding)
    assert refused.value.code == code
    assert code.encode() in refusals()[0]
    assert not request.findings.exists()


@pytest.mark.parametrize(
    "who", ["agent", "supervisor", "auditor", "administrator", "privacy_manager", "dpo", "outsider"]
)
def test_only_staff_validate(who, request, staff):
    case = received(staff)
    with pytest.raises(Refused, match="role"):
        validation.validate(case.pk, actor=request.getfixturevalue(who))


def test_evidence_is_stored_encrypted_under_a_random_name(staff, validator):
    case = received(staff)
    evidence = validation.add_evidence(case.pk, actor=validator, kind="authority", name="passport.png", data=png())
    with evidence.file.open("rb") as stored:
        on_disk = stored.read()
    assert b"PNG" not in on_disk
    assert "passport" not in evidence.file.name
    document = validation.open_evidence(evidence.pk, actor=validator, reason="identity_check")
    assert (document.media_type, document.data[:4]) == ("image/png", b"\x89PNG")
    assert AccessLogEntry.objects.filter(user=validator, what="evidence", reason="identity_check").count() == 1


def test_an_identity_copy_goes_at_the_check(staff, validator):
    case = received(staff)
    evidence = validation.add_evidence(case.pk, actor=validator, kind="identity", name="id.png", data=png())
    storage, name = evidence.file.storage, evidence.file.name
    validation.record_finding(
        case.pk, actor=validator, method="document", level="IAL-3", result="passed", doubt="data_mismatch"
    )
    validation.validate(case.pk, actor=validator)
    evidence = Evidence.objects.get(pk=evidence.pk)
    assert (evidence.wrapped_file_key, bool(evidence.file), storage.exists(name)) == (None, False, False)
    with pytest.raises(keys.Forgotten):
        validation.open_evidence(evidence.pk, actor=validator, reason="identity_check")


@pytest.mark.parametrize("who", ["agent", "auditor", "administrator", "privacy_manager", "dpo", "outsider"])
def test_evidence_opens_only_to_those_who_may_see_it(who, request, staff, validator):
    case = received(staff)
    evidence = validation.add_evidence(case.pk, actor=validator, kind="authority", name="a.png", data=png())
    with pytest.raises(Refused, match="role"):
        validation.open_evidence(evidence.pk, actor=request.getfixturevalue(who), reason="identity_check")


def test_too_much_evidence_is_refused(staff, validator, monkeypatch):
    monkeypatch.setattr(validation, "MAX_EVIDENCE", 1)
    case = received(staff)
    validation.add_evidence(case.pk, actor=validator, kind="other", name="a.png", data=png())
    with pytest.raises(Refused, match="enough"):
        validation.add_evidence(case.pk, actor=validator, kind="other", name="a.png", data=png())


@pytest.mark.parametrize(
    ("end", "reason", "state"),
    [("withdraw", "person_withdrew", "withdrawn"), ("not_identified", "no_answer", "not_identified")],
)
def test_an_end_needs_a_coded_reason(staff, validator, end, reason, state):
    case = received(staff)
    with pytest.raises(Refused, match="reason"):
        getattr(validation, end)(case.pk, actor=validator, reason="because")
    getattr(validation, end)(case.pk, actor=validator, reason=reason)
    case.refresh_from_db()
    assert (case.state, case.outcome, case.closed_at is not None) == (state, state, True)


def test_nothing_happens_to_an_ended_request(staff, validator):
    case = received(staff)
    validation.withdraw(case.pk, actor=validator, reason="person_withdrew")
    with pytest.raises(Refused, match="withdrawn"):
        validation.validate(case.pk, actor=validator)
