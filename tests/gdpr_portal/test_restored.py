"""A portal whose database is older than the list of forgotten people shows one page, and does nothing."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from content_app import pipeline
from gdpr_portal.doctor import machinery
from requests_app import forgotten_list
from tests.factories import RequestFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def back(settings, tmp_path, evidence_folder):
    """A validated request of somebody whom the portal had forgotten."""
    settings.PORTAL_LEDGER_DIR = tmp_path / "ledger"
    request = RequestFactory.create(is_validated=True)
    forgotten_list.note(request.subject_id)
    return request


@pytest.mark.parametrize("address", ["/", "/admin/", "/accounts/login/", "/admin/requests_app/request/", "/nowhere/"])
def test_every_address_answers_with_the_page_that_says_what_to_do(back, client, login, staff, address):
    for visitor in (client, login(staff)):
        answer = visitor.get(address)
        assert answer.status_code == 503
        assert "replay_erasures" in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"
        assert answer["Retry-After"]


def test_a_form_is_not_taken_either(back, login, staff):
    assert login(staff).post(reverse("admin:requests_app_request_validate", args=[back.pk])).status_code == 503


def test_the_workers_find_nothing_to_do(back):
    assert pipeline.due() == []
    assert not pipeline.advance(back.pk)


@pytest.mark.parametrize("command", [["pick_up"], ["run_pipeline"]])
def test_the_commands_refuse(back, command):
    with pytest.raises(Exception, match="replay_erasures"):
        call_command(*command)


def test_imports_and_exports_refuse(back, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("right,received_at,channel,jurisdiction,name\n")
    with pytest.raises(CommandError, match="replay_erasures"):
        call_command("import_requests", str(file))
    with pytest.raises(CommandError, match="replay_erasures"):
        call_command("export_report", back.reference, "--format", "json", "--output", str(tmp_path / "report.json"))


def test_after_the_replay_everything_goes_on(back, client, login, staff):
    assert [finding.level for finding in machinery.forgetting_holds()] == ["fail"]
    said = io.StringIO()
    call_command("replay_erasures", stdout=said)
    assert "1 people forgotten again" in said.getvalue()
    assert login(staff).get("/admin/").status_code == 200
    assert [finding.level for finding in machinery.forgetting_holds()] == ["ok"]
    call_command("replay_erasures", stdout=said)
    assert "0 people forgotten again" in said.getvalue()


def test_a_list_that_was_lost_is_found_by_the_doctor(back):
    call_command("replay_erasures", stdout=io.StringIO())
    forgotten_list.path().write_text("")
    (finding,) = machinery.forgetting_holds()
    assert (finding.level, "shorter" in finding.says) == ("fail", True)
