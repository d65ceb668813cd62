"""Room 3, second half · Freezes the exact list.

In:  the candidates that discovery found, and what staff decided about each.
Out: a plan: items, dispositions, coverage, one digest. After that nothing of it can change.
Never here: a delete, a call to an outside system, or a candidate that nobody decided about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, Count, QuerySet, Sum, Value, When

from content_app import discovery, leftovers, plan_digest, receipts
from content_app.connectors import registry
from content_app.models import Candidate, Coverage, Item, Plan, System
from requests_app import audit, barring, clock, gates, transitions
from requests_app.errors import Refused
from requests_app.models import ApprovalBar, Request, Right, StaffAccount
from requests_app.states import OPEN, State

Link, Found, Nature = Candidate.Link, Candidate.Kind, Coverage.Disposition
#: States in which a supplementary list may be frozen.
SUPPLEMENTABLE = frozenset({State.EXECUTED, State.VERIFIED, State.CLOSED})
#: Candidates in memory at a time.
PART = 2000
#: Somebody who is heard on an item: a system, and an agent's id there.
Heard = tuple[UUID, str]


# --- choosing --------------------------------------------------------------------------------------------------------


def choose(request_id: UUID, *, actor: User, candidate_ids: Iterable[UUID], link: str) -> int:
    """Include or exclude candidates, with a coded reason that says which; returns how many."""
    gates.require(actor, "requests_app.validate_request")
    if link not in (Candidate.INCLUDES | Candidate.EXCLUDES) - {Link.OWN_IDENTIFIER}:
        raise Refused("no_reason", "Choose a reason from the list.")
    include = Link(link) in Candidate.INCLUDES
    with transaction.atomic(durable=True):
        request = _request_for_freezing(request_id, actor)
        chosen = Candidate.objects.filter(request=request, pk__in=list(candidate_ids)).exclude(kind=Found.AFTER_SCOPE)
        count = chosen.update(included=include, link=link, chosen_by=actor, chosen_at=clock.now())
        if not count:
            raise Refused("nothing_chosen", "Choose at least one item. Contacts after the scope cannot be included.")
        choice = "included" if include else "excluded"
        audit.append("candidate.chosen", actor=actor, about=request, choice=choice, reason=link, items=count)
    return count


def _request_for_freezing(request_id: UUID, actor: User) -> Request:
    request = Request.objects.select_related("subject").get(pk=request_id)
    gates.require_state(request, State.VALIDATED, *SUPPLEMENTABLE)
    gates.require_not_the_subject(request, actor)
    return request


# --- freezing --------------------------------------------------------------------------------------------------------


def freeze(request_id: UUID, *, actor: User) -> Plan:
    """Freeze the chosen list and set its digest. In a later state it holds only what turned up since."""
    try:
        gates.require(actor, "requests_app.freeze_request")
        discovery.doubt_newly_shared(request_id)
        with transaction.atomic(durable=True):
            request = _request_for_freezing(request_id, actor)
            supplementary = receipts.has_begun(request)
            candidates = _candidates(request, supplementary=supplementary)
            _require_ready(request, candidates, supplementary=supplementary)
            plan = _create_plan(request, actor=actor, supplementary=supplementary)
            heard = _list(plan, candidates)
            Coverage.objects.bulk_create(_coverage(plan))
            _bar_whoever_is_heard(request, heard)
            _seal(plan, request=request, actor=actor)
            return plan
    except Refused as refused:
        transitions.record_refusal("freeze", refused, about=request_id, actor=actor)
        raise


def _candidates(request: Request, *, supplementary: bool) -> QuerySet[Candidate]:
    return receipts.waiting(request) if supplementary else request.candidates.exclude(kind=Found.AFTER_SCOPE)


def open_supplement(request: Request) -> int:
    """How many items that turned up later wait for a supplementary list."""
    return receipts.waiting(request).count()


def _require_ready(request: Request, candidates: QuerySet[Candidate], *, supplementary: bool) -> None:
    connected = set(System.active.values_list("pk", flat=True))
    if not connected:
        raise Refused("no_system", "No system is connected. An administrator must add one first.")
    finished = discovery.fresh_searches(request).filter(finished_at__isnull=False)
    if connected - set(finished.values_list("system_id", flat=True)):
        raise Refused("search_unfinished", "The search is not finished in every system. Wait for it, then try again.")
    if not supplementary and leftovers.missing(request):
        raise Refused(
            "search_unfinished", "What the statistics still hold is not counted yet. Wait for it, then try again."
        )
    first = Request.objects.filter(subject=request.subject, right__in=[Right.ACCESS, Right.PORTABILITY], state__in=OPEN)
    if request.right == Right.ERASURE and first.exists():
        raise Refused("access_first", "The person also asks for a copy. Answer that first; erasing would destroy it.")
    if any(receipts.unread(plan, round_number=1).exists() for plan in receipts.carried_out(request)):
        raise Refused("read_back_first", "What was deleted is still being read back. Wait for it, then try again.")
    if supplementary and not candidates.exists():
        raise Refused("nothing_new", "Nothing has turned up since the last list.")
    if undecided := candidates.filter(included__isnull=True).count():
        raise Refused("undecided", f"{undecided} items wait for a decision. Include or exclude each, with a reason.")


def _create_plan(request: Request, *, actor: User, supplementary: bool) -> Plan:
    now = clock.now()
    previous = request.plans.order_by("-version").first()
    made, expected = _spent(request)
    return Plan.objects.create(
        request=request, version=previous.version + 1 if previous else 1, supersedes=previous,
        kind=Plan.Kind.SUPPLEMENTARY if supplementary else Plan.Kind.MAIN, salt=plan_digest.new_salt(),
        scope_as_of=request.scope_as_of or now, calls_expected=expected, calls_made=made,
        after_scope=request.candidates.filter(kind=Found.AFTER_SCOPE).values("external_id").distinct().count(),
        created_by=actor, created_at=now, expires_at=now + timedelta(days=settings.PORTAL_PLAN_VALID_DAYS),
    )  # fmt: skip


def _spent(request: Request) -> tuple[int, int]:
    """The calls that were made to find all this, and those that were expected."""
    made = expected = 0
    for looks in (request.searches, request.leftovers):
        done = looks.filter(finished_at__isnull=False).aggregate(made=Sum("calls_made"), told=Sum("calls_expected"))
        made, expected = made + (done["made"] or 0), expected + (done["told"] or 0)
    return made, expected


def _list(plan: Plan, candidates: QuerySet[Candidate]) -> set[Heard]:
    """An item for each candidate, a part at a time; returns who is heard on any of them."""
    # What an earlier list keeps is not on a supplementary one, and is still to be kept.
    excluded = plan.request.candidates.filter(included=False)
    kept = set(excluded.values_list("system_id", "external_id", "content_class"))
    touched = {(system_id, external_id) for system_id, external_id, _ in kept}
    goes_with = {system.pk: registry.manifest(system.kind).goes_with for system in System.objects.all()}
    heard: set[Heard] = set()
    rest = candidates.select_related("found_by").order_by("pk")
    part = list(rest[:PART])
    while part:
        # Where everything known of an interaction is to go, it goes in one batch.
        items = [_item(plan, one, whole=(one.system_id, one.external_id) not in touched) for one in part]
        for item in items:
            _require_sane(item, goes_with[item.system_id], kept)
        Item.objects.bulk_create(items, batch_size=1000)
        heard.update((item.system_id, agent) for item in items for agent in item.agents)
        part = list(rest.filter(pk__gt=part[-1].pk)[:PART])
    return heard


def _item(plan: Plan, candidate: Candidate, *, whole: bool) -> Item:
    if candidate.included is None:
        raise Refused("undecided", "More was found meanwhile. Decide about it, then freeze the list again.")
    action, ground = Item.Action.KEEP, candidate.link
    if plan.request.right != Right.ERASURE:
        ground = Link.LISTED_ONLY
    elif candidate.included:
        action = Item.Action.DELETE_INTERACTION if whole else Item.Action.DELETE_CONTENT
    index = bytes(candidate.found_by.blind_index) if candidate.found_by else b""
    return Item(
        plan=plan, system_id=candidate.system_id, content_class=candidate.content_class,
        external_id=candidate.external_id, content_key=candidate.content_key, occurred_at=candidate.occurred_at,
        length=candidate.length, direction=candidate.direction, line=candidate.line, agents=candidate.agents,
        action=action, ground=ground, shared=candidate.shared,
        commitment=plan_digest.commitment(bytes(plan.salt), index),
    )  # fmt: skip


def _require_sane(item: Item, goes_with: Iterable[tuple[str, str]], kept: set[tuple[UUID, str, str]]) -> None:
    """What a connected system cannot do must not be promised."""
    if item.action == Item.Action.KEEP:
        return
    for lead, follower in goes_with:
        if item.content_class == lead and (item.system_id, item.external_id, follower) in kept:
            raise Refused(
                "goes_with",
                "A screen recording is deleted with its call recording. Include both of that contact, or neither.",
            )


def _coverage(plan: Plan) -> list[Coverage]:
    """One row for each class of each system, also where nothing is held or nothing can be reached."""
    kept = Case(When(action=Item.Action.KEEP, then=Value(Nature.KEEP.value)), default=Value(Nature.DELETE.value))
    counted = plan.items.order_by().values("system", "content_class", disposition=kept).annotate(count=Count("pk"))
    rows = [
        Coverage(
            plan=plan, system_id=one["system"], content_class=one["content_class"], disposition=one["disposition"],
            count=one["count"],
        )
        for one in counted
    ]  # fmt: skip
    held = {(row.system_id, row.content_class) for row in rows}
    for system in System.active.all():
        manifest = registry.manifest(system.kind)
        rows += [
            Coverage(plan=plan, system=system, content_class=name, disposition=Nature.NOTHING_HELD, count=0)
            for name in manifest.content_classes
            if (system.pk, name) not in held
        ]
        rows += [
            Coverage(plan=plan, system=system, content_class=name, ground=why[:120],
                     disposition=Nature.OUT_OF_REACH, count=0)
            for name, why in manifest.out_of_reach
        ]  # fmt: skip
    return rows


def _bar_whoever_is_heard(request: Request, heard: set[Heard]) -> None:
    accounts = StaffAccount.objects.filter(system_id__in={system for system, _ in heard}).select_related("user")
    for account in accounts:
        if (account.system_id, account.external_id) in heard:
            barring.bar(request, user=account.user, ground=ApprovalBar.Ground.HEARD, actor=audit.WORKER)


def _seal(plan: Plan, *, request: Request, actor: User) -> None:
    """Set the digest, after which the database refuses any change, and move the request."""
    digest = plan_digest.digest(plan)
    plan.digest = digest
    plan.save(update_fields=["digest"])
    kept = plan.items.filter(action=Item.Action.KEEP).count()
    audit.append(
        "plan.frozen", actor=actor, about=request, plan=plan.pk, digest=digest, version=plan.version,
        delete=plan.items.count() - kept, keep=kept, kind=plan.kind,
    )  # fmt: skip
    transitions.move(
        request.pk, seen=request.state, to=State.PLANNED, actor=actor, plan=plan.pk, digest=digest, plan_digest=digest,
        approved_by=None, closed_at=None, outcome="",
    )  # fmt: skip
