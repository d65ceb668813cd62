"""Each rule finds the breach that is planted for it, and leaves the decent neighbour alone."""

import pytest

from tests.architecture import rules

HERE = "requests_app/somewhere.py"


def breaches(rule, text, path=HERE):
    return [what for _, what in rule(text, path)]


@pytest.mark.parametrize(
    "planted",
    [
        "request.state = 'closed'",
        "request.state: str = 'closed'",
        "request.state += 'x'",
        "a, request.state = 1, 'closed'",
        "for request.state in states: pass",
        "with room() as request.state: pass",
        "del request.state",
        "Request.objects.filter(pk=1).update(state='closed')",
        "Request.objects.filter(pk=1).update(**{'state': 'closed'})",
        "await things.aupdate(state='closed')",
        "setattr(request, 'state', 'closed')",
        "object.__setattr__(request, 'state', 'closed')",
        "request.__dict__['state'] = 'closed'",
        "Request.objects.bulk_update(found, ['state'])",
        "Request.objects.bulk_update(found, fields=('state', 'outcome'))",
        "request.save(update_fields=['outcome', 'state'])",
        "Request.objects.create(state='closed')",
        "Request.objects.update_or_create(pk=1, defaults={'state': 'closed'})",
        "Request.objects.bulk_create([Request(state='closed')])",
        "cursor.execute('UPDATE requests_app_request SET state = %s')",
        'cursor.execute(f"update \\"requests_app_request\\" set x = {y}")',
    ],
)
def test_a_write_of_the_state_is_found(planted):
    assert breaches(rules.state_is_written, planted)
    assert not breaches(rules.state_is_written, planted, "requests_app/transitions.py")


@pytest.mark.parametrize(
    "decent",
    [
        "state = models.CharField(default=State.RECEIVED)",
        "Request.objects.filter(state='closed')",
        "if request.state == 'closed': pass",
        "transitions.move(pk, seen=request.state, to='closed')",
        "context = {'state': request.state}",
        "Request.objects.filter(pk=1).update(outcome='x')",
        "app.state.world = world",
        "request.save(update_fields=['outcome'])",
        "request.refresh_from_db(fields=['state'])",
    ],
)
def test_reading_the_state_is_nobodys_business(decent):
    assert not breaches(rules.state_is_written, decent)


def test_a_request_is_born_in_intake_with_its_first_state():
    born = "Request.objects.create(state=State.RECEIVED)"
    assert not breaches(rules.state_is_written, born, "requests_app/intake.py")
    assert breaches(rules.state_is_written, "x.update(state='closed')", "requests_app/intake.py")


@pytest.mark.parametrize(
    "planted",
    [
        "logger.info('opened for %s', party.name_enc)",
        "logger.warning(f'no match for {row.value_enc}')",
        "logging.error('call', extra={'from': call.connect_from})",
        "self._log.debug(contact)",
        "logging.getLogger(__name__).info(person['email'])",
        "logger.exception('x', identifiers)",
        "log.log(logging.INFO, user.get_full_name())",
        "logger.info('%s', str(user.username))",
    ],
)
def test_a_personal_field_in_a_log_is_found(planted):
    assert breaches(rules.personal_field_is_logged, planted)


@pytest.mark.parametrize(
    "decent",
    [
        "logger.info('request %s moved', request.pk)",
        "ledger.log(party.name_enc)",
        "logger.warning(type(error).__name__)",
    ],
)
def test_ids_and_codes_may_be_logged(decent):
    assert not breaches(rules.personal_field_is_logged, decent)


def test_a_module_without_a_plate_is_found():
    assert breaches(rules.plate_is_missing, "import os\n")
    assert not breaches(rules.plate_is_missing, '"""What it is for."""\nimport os\n')
    assert not breaches(rules.plate_is_missing, "")


def test_the_walls_stand_where_they_should():
    assert not breaches(rules.wall_is_passed, "\n" * 400)
    assert breaches(rules.wall_is_passed, "\n" * 401)
    assert not breaches(rules.wall_is_passed, "def f():\n" + "    x = 1\n" * 49)
    assert breaches(rules.wall_is_passed, "def f():\n" + "    x = 1\n" * 50)
    assert breaches(rules.wall_is_passed, "class C:\n    async def f():\n" + "        x = 1\n" * 50)


@pytest.mark.parametrize("path", ["requests_app/utils.py", "content_app/services/mail.py", "content_app/managers.py"])
def test_a_name_that_says_nothing_is_found(path):
    assert breaches(rules.name_says_nothing, "", path)
    assert not breaches(rules.name_says_nothing, "", "requests_app/management/commands/verify_audit.py")


@pytest.mark.parametrize(
    "planted",
    [
        "try: x()\nexcept: pass",
        "try: x()\nexcept Exception: raise",
        "try: x()\nexcept (ValueError, BaseException): pass",
        "with suppress(Exception): x()",
        "with contextlib.suppress(ValueError, builtins.Exception): x()",
    ],
)
def test_catching_everything_is_found_and_allowed_once_in_the_pipeline(planted):
    assert breaches(rules.everything_is_caught, planted)
    assert not breaches(rules.everything_is_caught, planted, "content_app/pipeline.py")
    assert len(breaches(rules.everything_is_caught, f"{planted}\n{planted}", "content_app/pipeline.py")) == 1


def test_catching_something_is_fine():
    assert not breaches(rules.everything_is_caught, "try: x()\nexcept (ValueError, DatabaseError): pass")


def test_a_print_is_found_outside_commands():
    assert breaches(rules.something_is_printed, "print(1)")
    assert not breaches(rules.something_is_printed, "print(1)", "requests_app/management/commands/verify_audit.py")


def test_a_test_that_stands_for_no_module_is_found():
    sources = {"requests_app/intake", "content_app", "content_app/connectors", "content_app/connectors/vcc"}
    assert rules.mirrors_nothing("tests/requests_app/test_outtake.py", sources)
    assert rules.mirrors_nothing("tests/content_app/test_vcc.py", sources)
    assert rules.mirrors_nothing("tests/content_app/plumbing/test_vcc.py", sources)
    assert rules.mirrors_nothing("tests/test_everything.py", sources)
    assert not rules.mirrors_nothing("tests/requests_app/test_intake_by_phone.py", sources)
    assert not rules.mirrors_nothing("tests/content_app/connectors/test_hostile_answers.py", sources)
    assert not rules.mirrors_nothing("tests/flow/test_a_whole_request.py", sources)
