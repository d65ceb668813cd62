"""What the statistics still hold is counted once for everybody, exactly, through any crash; and nobody is named."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content_app import discovery, leftovers, pipeline, planning, systems, turns, windows
from content_app.connectors.base import ConnectorError
from content_app.models import Errand, Leftover, StatisticsPass
from requests_app import approval, validation
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf
from tests.centre import COMPANY_LINE, PHONE, Centre, plug
from tests.factories import SystemFactory

pytestmark = pytest.mark.django_db

LONGEST = Centre.manifest.statistics[0]


@pytest.fixture
def system(connect):
    """The contact centre, whose statistics are read: 70 days are three windows of 31 days."""
    return connect(name="Contact centre", reads_statistics=True, history_days=70)


def number(n):
    return f"+4477009001{n:02d}"


def call(centre, name, n=None, *, days, held=False, **more):
    """A contact of the person with number ``n``, or of the usual one; without content unless ``held``."""
    told = {"connect_from": PHONE if n is None else number(n)} | more
    centre.hold(name, *(["voicemail"] if held else []), ago=timedelta(days=days), **told)


def counted(request):
    (row,) = leftovers.latest(request)
    return row.contacts, row.doubtful


def pages(centre):
    return centre.asked("statistics")


def entries():
    return LedgerLeaf.objects.filter(type="leftovers.counted").count()


# --- what is counted -------------------------------------------------------------------------------------------------


def test_contacts_without_content_are_counted_from_the_first_to_the_last(system, centre, rooms):
    request = rooms.take()
    call(centre, "oldest", days=69)
    call(centre, "middle", days=40)
    call(centre, "newest", days=2)
    assert rooms.search(request)
    (row,) = leftovers.latest(request)
    assert (row.contacts, row.doubtful) == (3, 0)
    assert (row.earliest, row.latest) == (centre.contacts["oldest"].at, centre.contacts["newest"].at)
    assert not request.candidates.exists(), "there is nothing to choose"


def test_a_contact_whose_content_was_found_is_no_leftover(system, centre, rooms):
    request = rooms.take()
    call(centre, "has-content", days=5, held=True)
    call(centre, "has-none", days=5)
    assert rooms.search(request)
    assert set(request.candidates.values_list("external_id", flat=True)) == {"has-content"}
    assert counted(request) == (1, 0)


def test_a_stranger_whose_number_only_begins_alike_is_never_counted(system, centre, rooms):
    request = rooms.take(identifiers=[("phone", PHONE), ("email", "ines@example.org")])
    call(centre, "begins-with-hers", days=5, connect_from="ines@example.org.uk")
    call(centre, "ends-like-hers", days=5, connect_from=PHONE.replace("+44", "+49"))
    call(centre, "longer", days=5, connect_from=f"{PHONE}4")
    call(centre, "shorter", days=5, connect_from=PHONE[:-1])
    call(centre, "withheld", days=5, connect_from="")
    assert rooms.search(request)
    assert counted(request) == (0, 0)
    (row,) = leftovers.latest(request)
    assert (row.earliest, row.latest) == (None, None)


@pytest.mark.parametrize("written", ["07700900123", "00447700900123", "+44 7700 900123", "447700900123"])
def test_every_spelling_of_the_person_s_number_counts(system, centre, rooms, written):
    request = rooms.take()
    call(centre, "spelt", days=5, connect_from=written)
    rooms.search(request)
    assert counted(request) == (1, 0)


def test_what_the_match_alone_cannot_say_is_counted_apart(system, centre, rooms):
    """The address on the company's side, and a number that somebody else has as well."""
    request = rooms.take()
    call(centre, "company-side", days=5, connect_from=COMPANY_LINE, connect_to=PHONE)
    call(centre, "sure", days=5)
    rooms.search(request)
    assert counted(request) == (1, 1)
    other = rooms.take(name="Somebody Else")
    rooms.search(other)
    assert counted(other) == (0, 2)


