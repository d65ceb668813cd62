"""Walks a request to where a report can be made of it."""

from types import SimpleNamespace

import pytest

from content_app import planning, reporting, systems
from content_app.connectors import registry
from content_app.models import Candidate
from requests_app import sequencer
from tests import factories, story
from tests.content_app.reporting.desk import EMAIL, NAME, PHONE, A, B, Centre, run


@pytest.fixture
def centre(monkeypatch):
    one = Centre()
    monkeypatch.setattr(registry, "connect", lambda kind, account, gate: one)
    return one


@pytest.fixture
def system(db, administrator, supervisor):
    made = factories.SystemFactory(name="Contact centre")
    systems.propose_deletion(made.pk, actor=administrator)
    systems.confirm_deletion(made.pk, actor=supervisor)
    return made


@pytest.fixture(autouse=True)
def _no_delay(settings):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0


@pytest.fixture
def walk(centre, system, staff, validator, supervisor):
    """``walk(to="verified", contents=…)`` is a request that came there through the real rooms."""

    def freeze(request):
        return planning.freeze(request.pk, actor=validator)

    def approve(request, plan):
        story.approve(request, plan, supervisor)

    def walked(*, to="verified", contents=((A, "callRecording"), (A, "transcript"), (B, "voicemail")), **told):
        told = {"name": NAME, "identifiers": [("phone", PHONE), ("email", EMAIL)]} | told
        request = story.validated(staff, validator, **told)
        rows = [
            {"external_id": external_id, "content_key": name, "content_class": name} for external_id, name in contents
        ]
        if rows:
            story.found(request, system, *rows)
        else:
            story.found(request, system)
            Candidate.objects.filter(request=request).update(kind="after_scope")
        for external_id in {external_id for external_id, _ in contents}:
            centre.hold(external_id, *(name for owner, name in contents if owner == external_id))
        if to == "validated":
            return request
        plan = freeze(request)
        if to != "planned":
            if plan.items.exclude(action="keep").exists():
                approve(request, plan)
            run(request)
        if to == "closed":
            reporting.record_reply(request.pk, actor=staff, channel="email")
            sequencer.drain()
        request.refresh_from_db()
        return request

    return SimpleNamespace(to=walked, freeze=freeze, approve=approve)
