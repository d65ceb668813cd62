"""Room 3, second half: what may be chosen, what a frozen list says, and everything that keeps it from being frozen."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from content_app import planning
from content_app.models import Candidate, Item, Plan, Search
from requests_app import approval, audit, transitions
from requests_app.errors import Refused
from requests_app.models import Approval, ApprovalBar, LedgerLeaf, Request, StaffAccount
from tests import factories, story
from tests.centre import Centre

pytestmark = pytest.mark.django_db

RECORDING, SCREEN = "callRecording", "screenRecording"


@pytest.fixture
def refused():
    def check(code, act, *args, **kwargs):
        with pytest.raises(Refused) as caught:
            act(*args, **kwargs)
        assert caught.value.code == code

    return check


@pytest.fixture
def searched(system, rooms):
    """``searched(*contents)`` is a request for which these were found, as (interaction, class) each."""

    def made(*contents, **told):
        request = rooms.take(**told)
        rows = [{"external_id": one, "content_key": name, "content_class": name} for one, name in contents]
        if rows:
            story.found(request, system, *rows)
        else:
            story.found(request, system)
            Candidate.objects.filter(request=request).delete()
        return request

    return made


def search_again(request, system):
    """As if the system had answered and nothing was new."""
    Search.objects.create(request=request, system=system, until=timezone.now(), finished_at=timezone.now())


def choose(request, by, link, **which):
    ids = list(request.candidates.filter(**which).values_list("pk", flat=True))
    return planning.choose(request.pk, actor=by, candidate_ids=ids, link=link)


def actions(plan):
    return {(item.external_id, item.content_class): item.action for item in plan.items.all()}


# --- choosing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", sorted((Candidate.INCLUDES | Candidate.EXCLUDES) - {"own_identifier"}))
def test_a_coded_reason_includes_or_excludes(searched, staff, link):
    request = searched(("a", RECORDING), ("b", RECORDING))
    assert choose(request, staff, link, external_id="a") == 1
    row = request.candidates.get(external_id="a")
    assert (row.included, row.link, row.chosen_by) == (link in Candidate.INCLUDES, link, staff)
    assert request.candidates.get(external_id="b").link == "own_identifier"
    assert LedgerLeaf.objects.filter(type="candidate.chosen").count() == 1


@pytest.mark.parametrize("link", ["own_identifier", "listed_only", "", "because", "OTHER_PERSON"])
def test_what_only_the_machine_may_say_and_what_nobody_says_is_no_reason(searched, staff, refused, link):
    request = searched(("a", RECORDING))
    refused("no_reason", choose, request, staff, link)
    assert request.candidates.get().chosen_by is None


@pytest.mark.parametrize("who", ["outsider", "agent", "auditor", "administrator", "dpo"])
def test_only_staff_choose_and_freeze(searched, request, refused, who):
    case, person = searched(("a", RECORDING)), request.getfixturevalue(who)
    refused("not_permitted", choose, case, person, "other_person")
    refused("not_permitted", planning.freeze, case.pk, actor=person)


def test_nothing_of_another_request_and_nothing_after_the_scope_can_be_chosen(searched, staff, refused):
    request, another = searched(("a", RECORDING)), searched(("a", RECORDING))
    Candidate.objects.filter(request=request).update(kind="after_scope", included=False)
    refused("nothing_chosen", choose, request, staff, "said_so")
    ids = list(another.candidates.values_list("pk", flat=True))
    refused("nothing_chosen", planning.choose, request.pk, actor=staff, candidate_ids=ids, link="said_so")
    assert set(Candidate.objects.values_list("chosen_by", flat=True)) == {None}


def test_who_the_request_is_about_does_not_choose_and_does_not_freeze(searched, staff, validator, refused):
    about_me = {"subject_kind": "staff", "staff_user": (someone := factories.person("sid.staff", "staff"))}
    request = searched(("a", RECORDING), **about_me)
    refused("own_request", choose, request, someone, "other_person")
    refused("own_request", planning.freeze, request.pk, actor=someone)


def test_a_frozen_list_is_not_chosen_again(searched, rooms, staff, refused):
    request = searched(("a", RECORDING))
    rooms.freeze(request)
    refused("wrong_state", choose, request, staff, "other_person")
    refused("wrong_state", planning.freeze, request.pk, actor=staff)


def test_a_choice_without_a_reason_cannot_be_stored(searched):
    request = searched(("a", RECORDING))
    with pytest.raises(DatabaseError), transaction.atomic():
        request.candidates.update(link="")


# --- what keeps a list from being frozen -----------------------------------------------------------------------------


def test_without_a_system_and_with_a_search_that_is_not_finished(rooms, staff, refused):
    request = rooms.take()
    refused("no_system", planning.freeze, request.pk, actor=staff)
    system = factories.SystemFactory.create()
    refused("search_unfinished", planning.freeze, request.pk, actor=staff)
    search = Search.objects.create(request=request, system=system, until=timezone.now())
    refused("search_unfinished", planning.freeze, request.pk, actor=staff)
    Search.objects.filter(pk=search.pk).update(finished_at=timezone.now())
    assert planning.freeze(request.pk, actor=staff)
    refusals = LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(request.pk))
    assert refusals.count() == 3, "every refused attempt is written down"


def test_a_system_that_was_connected_later_must_be_searched_too(searched, staff, refused):
    request = searched(("a", RECORDING))
    factories.SystemFactory.create()
    refused("search_unfinished", planning.freeze, request.pk, actor=staff)


def test_what_nobody_has_decided_about_is_not_frozen(searched, staff, refused):
    request = searched(("a", RECORDING), ("b", RECORDING))
    request.candidates.filter(external_id="a").update(included=None, link="")
    refused("undecided", planning.freeze, request.pk, actor=staff)
    assert not Plan.objects.exists()


@pytest.mark.parametrize("right", ["access", "portability"])
def test_an_open_request_for_a_copy_comes_first(searched, rooms, staff, refused, right):
    request = searched(("a", RECORDING))
    copy = rooms.take(right=right)
    assert copy.subject == request.subject
    refused("access_first", planning.freeze, request.pk, actor=staff)
    transitions.move(copy.pk, seen="validated", to="withdrawn", actor=staff)
    assert planning.freeze(request.pk, actor=staff)


def test_a_number_that_somebody_came_with_since_the_search_waits_for_a_person(searched, staff, refused):
    request = searched(("a", RECORDING), ("b", RECORDING))
    choose(request, staff, "said_so", external_id="b")
    story.received(staff, name="Somebody Else")
    refused("undecided", planning.freeze, request.pk, actor=staff)
    rows = {row.external_id: (row.included, row.doubt, row.shared) for row in request.candidates.all()}
    assert rows == {"a": (None, "shared", True), "b": (True, "", True)}, "what a person has said stands"
    choose(request, staff, "shared_theirs", external_id="a")
    assert set(planning.freeze(request.pk, actor=staff).items.values_list("shared", flat=True)) == {True}


def test_a_list_larger_than_the_brake_is_frozen_and_never_cut(searched, staff, settings):
    settings.PORTAL_PLAN_CAP = 2
    request = searched(("a", RECORDING), ("b", RECORDING), ("c", RECORDING), ("d", RECORDING))
    assert planning.freeze(request.pk, actor=staff).items.count() == 4, "a second supervisor must release it"


@pytest.mark.parametrize(("kept", "code"), [(SCREEN, "goes_with"), (RECORDING, None)])
def test_a_call_recording_takes_its_screen_recording_with_it_and_not_the_other_way(
    searched, staff, refused, kept, code
):
    request = searched(("a", RECORDING), ("a", SCREEN), ("b", SCREEN))
    choose(request, staff, "other_person", external_id="a", content_class=kept)
    if code:
        refused(code, planning.freeze, request.pk, actor=staff)
        return
    assert actions(planning.freeze(request.pk, actor=staff)) == {
        ("a", RECORDING): "keep", ("a", SCREEN): "delete_content", ("b", SCREEN): "delete_interaction",
    }  # fmt: skip


def test_what_an_earlier_list_keeps_holds_back_its_lead_on_a_later_one(searched, rooms, centre, staff, refused):
    request = searched(("a", "voicemail"), ("a", SCREEN))
    centre.hold("a", "voicemail", SCREEN)
    choose(request, staff, "other_person", content_class=SCREEN)
    rooms.approve(request, rooms.freeze(request))
    centre.held["a"][RECORDING] = RECORDING
    rooms.execute(request)
    transitions.move(request.pk, seen="approved", to="executed", actor=audit.WORKER)
    assert rooms.read_back(request)
    assert planning.open_supplement(request) == 1
    refused("goes_with", planning.freeze, request.pk, actor=staff)


# --- what it says ----------------------------------------------------------------------------------------------------


def test_an_interaction_goes_whole_only_if_nothing_of_it_is_kept(searched, rooms, staff):
    request = searched(("a", RECORDING), ("a", "transcript"), ("b", RECORDING), ("b", "transcript"))
    choose(request, staff, "other_person", external_id="b", content_class="transcript")
    plan = rooms.freeze(request)
    assert actions(plan) == {
        ("a", RECORDING): "delete_interaction", ("a", "transcript"): "delete_interaction",
        ("b", RECORDING): "delete_content", ("b", "transcript"): "keep",
    }  # fmt: skip
    assert plan.items.get(action="keep").ground == "other_person"


def test_a_list_of_any_length_is_made_in_parts(searched, rooms, staff, monkeypatch):
    """The same items and the same rows of coverage, whether they come at once or one by one."""
    contents = [(one, name) for one in "abc" for name in (RECORDING, "voicemail")]
    whole, parted = searched(*contents), searched(*contents)
    for request in (whole, parted):
        choose(request, staff, "other_person", external_id="b", content_class="voicemail")
    plan = rooms.freeze(whole)
    monkeypatch.setattr(planning, "PART", 1)
    other = rooms.freeze(parted)
    assert actions(other) == actions(plan)
    assert len(actions(plan)) == 6
    assert actions(plan)["b", RECORDING] == Item.Action.DELETE_CONTENT
    covered = ("content_class", "disposition", "count")
    assert sorted(other.coverage.values_list(*covered)) == sorted(plan.coverage.values_list(*covered))


def test_what_turns_up_while_a_list_is_being_made_is_not_kept_in_silence(searched, rooms, staff, refused, monkeypatch):
    request = searched(("a", RECORDING), ("b", RECORDING))
    create_plan = planning._create_plan

    def create_and_find(*args, **kwargs):
        request.candidates.filter(external_id="b").update(included=None)
        return create_plan(*args, **kwargs)

    monkeypatch.setattr(planning, "_create_plan", create_and_find)
    refused("undecided", planning.freeze, request.pk, actor=staff)
    assert not Item.objects.exists()


def test_every_class_of_every_system_ends_in_a_disposition(searched, rooms, staff, connect):
    other = connect(name="Second")
    request = searched(("a", RECORDING), ("b", RECORDING), ("c", "voicemail"))
    search_again(request, other)
    choose(request, staff, "out_of_scope", external_id="b")
    plan = rooms.freeze(request)
    rows = {(row.system.name, row.content_class, row.disposition): row.count for row in plan.coverage.all()}
    manifest = Centre.manifest
    expected = {
        (name, one, "nothing_held"): 0 for name in ("Contact centre", "Second") for one in manifest.content_classes
    } | {
        (name, one, "out_of_reach"): 0 for name in ("Contact centre", "Second") for one, _ in manifest.out_of_reach
    }  # fmt: skip
    for held in (RECORDING, "voicemail"):
        del expected["Contact centre", held, "nothing_held"]
    expected |= {
        ("Contact centre", RECORDING, "delete"): 1, ("Contact centre", RECORDING, "keep"): 1,
        ("Contact centre", "voicemail", "delete"): 1,
    }  # fmt: skip
    assert rows == expected
    assert all(row.ground for row in plan.coverage.filter(disposition="out_of_reach"))


def test_a_class_that_no_manifest_knows_is_covered_too(searched, rooms):
    plan = rooms.freeze(searched(("a", "hologram")))
    assert plan.coverage.get(content_class="hologram").count == 1


@pytest.mark.parametrize("right", ["access", "rectification", "restriction", "portability", "objection"])
def test_no_other_right_ever_makes_an_item_that_is_deleted(searched, rooms, right):
    plan = rooms.freeze(searched(("a", RECORDING), ("b", "voicemail"), right=right))
    assert set(plan.items.values_list("action", "ground")) == {("keep", "listed_only")}


def test_closed_history_has_no_list(system, staff, refused):
    history = factories.RequestFactory.create(origin="history", state="closed", outcome="completed")
    story.found(history, system)
    refused("history", planning.freeze, history.pk, actor=staff)
    refused("history", choose, history, staff, "other_person")


def test_contacts_after_the_scope_are_counted_and_not_listed(searched, rooms):
    request = searched(("a", RECORDING), ("late", RECORDING), ("late", "transcript"))
    request.candidates.filter(external_id="late").update(kind="after_scope", included=False, link="out_of_scope")
    plan = rooms.freeze(request)
    assert (plan.after_scope, list(actions(plan))) == (1, [("a", RECORDING)])


def test_freezing_moves_the_request_and_binds_the_digest_in_one_commit(searched, rooms, validator, monkeypatch):
    request = searched(("a", RECORDING))
    plan = rooms.freeze(request)
    assert (request.state, request.plan_digest, plan.version, plan.kind) == ("planned", plan.digest, 1, "main")
    assert plan.expires_at - plan.created_at == timedelta(days=14)
    assert plan.created_by == validator
    another = searched(("a", RECORDING))
    monkeypatch.setattr(transitions, "move", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        planning.freeze(another.pk, actor=validator)
    assert not Plan.objects.filter(request=another).exists()
    assert not Item.objects.filter(plan__request=another).exists()


def test_a_fresh_list_follows_one_that_was_sent_back(searched, rooms, system, supervisor, clock):
    request = searched(("a", RECORDING))
    first = rooms.freeze(request)
    clock.shift(timedelta(minutes=1))
    approval.send_back(request.pk, actor=supervisor, reason="wrong_items")
    request.refresh_from_db()
    assert request.plan_digest == ""
    search_again(request, system)
    second = rooms.freeze(request)
    assert (second.version, second.supersedes, second.kind) == (2, first, "main")
    assert second.digest != first.digest


# --- whoever is heard ------------------------------------------------------------------------------------------------


def test_whoever_is_heard_is_barred_when_the_list_is_frozen_and_the_database_agrees(
    searched, rooms, system, connect, supervisor, second_supervisor, refused
):
    other = connect(name="Second")
    StaffAccount.objects.create(system_id=system.pk, external_id="1342", user=supervisor)
    StaffAccount.objects.create(system_id=other.pk, external_id="1342", user=second_supervisor)
    request = searched(("a", RECORDING), ("b", RECORDING))
    request.candidates.filter(external_id="b").update(system=other, agents=["7"])
    search_again(request, other)
    plan = rooms.freeze(request)
    assert list(ApprovalBar.objects.filter(ground="heard").values_list("request", "user")) == [
        (request.pk, supervisor.pk)
    ], "the same number at another system is another agent"
    refused("barred", rooms.approve, request, plan)
    told = {"plan_id": plan.pk, "digest": plan.digest, "execute_after": timezone.now()}
    with pytest.raises(DatabaseError), transaction.atomic():
        Approval.objects.create(request=request, by=supervisor, **told)
    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=request.pk).update(approved_by=supervisor)
    story.approve(request, plan, second_supervisor)
    assert Approval.objects.get().by == second_supervisor


def test_whoever_is_heard_only_on_what_is_kept_is_barred_too(searched, rooms, system, staff, supervisor):
    StaffAccount.objects.create(system_id=system.pk, external_id="1342", user=supervisor)
    request = searched(("a", RECORDING), ("b", RECORDING))
    choose(request, staff, "other_person", external_id="a")
    request.candidates.filter(external_id="b").update(agents=["7"])
    rooms.freeze(request)
    assert ApprovalBar.objects.filter(ground="heard", user=supervisor).exists()


# --- what turned up later --------------------------------------------------------------------------------------------


def test_a_supplementary_list_holds_only_what_turned_up(rooms, centre, system, refused, staff):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    centre.held["a"]["transcript"] = "transcript"
    assert rooms.execute(request)
    refused("wrong_state", planning.freeze, request.pk, actor=staff)
    transitions.move(request.pk, seen="approved", to="executed", actor=audit.WORKER)
    refused("read_back_first", planning.freeze, request.pk, actor=staff)
    assert rooms.read_back(request)
    request.refresh_from_db()
    plan = rooms.freeze(request)
    assert (plan.kind, plan.version, request.approved_by) == ("supplementary", 2, None)
    assert actions(plan) == {("a", "transcript"): "delete_interaction"}


def test_where_nothing_turned_up_there_is_no_supplementary_list(rooms, centre, system, staff, refused):
    centre.hold("a", "voicemail")
    request = rooms.approved()
    rooms.execute(request)
    transitions.move(request.pk, seen="approved", to="executed", actor=audit.WORKER)
    assert rooms.read_back(request)
    refused("nothing_new", planning.freeze, request.pk, actor=staff)