def test_a_contact_after_the_scope_or_outside_the_dates_is_no_part_of_the_request(system, centre, rooms, clock):
    request = rooms.take(date_from=(timezone.now() - timedelta(days=20)).date())
    call(centre, "too-early", days=21)
    call(centre, "asked-for", days=10)
    clock.shift(timedelta(hours=1))
    call(centre, "too-late", days=0)
    clock.shift(timedelta(hours=1))
    rooms.search(request)
    assert counted(request) == (1, 0)


def test_a_request_for_named_interactions_alone_reads_no_statistics(system, centre, rooms):
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    request = rooms.take(scope="named_interactions", identifiers=[("interaction_guid", guid), ("phone", PHONE)])
    assert rooms.search(request)
    assert not pages(centre)


def test_where_no_address_of_the_person_is_known_there_is_nothing_to_compare(system, centre, rooms):
    request = rooms.take(identifiers=[("interaction_guid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")])
    assert rooms.search(request)
    assert not pages(centre)


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_one_pass_serves_everybody_who_waits(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11, 12)]
    for n, days in ((10, 1), (11, 40), (11, 41), (12, 69)):
        call(centre, f"of-{n}-{days}", n, days=days)
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    assert rooms.search(requests[1])
    assert all(discovery.is_finished(one) for one in requests)
    assert [counted(one) for one in requests] == [(1, 0), (2, 0), (1, 0)]
    assert len(pages(centre)) == 3, "a page for each window, however many wait"
    read = StatisticsPass.objects.get()
    assert (read.ending, read.calls_made, read.contacts, read.sharers) == ("finished", 3, 4, 3)
    assert set(Leftover.objects.values_list("calls_made", "calls_expected")) == {(3, read.calls_expected)}
    assert entries() == 3


def test_the_windows_are_as_long_as_they_may_be_and_every_page_of_each_is_read_once(system, centre, rooms):
    centre.page_size = 2
    for n in range(5):
        call(centre, f"call-{n}", 50, days=40 + n)
    rooms.search(rooms.take())
    spans = list(dict.fromkeys((start, end) for start, end, _ in pages(centre)))
    assert len(spans) == 3
    assert all(end - start == LONGEST for start, end in spans[:-1])
    assert all(one[1] == following[0] for one, following in zip(spans, spans[1:], strict=False))
    assert [page for _, _, page in pages(centre)] == [1, 2, 3, 1, 1]


def test_the_next_pass_expects_what_the_last_one_found(system, centre, rooms):
    rooms.search(rooms.take(name="First", identifiers=[("phone", number(10))]))
    assert StatisticsPass.objects.get().calls_expected == 3, "a page for each window of a quiet account"
    StatisticsPass.objects.update(contacts=70_000)
    rooms.search(rooms.take(name="Third", identifiers=[("phone", number(12))]))
    second = StatisticsPass.objects.latest("started_at")
    assert (second.calls_expected, second.calls_made) == (13 + 13 + 4, 3), "pages of 2500 for a thousand contacts a day"


def test_where_the_switch_is_off_nobody_asks(connect, centre, rooms):
    connect(name="Contact centre")
    request = rooms.take()
    call(centre, "gone", days=5)
    assert rooms.search(request)
    assert not pages(centre)
    assert not Leftover.objects.exists()
    assert entries() == 0


def test_a_retired_system_is_not_asked(system, centre, rooms, connect):
    connect(name="Other")
    type(system).objects.filter(pk=system.pk).update(retired=True)
    assert rooms.search(rooms.take())
    assert not pages(centre)


def test_a_system_in_shadow_mode_is_read_and_a_stopped_one_is_not(centre, rooms, monkeypatch):
    shadowed = SystemFactory.create(name="Shadowed", reads_statistics=True)
    request = rooms.take()
    call(centre, "gone", days=5)
    discovery._search_system(request, shadowed, budget=1000, beat=rooms.beat)
    type(shadowed).objects.filter(pk=shadowed.pk).update(stopped=True)
    with pytest.raises(ConnectorError) as error:
        rooms.search(request)
    assert (error.value.code, pages(centre)) == ("stopped", [])
    type(shadowed).objects.filter(pk=shadowed.pk).update(stopped=False)
    assert rooms.search(request)
    assert counted(request) == (1, 0)


