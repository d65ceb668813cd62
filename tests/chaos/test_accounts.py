"""Who judges the campaign notices each way in which the accounts may contradict each other, one at a time."""

import copy

import pytest
from django.db import connection, transaction

from content_app.models import Intent, Receipt, ReceiptItem
from requests_app import publisher
from requests_app.models import LedgerIndex, LedgerLeaf
from tests.chaos import accounts
from tests.flow import conftest as flow
from tests.guards_aside import guards_aside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]

centre, connect, take = flow.centre, flow.connect, flow.take


class Told:
    """What a contact centre has told once, to be told otherwise."""

    def __init__(self, vendor):
        self.calls, self._vendor, self.held = vendor.ask("/log")["calls"], vendor, {}

    def ask(self, path):
        assert path == "/log"
        return {"calls": self.calls}

    def tell(self, path, **words):
        told = self._vendor.tell(path, **words)
        return {"remaining": told["remaining"] | self.held}

    @property
    def deletes(self):
        return [one for one in self.calls if one["method"] == "DELETE" or one["path"].endswith("/delete-batch")]

    def again(self, **changed):
        """The last delete once more, a second later."""
        last = self.deletes[-1]
        later = {name: last[name] + 1 for name in ("began", "ended")}
        self.calls.append(copy.deepcopy(last) | later | changed)


@pytest.fixture
def erased(centre, connect, take, staff, supervisor, settings):
    """A whole erasure, its system, and what the contact centre tells of it."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    system = connect(centre)
    request = take(centre.ask("/subjects")["subjects"][0])
    flow.run()
    flow.approve(request, flow.freeze(request, staff), supervisor)
    flow.run()
    publisher.publish()
    return system, Told(centre)


# --- what a contact centre may tell ----------------------------------------------------------------------------------


def _deletes_a_stranger_s_file(told):
    told.deletes[-1]["deleted"].append({"guid": "a-stranger-s", "content": [{"contentKey": "callRecording"}]})


def _asks_for_a_stranger_s(told):
    told.deletes[-1]["guids"].append("a-stranger-s")


def _never_carried_one_out(told):
    told.deletes[-1]["deleted"].pop()


def _carried_one_out_twice(told):
    told.again()


def _was_asked_again_in_vain(told):
    told.again(deleted=[])


def _was_asked_before_any_intent(told):
    told.deletes[-1]["began"] -= 3600


def _was_asked_before_the_intent_was_published(told):
    told.deletes[-1]["began"] = Intent.objects.latest("at").at.timestamp() + 0.000001


def _was_asked_after_the_answer_was_written_down(told):
    last = told.deletes[-1]
    last["began"] = last["ended"] = Receipt.objects.latest("at").at.timestamp() + 1


def _had_two_in_flight(told):
    told.deletes[0]["ended"] = told.deletes[1]["began"] + 0.001


def _holds_one_still(told):
    one = told.deletes[-1]["deleted"][0]
    told.held[one["guid"]] = [one["content"][0]["contentKey"]]


@pytest.mark.parametrize(
    ("otherwise", "fault"),
    [
        (_deletes_a_stranger_s_file, "deleted and on no list"),
        (_asks_for_a_stranger_s, "asked for without an earlier intent"),
        (_never_carried_one_out, "on a list and never deleted"),
        (_carried_one_out_twice, "deleted more than once"),
        (_was_asked_again_in_vain, "asked for again after it was carried out"),
        (_was_asked_again_in_vain, "asked for again without a look in between"),
        (_was_asked_before_any_intent, "asked for without an earlier intent"),
        (_was_asked_before_the_intent_was_published, "asked for before its intent was published"),
        (_was_asked_after_the_answer_was_written_down, "asked for without an earlier intent"),
        (_had_two_in_flight, "more deletes in flight than the account allows"),
        (_holds_one_still, "still there"),
    ],
)
def test_what_a_contact_centre_tells_otherwise_is_a_fault(erased, otherwise, fault):
    system, told = erased
    assert accounts.compare({system.pk: told}).faults == []
    otherwise(told)
    found = accounts.compare({system.pk: told})
    assert found.figures[fault]
    assert any(one.startswith(fault) for one in found.faults)


# --- what the portal may have written down ---------------------------------------------------------------------------


def _lost_an_outcome():
    ReceiptItem.objects.latest("id").delete()


def _called_a_failure_final():
    last = ReceiptItem.objects.latest("id")
    ReceiptItem.objects.filter(pk=last.pk).update(outcome="retry")


def _lost_a_number_of_the_ledger():
    LedgerIndex.objects.order_by("-seq")[1].delete()


def _changed_an_entry():
    leaf = LedgerLeaf.objects.filter(type="deletion.receipt").latest("id")
    LedgerLeaf.objects.filter(pk=leaf.pk).update(leaf=bytes(leaf.leaf).replace(b'"deleted":', b'"deleter":'))


def _lost_a_receipt():
    receipt = Receipt.objects.latest("at")
    ReceiptItem.objects.filter(receipt=receipt).delete()
    receipt.delete()


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (_lost_an_outcome, "without a final receipt"),
        (_called_a_failure_final, "without a final receipt"),
        (_lost_a_number_of_the_ledger, "gaps in the ledger"),
        (_changed_an_entry, "the ledger does not verify"),
        (_lost_a_receipt, "differences of the reconciliation"),
        (_lost_a_receipt, "rows and ledger disagree"),
    ],
)
def test_damage_to_what_the_portal_wrote_down_is_a_fault(erased, damage, fault):
    system, told = erased
    with transaction.atomic():
        with guards_aside(connection):
            damage()
        found = accounts.compare({system.pk: told})
        transaction.set_rollback(True)
    assert any(one.startswith(fault) for one in found.faults), found.faults
