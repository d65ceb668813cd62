"""The database fails in the midst of every phase: nothing is lost or deleted twice, and pages say what to do."""

import sqlite3
from collections import Counter
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import DatabaseError, close_old_connections, connection
from django.urls import reverse

from content_app.models import Intent, Item, ReceiptItem
from requests_app.states import State
from tests.chaos import books

pytestmark = pytest.mark.django_db(transaction=True)

#: Phase → the state before it, and the table whose first row of that phase cannot be written.
PHASES = {
    "search": (State.VALIDATED, "content_app_candidate"),
    "freezing": (State.VALIDATED, "content_app_item"),
    "approval": (State.PLANNED, "requests_app_approval"),
    "before the call": (State.APPROVED, "content_app_intent"),
    "after the call": (State.APPROVED, "content_app_receipt"),
    "the trial's look": (State.APPROVED, "content_app_verification"),
    "reading back": (State.EXECUTED, "content_app_verification"),
    "reply": (State.VERIFIED, "requests_app_decision"),
}
every_phase = pytest.mark.parametrize("phase", PHASES)


# --- what the database does ------------------------------------------------------------------------------------------


def somebody_else():
    """A connection of another process."""
    told = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    return psycopg.connect(**{name: told[name] for name in names if told.get(name)}, autocommit=True)


@contextmanager
def cut(table):
    """The server ends the connection, as an administrator or a restart does."""
    with somebody_else() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    yield


@contextmanager
def locked(table):
    """Somebody holds the table, and patience is short."""
    with somebody_else() as other:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        other.execute("BEGIN")
        other.execute(f"LOCK TABLE {table} IN SHARE MODE NOWAIT")
        yield


@contextmanager
def read_only(table):
    """The server takes no writes any more, as one that has become a stand-by."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    yield


def raising(code):
    @contextmanager
    def fails(table):
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$")
        yield

    return fails


FAULTS = {
    "cut": cut,
    "lock timeout": locked,
    "serialisation failure": raising("40001"),
    "read only": read_only,
    "disk full": raising("53100"),
}


@contextmanager
def at_the_first_write_to(table, fault):
    """The fault comes just before that statement; yields whether it came."""
    came = []

    def watch(execute, sql, params, many, context):
        verb, *words = sql.split(None, 3)
        if came or verb != "INSERT" or words[1].strip('"') != table:
            return execute(sql, params, many, context)
        came.append(table)
        with fault(table):
            return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield came


# --- the phases ------------------------------------------------------------------------------------------------------


def do(stage, request, phase):
    match phase:
        case "freezing":
            stage.freeze(request)
        case "approval":
            stage.approve(request)
        case "reply":
            stage.reply(request)
        case _:
            stage.advance(request)


def bring(stage, phase):
    """A request just before the phase."""
    request = stage.request(PHASES[phase][0], {name: ("voicemail",) for name in "abc"})
    if phase == "freezing":
        stage.advance(request)
    return request


def go_on(stage, request):
    """To the end of the path, whatever has already been done."""
    for _ in range(8):
        request.refresh_from_db()
        match request.state:
            case State.VALIDATED:
                stage.advance(request)
                stage.freeze(request)
            case State.PLANNED:
                stage.approve(request)
            case State.VERIFIED:
                stage.reply(request)
            case State.CLOSED:
                return
            case _:
                stage.advance(request)
    raise AssertionError(request.state)


def assert_nothing_lost(stage, request):
    assert stage.centre.held == {}
    sends = Counter(one for entry in stage.deletes() for one in entry[1:])
    assert set(sends.values()) == {1}, "everything was sent once"
    assert not Intent.objects.filter(receipt__isnull=True).exists()
    final = ReceiptItem.objects.filter(outcome="deleted").values_list("item_id", flat=True)
    assert Counter(final) == Counter(Item.objects.filter(plan__request=request).values_list("id", flat=True))
    books.agree()


@pytest.mark.postgresql
@every_phase
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_work_goes_on_where_the_database_failed(stage, phase, fault):
    request = bring(stage, phase)
    with at_the_first_write_to(PHASES[phase][1], fault) as came, pytest.raises(DatabaseError):
        do(stage, request, phase)
    assert came
    close_old_connections()  # what worker and server do between two pieces of work
    go_on(stage, request)
    assert_nothing_lost(stage, request)


# --- SQLite: another process writes ----------------------------------------------------------------------------------


@contextmanager
def file_locked():
    """Another process is in the midst of a long write, and patience is short."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], uri=True, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.sqlite
