"""What `manage.py doctor` finds about people, and the command itself."""

import json
import os
import subprocess
import sys
from io import StringIO

from django.core.management import call_command

from content_app.models import Heartbeat
from gdpr_portal import doctor
from gdpr_portal.doctor import deployment, people
from tests import factories
from tests.gdpr_portal.doctor_story import levels, said

# --- people ----------------------------------------------------------------------------------------------------------


def test_a_full_cast_is_fine(agent, staff, supervisor, second_supervisor, auditor, administrator, privacy_manager, dpo):
    assert levels(people.roles_are_filled) == levels(people.four_eyes_are_there) == ["ok"]
    assert levels(people.superusers_are_known) == ["ok"]


def test_empty_roles_are_named(staff, supervisor):
    assert "Nobody has the role of agent, auditor, administrator" in said(people.roles_are_filled)


def test_without_anyone_who_approves_nothing_can_be_done(staff, administrator):
    assert levels(people.four_eyes_are_there)[0] == "fail"


def test_one_approver_alone_is_worth_a_word(supervisor, administrator):
    assert levels(people.four_eyes_are_there) == ["warn"]


def test_an_approver_who_makes_accounts_is_no_second_person(administrator):
    administrator.groups.add(*factories.Group.objects.filter(name="supervisor"))
    assert levels(people.four_eyes_are_there)[0] == "fail"


def test_a_superuser_is_no_approver_and_is_worth_a_word(superuser):
    assert levels(people.four_eyes_are_there)[0] == "fail"
    assert levels(people.superusers_are_known) == ["warn"]


def test_an_account_that_is_switched_off_fills_no_role(supervisor):
    type(supervisor).objects.update(is_active=False)
    assert levels(people.four_eyes_are_there)[0] == "fail"


# --- the command -----------------------------------------------------------------------------------------------------


def run(**options):
    out = StringIO()
    try:
        call_command("doctor", stdout=out, **options)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_it_ends_with_one_when_anything_fails_and_says_what_to_do(db):
    code, text = run()
    assert code == 1
    assert "→ Start manage.py qcluster" in text


def test_a_warning_alone_ends_with_nought(monkeypatch):
    one = doctor.Finding("people", "warn", "Something.", "Look at it.")
    monkeypatch.setattr(doctor, "examine", lambda: iter([one]))
    assert run()[0] == 0


def test_every_finding_has_an_advice_exactly_when_something_is_to_be_done(db):
    code, text = run(json=True)
    told = json.loads(text)
    assert (told["version"], told["ok"], code) == (1, False, 1)
    assert told["findings"]
    for finding in told["findings"]:
        assert set(finding) == {"check", "level", "says", "do"}
        assert finding["level"] in {"ok", "warn", "fail"}
        assert bool(finding["do"]) == (finding["level"] != "ok")


def test_what_breaks_under_a_check_is_a_finding(db, monkeypatch):
    def burst():
        raise LookupError("+441632960001")
        yield

    monkeypatch.setattr(doctor, "_WITH_DATABASE", (("guards", burst),))
    last = list(doctor.examine())[-1]
    assert (last.check, last.level) == ("guards", "fail")
    assert "LookupError" in last.says
    assert "960001" not in str(last)


def test_it_reads_and_changes_nothing(sealed):
    before = (sealed.keys.count(), Heartbeat.objects.count(), os.listdir(deployment.settings.VAR_DIR))
    run()
    assert before == (sealed.keys.count(), Heartbeat.objects.count(), os.listdir(deployment.settings.VAR_DIR))


def test_a_missing_variable_is_a_sentence_too():
    bare = {"PATH": os.environ["PATH"]}
    told = subprocess.run(
        [sys.executable, "manage.py", "doctor"], env=bare, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == "Set the PORTAL_SECRET_KEY environment variable. See docs/configuration.md.\n"