# --- before the list is frozen ---------------------------------------------------------------------------------------


def test_the_list_waits_until_the_leftovers_are_counted(system, centre, rooms):
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)
    assert not discovery.is_finished(request)
    with pytest.raises(Refused) as refused:
        rooms.freeze(request)
    assert refused.value.code == "search_unfinished"
    assert rooms.search(request)
    assert rooms.freeze(request).calls_made == sum(
        sum(rows.values_list("calls_made", flat=True)) for rows in (request.searches.all(), request.leftovers.all())
    )


def test_a_switch_that_is_set_later_lets_what_waits_be_counted_and_holds_no_supplement_up(system, centre, rooms):
    type(system).objects.update(reads_statistics=False)
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    call(centre, "gone", days=5)
    assert rooms.search(request)
    type(system).objects.update(reads_statistics=True)
    assert not discovery.is_finished(request)
    type(system).objects.update(reads_statistics=False)
    rooms.approve(request, rooms.freeze(request))
    rooms.executed(request)
    type(system).objects.update(reads_statistics=True)
    call(centre, "a", days=5, held=True)
    rooms.read_back(request)
    assert planning.open_supplement(request)
    assert rooms.freeze(request).kind == "supplementary"


def test_a_list_that_was_sent_back_is_counted_anew(system, centre, rooms, supervisor):
    request = rooms.take()
    call(centre, "a", days=5, held=True)
    assert rooms.search(request)
    rooms.freeze(request)
    approval.send_back(request.pk, actor=supervisor, reason=approval.SEND_BACK_REASONS[0][0])
    request.refresh_from_db()
    call(centre, "gone", days=8)
    assert not discovery.is_finished(request)
    assert rooms.search(request)
    assert counted(request) == (1, 0)


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_pass_that_dies_at_any_call_goes_on_at_its_page_and_counts_nothing_twice(system, centre, rooms, moment):
    centre.page_size = 2
    request = rooms.take()
    for n in range(9):
        call(centre, f"call-{n}", days=5 + 7 * n)
    dies_at, deaths = 1, 0
    while not discovery.is_finished(request):
        calls = []

        def crash(entry, calls=calls, dies_at=dies_at):
            if entry[0] == "statistics":
                calls.append(entry)
                if len(calls) == dies_at:
                    raise ZeroDivisionError

        under_way = StatisticsPass.objects.first()
        setattr(centre, moment, crash)
        centre.log = []
        try:
            rooms.search(request)
        except ZeroDivisionError:
            deaths += 1
            assert StatisticsPass.objects.get().lease_until is None, "the lease is given back"
            dies_at = dies_at % 3 + 1
        if under_way is not None and under_way.cursor < 3:
            assert pages(centre)[0][2] == under_way.page
    assert deaths >= 3
    assert counted(request) == (9, 0)
    assert entries() == 1
    assert Leftover.objects.get().counted == [], "no id is kept beyond its window"


def test_a_row_that_moves_to_the_next_page_counts_once_though_the_run_was_killed_between(system, centre, rooms):
    centre.page_size = 2
    request = rooms.take()
    for n in range(4):
        call(centre, f"call-{n}", days=20 - n)

    def crash(entry):
        if entry[0] == "statistics" and entry[-1] == 2:
            raise ZeroDivisionError

    centre.before = crash
    with pytest.raises(ZeroDivisionError):
        rooms.search(request)
    assert sorted(Leftover.objects.get().counted) == ["call-0", "call-1"]
    call(centre, "written-late", 50, days=21)
    centre.before = lambda entry: None
    assert rooms.search(request)
    assert counted(request) == (4, 0)