@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in ("after the call", "the trial's look")])
def test_a_locked_file_stops_a_phase_before_it_begins(stage, phase):
    request = bring(stage, phase)
    before = books.picture()
    with file_locked(), pytest.raises(DatabaseError, match="locked"):
        do(stage, request, phase)
    assert books.picture() == before
    go_on(stage, request)
    assert_nothing_lost(stage, request)


@pytest.mark.sqlite
@pytest.mark.parametrize("verb", ["delete_interactions", "get"])
def test_a_file_that_is_locked_while_a_call_is_under_way_loses_no_answer(stage, verb):
    request = bring(stage, "after the call")
    with file_locked() as _:
        pass
    locks = []

    def lock(entry):
        if entry[0] == verb and not locks and (verb != "get" or stage.deletes()):
            locks.append(file_locked())
            locks[0].__enter__()

    stage.centre.after = lock
    with pytest.raises(DatabaseError, match="locked"):
        do(stage, request, "after the call")
    locks[0].__exit__(None, None, None)
    go_on(stage, request)
    assert_nothing_lost(stage, request)


# --- what people see -------------------------------------------------------------------------------------------------


def page_of(answer):
    text = answer.content.decode()
    assert answer.status_code == 503
    assert "The database cannot be used just now" in text
    assert "go back and try once more" in text
    assert "manage.py doctor" in text
    for word in ("Traceback", "locked", "psycopg", "terminating", "as told"):
        assert word not in text
    assert answer.headers["Retry-After"] == "30"
    return True


@pytest.mark.postgresql
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_page_says_what_to_do_while_the_database_fails(stage, fault):
    request = stage.request(State.PLANNED)
    client = stage.client("supervisor")
    client.raise_request_exception = False
    told = approval_of(stage, request)
    with at_the_first_write_to("requests_app_approval", fault) as came:
        assert page_of(client.post(*told))
    assert came
    close_old_connections()
    request.refresh_from_db()
    assert request.state == State.PLANNED
    assert client.post(*told).status_code == 302
    request.refresh_from_db()
    assert request.state == State.APPROVED


@pytest.mark.postgresql
def test_a_page_comes_out_where_not_even_the_session_can_be_read(stage):
    client = stage.client("supervisor")
    client.raise_request_exception = False
    with cut(""):
        assert page_of(client.get(reverse("admin:index")))
    close_old_connections()
    assert client.get(reverse("admin:index")).status_code == 200


@pytest.mark.sqlite
def test_a_page_says_what_to_do_while_the_file_is_locked(stage):
    request = stage.request(State.PLANNED)
    client = stage.client("supervisor")
    client.raise_request_exception = False
    told = approval_of(stage, request)
    with file_locked():
        assert page_of(client.post(*told))
    assert client.post(*told).status_code == 302


def test_a_mistake_of_ours_is_no_fault_of_the_database(stage, monkeypatch):
    client = stage.client("supervisor")
    client.raise_request_exception = False
    monkeypatch.setattr("gdpr_portal.admin_site.PortalAdminSite.each_context", lambda *told: 1 / 0)
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 500
    assert "The portal made a mistake" in answer.content.decode()


def approval_of(stage, request):
    plan = stage.plan(request)
    told = {"plan_id": plan.pk, "digest": plan.digest, "confirmed": str(plan.items.count())}
    return reverse("admin:content_approve", args=[request.pk]), told
