"""Where the statistics may not be read a person is told what to do; and the whole of it against the sandbox."""

import pytest

from content_app import discovery, leftovers, pipeline, systems, windows
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, StatisticsPass
from requests_app.errors import Refused
from tests.centre import Centre, plug
from tests.content_app.statistics_story import counted, read
from tests.factories import SystemFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(connect):
    return read(connect)


# --- when the system refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["forbidden", "scope_refused"])
def test_a_missing_scope_says_what_to_do_and_switching_off_lets_the_work_go_on(system, centre, rooms, code):
    request = rooms.take()

    def refuse(entry):
        if entry[0] == "statistics":
            raise ConnectorError(code, permanent=True, status=403)

    centre.before = refuse
    assert not pipeline.advance(request.pk)
    errand = Errand.objects.get(request=request)
    assert (errand.attention, errand.failures) == ("statistics", 1)
    with pytest.raises(Refused, match="Add the scope stats to the account, or switch reading statistics off"):
        rooms.search(request)
    type(system).objects.update(reads_statistics=False)
    assert discovery.is_finished(request)
    assert rooms.freeze(request)


def test_any_other_error_is_the_system_s_own(system, centre, rooms):
    request = rooms.take()

    def refuse(entry):
        if entry[0] == "statistics":
            raise ConnectorError("server_error", permanent=False, status=503)

    centre.before = refuse
    assert not pipeline.advance(request.pk)
    assert Errand.objects.get(request=request).attention == "unreachable"
    centre.before = lambda entry: None
    assert rooms.search(request)


def test_one_system_s_refusal_holds_no_other_up(connect, rooms, monkeypatch):
    centres = {"A": Centre(), "B": Centre()}
    for name in centres:
        connect(name=name, reads_statistics=True)
    plug(monkeypatch, by_name=centres)

    def refuse(entry):
        if entry[0] == "statistics":
            raise ConnectorError("forbidden", permanent=True, status=403)

    centres["A"].before = refuse
    request = rooms.take()
    with pytest.raises(Refused):
        rooms.search(request)
    assert [row.system.name for row in leftovers.latest(request)] == ["B"]


# --- against the sandbox over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def account(start_sandbox, monkeypatch):
    """A contact centre with more than a page of contacts in a window, and the system that reads it."""
    monkeypatch.setenv("TESTX_CLIENT_ID", "sandbox-admin")
    monkeypatch.setenv("TESTX_CLIENT_SECRET", "sandbox-admin-secret")
    sandbox = start_sandbox(seed=11, interactions=7000, days=60, subjects=2)
    system = SystemFactory.create(
        credential="TESTX", gateway_url=sandbox.url, auth_url=sandbox.url, reads_statistics=True, history_days=61
    )
    return sandbox, system


def stats_calls(sandbox):
    return [one for one in sandbox.ask("/log")["calls"] if one["path"].startswith("/stats")]


def pages_of_each_window(system):
    spans = windows.unpacked(StatisticsPass.objects.get().windows)
    with systems.connected(system) as connector:
        return [connector.statistics(start=start, end=end, page=1).pages for start, end in spans]


def test_on_the_sandbox_it_takes_windows_times_pages_and_finds_what_is_true(account, rooms, settings):
    settings.PORTAL_RATE_LIMIT = False
    sandbox, system = account
    subject, other = sandbox.ask("/subjects")["subjects"]
    kinds = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}
    requests = []
    for person in (subject, other):
        known = [(kinds[each["kind"]], each["formats"][0]) for each in person["identifiers"]]
        requests.append(rooms.take(name=person["name"], identifiers=known))
    sandbox.tell("/retention", days=40)
    for one in requests:
        discovery._search_system(one, system, budget=100_000, beat=rooms.beat)
    assert rooms.search(requests[0])
    calls = stats_calls(sandbox)
    wanted = pages_of_each_window(system)
    assert len(calls) == sum(wanted) == StatisticsPass.objects.get().calls_made - 1, "and one for the token"
    assert (len(wanted), max(wanted)) == (2, 2)
    for one, person in zip(requests, sandbox.ask("/subjects")["subjects"], strict=True):
        bare = set(person["guids"]) - set(person["guidsWithContent"])
        assert counted(one) == (len(bare), 0)
        assert bare


@pytest.mark.parametrize(("client", "faults"), [("sandbox-supervisor", 0), ("sandbox-admin", 1)])
def test_on_the_sandbox_a_missing_scope_is_told_whether_the_token_or_the_call_is_refused(
    start_sandbox, monkeypatch, rooms, settings, client, faults
):
    settings.PORTAL_RATE_LIMIT = False
    monkeypatch.setenv("TESTX_CLIENT_ID", client)
    monkeypatch.setenv("TESTX_CLIENT_SECRET", f"{client}-secret")
    sandbox = start_sandbox(seed=11, interactions=50, days=10, subjects=1)
    if faults:
        order = {"kind": "status", "status": 403, "times": 1, "path": "/stats/*"}
        sandbox.control.post("/faults", json=order).raise_for_status()
    SystemFactory.create(
        credential="TESTX", gateway_url=sandbox.url, auth_url=sandbox.url, reads_statistics=True, history_days=10
    )
    request = rooms.take()
    assert not pipeline.advance(request.pk)
    assert Errand.objects.get(request=request).attention == "statistics"
    assert request.searches.get().finished_at is not None
    assert len(stats_calls(sandbox)) == faults