def test_a_budget_ends_a_run_cleanly_and_anybody_goes_on(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    call(centre, "of-11", 11, days=69)
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(requests[0], budget=2)
    assert len(pages(centre)) == 2
    assert rooms.search(requests[1], budget=2)
    assert len(pages(centre)) == len(set(pages(centre))) == 3
    assert [counted(one) for one in requests] == [(0, 0), (1, 0)]


def test_one_worker_at_a_time_reads_and_one_that_was_presumed_dead_writes_nothing(system, centre, rooms):
    request = rooms.take()
    call(centre, "gone", days=5)
    taken = []

    def take_over(entry):
        if entry[0] == "statistics" and not taken:
            taken.append(1)
            with pytest.raises(ConnectorError) as error:
                rooms.search(request)
            assert (error.value.code, error.value.retry_after) == ("shared", turns.LOOK_AGAIN)
            StatisticsPass.objects.update(lease_until=systems.limits.clock.now() - timedelta(seconds=1))
            assert rooms.search(request)

    centre.before = take_over
    with pytest.raises(Refused) as refused:
        rooms.search(request)
    assert refused.value.code == "lost_lease"
    assert counted(request) == (1, 0)
    assert entries() == 1


def test_a_crash_before_the_end_is_written_finishes_everybody_once(system, centre, rooms, monkeypatch):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    real, died = leftovers._finish, []

    def dies(row):
        real(row)
        if not died:
            died.append(1)
            raise ZeroDivisionError

    monkeypatch.setattr(leftovers, "_finish", dies)
    with pytest.raises(ZeroDivisionError):
        rooms.search(requests[0])
    for one in requests:
        assert rooms.search(one)
    for row in Leftover.objects.all():
        real(row)
    assert entries() == 2
    assert len(pages(centre)) == 3, "what was read is not read again"


# --- who gets aboard, and who leaves ---------------------------------------------------------------------------------


def test_whoever_comes_while_a_pass_is_read_has_the_next(system, centre, rooms, clock):
    first = rooms.take(name="First", identifiers=[("phone", number(10))])
    discovery._search_system(first, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(first, budget=2)
    clock.shift(timedelta(minutes=1))
    late = rooms.take(name="Late", identifiers=[("phone", number(11))])
    call(centre, "of-late", 11, days=69)
    discovery._search_system(late, system, budget=1000, beat=rooms.beat)
    assert leftovers._begin(system, [late]) == StatisticsPass.objects.get(), "who loses a race begins none"
    assert not late.leftovers.exists()
    assert rooms.search(late)
    assert (counted(first), counted(late)) == ((0, 0), (1, 0))
    assert list(StatisticsPass.objects.values_list("calls_made", "sharers")) == [(3, 1), (3, 1)]


def test_whoever_has_withdrawn_is_left_alone_and_a_pass_for_nobody_ends(system, centre, rooms, staff):
    request = rooms.take()
    call(centre, "gone", days=5)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)

    def withdraw(entry):
        if entry[0] == "statistics":
            request.refresh_from_db()
            if request.state == "validated":
                validation.withdraw(request.pk, actor=staff, reason="person_withdrew")

    centre.after = withdraw
    rooms.search(request)
    assert StatisticsPass.objects.get().ending == "moot"
    assert len(pages(centre)) == 1
    assert not Leftover.objects.exists()
    assert entries() == 0


def test_a_request_that_may_have_made_a_run_die_is_counted_for_itself_alone(system, centre, rooms):
    requests = [rooms.take(name=f"Person {n}", identifiers=[("phone", number(n))]) for n in (10, 11)]
    for one in requests:
        discovery._search_system(one, system, budget=1000, beat=rooms.beat)
    Errand.objects.create(request=requests[1], next_at=systems.limits.clock.now(), attention="crashed")
    assert rooms.search(requests[0])
    assert not discovery.is_finished(requests[1])
    assert rooms.search(requests[1])


def test_settings_that_change_in_the_middle_begin_the_count_anew(system, centre, rooms):
    request = rooms.take()
    call(centre, "newest", days=5)
    call(centre, "oldest", days=95)
    discovery._search_system(request, system, budget=1000, beat=rooms.beat)
    assert not rooms.search(request, budget=2)
    type(system).objects.update(history_days=100)
    assert rooms.search(request)
    assert counted(request) == (2, 0)
    assert list(StatisticsPass.objects.order_by("started_at").values_list("ending", flat=True)) == ["moot", "finished"]


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
