"""The gates that every room asks: permission, state, not about oneself, a coded reason."""

import pytest

from requests_app import gates
from requests_app.errors import Refused
from requests_app.states import State
from tests import factories

pytestmark = pytest.mark.django_db


def refusal(gate, *args):
    with pytest.raises(Refused) as caught:
        gate(*args)
    return caught.value.code


def test_one_of_the_permissions_is_enough_and_none_is_not(supervisor, outsider):
    gates.require(supervisor, "requests_app.freeze_request", "requests_app.approve_request")
    assert refusal(gates.require, outsider, "requests_app.freeze_request") == "not_permitted"
    assert refusal(gates.require, supervisor) == "not_permitted", "a gate that names no permission is closed"


def test_someone_who_may_not_sign_in_any_more_may_do_nothing(supervisor):
    supervisor.is_active = False
    assert refusal(gates.require, supervisor, "requests_app.approve_request") == "not_permitted"


def test_a_request_must_be_in_one_of_the_states():
    request = factories.RequestFactory.create(is_validated=True)
    gates.require_state(request, State.RECEIVED, State.VALIDATED)
    assert refusal(gates.require_state, request, State.RECEIVED) == "wrong_state"
    assert refusal(gates.require_state, request) == "wrong_state"


def test_closed_history_passes_no_gate_whatever_its_state():
    request = factories.RequestFactory.create(origin="history", state="closed", outcome="completed")
    assert refusal(gates.require_state, request, State.CLOSED) == "history"


def test_nobody_acts_on_a_request_about_themselves_whichever_row_says_so(staff, superuser, validator):
    by_subject = factories.RequestFactory.create(subject__kind="staff", subject__staff_user=staff)
    by_request = factories.RequestFactory.create(subject_user=superuser)
    for request, person in ((by_subject, staff), (by_request, superuser)):
        assert refusal(gates.require_not_the_subject, request, person) == "own_request"
        gates.require_not_the_subject(request, validator)


@pytest.mark.parametrize("reason", ["", "other", "First", None])
def test_a_reason_comes_from_the_list(reason):
    reasons = (("first", "First"), ("second", "Second"))
    gates.require_reason("second", reasons)
    assert refusal(gates.require_reason, reason, reasons) == "no_reason"
