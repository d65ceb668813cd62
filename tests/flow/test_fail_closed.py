"""A ledger that cannot be written: nothing is sent to the contact centre, and people read a sentence."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.urls import reverse

from content_app.models import Intent
from requests_app.models import Request
from tests.chaos import faults
from tests.chaos.acts import CSV
from tests.flow.conftest import approve, freeze, run
from tests.flow.test_crash import assert_finished, forget_leases
from tests.flow.test_erasure import held

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def planned(centre, connect, take, staff, settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    connect(centre)
    subject = centre.ask("/subjects")["subjects"][0]
    request = take(subject)
    run()
    return request, freeze(request, staff), subject


def deletes(centre):
    """Every call to delete that reached the contact centre, whatever it answered."""
    return [call for call in centre.ask("/log")["calls"] if call["method"] == "DELETE" or "delete" in call["path"]]


def test_no_call_to_delete_leaves_the_portal_without_its_intent(planned, centre, supervisor):
    request, plan, subject = planned
    approve(request, plan, supervisor)
    before = held(centre, subject["guids"])
    with faults.trigger("deletion.intended"):
        for _ in range(3):
            forget_leases()
            with pytest.raises(DatabaseError):
                run()
        assert deletes(centre) == []
        assert held(centre, subject["guids"]) == before
        assert not Intent.objects.exists()
        request.refresh_from_db()
        assert (request.state, request.errand.attention) == ("approved", "crashed")
    forget_leases()
    run()
    assert_finished(request, subject, centre)
    assert deletes(centre) != []


def test_a_person_reads_what_to_do_and_nothing_is_approved(planned, supervisor, login):
    request, plan, _ = planned
    client = login(supervisor)
    client.raise_request_exception = False
    page = client.get(reverse("admin:content_review", args=[request.pk])).content.decode()
    told = {"plan_id": plan.pk, "digest": plan.digest, "confirmed": str(plan.items.count())}
    assert "Approve" in page
    with faults.trigger("approval.given"):
        answer = client.post(reverse("admin:content_approve", args=[request.pk]), told)
    text = answer.content.decode()
    assert answer.status_code == 500
    assert "Go back and try once more" in text
    assert "Traceback" not in text
    assert "cannot be written" not in text, "the database's words stay inside"
    request.refresh_from_db()
    assert request.state == "planned"


def test_an_import_says_that_it_stopped_and_can_be_repeated(tmp_path, db):
    file = tmp_path / "requests.csv"
    file.write_bytes(CSV)
    with faults.trigger("request.imported"), pytest.raises(CommandError, match="import the file again"):
        call_command("import_requests", str(file))
    assert not Request.objects.exists()
    call_command("import_requests", str(file))
    assert Request.objects.count() == 1
