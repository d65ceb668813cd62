"""Room 3, second half · Freezes the exact list.

In:  the candidates that discovery found, and what staff decided about each.
Out: a plan: items, dispositions, coverage, one digest. After that nothing of it can change.
Never here: a delete, a call to an outside system, or a candidate that nobody decided about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

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
            items = [_item(plan, candidate, whole) for candidate, whole in _with_wholeness(request, candidates)]
            _require_sane(request, items)
            Item.objects.bulk_create(items, batch_size=1000)
            Coverage.objects.bulk_create(_coverage(plan, items))
            _bar_whoever_is_heard(request, items)
            _seal(plan, items, request=request, actor=actor)
            return plan
    except Refused as refused:
        transitions.record_refusal("freeze", refused, about=request_id, actor=actor)
        raise


def _candidates(request: Request, *, supplementary: bool) -> list[Candidate]:
    turned_up = receipts.waiting(request) if supplementary else request.candidates.exclude(kind=Found.AFTER_SCOPE)
    return list(turned_up.select_related("found_by").order_by("occurred_at", "external_id", "content_key"))


def open_supplement(request: Request) -> int:
    """How many items that turned up later wait for a supplementary list."""
    return receipts.waiting(request).count()


def _require_ready(request: Request, candidates: list[Candidate], *, supplementary: bool) -> None:
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
    if supplementary and not candidates:
        raise Refused("nothing_new", "Nothing has turned up since the last list.")
    if undecided := sum(candidate.included is None for candidate in candidates):
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


def _with_wholeness(request: Request, candidates: list[Candidate]) -> Iterator[tuple[Candidate, bool]]:
    """Each candidate, and whether everything known of its interaction is to go (then it goes in one batch)."""
    kept = set(request.candidates.filter(included=False).values_list("system_id", "external_id"))
    for candidate in candidates:
        yield candidate, (candidate.system_id, candidate.external_id) not in kept


def _item(plan: Plan, candidate: Candidate, whole: bool) -> Item:
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


def _require_sane(request: Request, items: list[Item]) -> None:
    """What a connected system cannot do must not be promised."""
    actions: dict[tuple[UUID, str, str], set[str]] = {}
    for item in items:
        actions.setdefault((item.system_id, item.external_id, item.content_class), set()).add(item.action)
    # What an earlier list keeps is not on a supplementary one, and is still to be kept.
    for place in request.candidates.filter(included=False).values_list("system_id", "external_id", "content_class"):
        actions.setdefault(place, {Item.Action.KEEP})
    kinds = dict(System.objects.values_list("pk", "kind"))
    for (system_id, external_id, content_class), chosen in actions.items():
        for lead, follower in registry.manifest(kinds[system_id]).goes_with:
            if content_class != lead or chosen == {Item.Action.KEEP}:
                continue
            if Item.Action.KEEP in actions.get((system_id, external_id, follower), set()):
                raise Refused(
                    "goes_with",
                    "A screen recording is deleted with its call recording. Include both of that contact, or neither.",
                )


def _coverage(plan: Plan, items: list[Item]) -> list[Coverage]:
    """One row for each class of each system, also where nothing is held or nothing can be reached."""
    counted: dict[tuple[UUID, str, str], int] = {}
    for item in items:
        disposition = Nature.KEEP if item.action == Item.Action.KEEP else Nature.DELETE
        key = (item.system_id, item.content_class, disposition)
        counted[key] = counted.get(key, 0) + 1
    rows = [
        Coverage(plan=plan, system_id=system, content_class=name, disposition=disposition, count=count)
        for (system, name, disposition), count in counted.items()
    ]
    held = {(system, name) for system, name, _ in counted}
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


def _bar_whoever_is_heard(request: Request, items: list[Item]) -> None:
    heard = {(item.system_id, agent) for item in items for agent in item.agents}
    accounts = StaffAccount.objects.filter(system_id__in={system for system, _ in heard}).select_related("user")
    for account in accounts:
        if (account.system_id, account.external_id) in heard:
            barring.bar(request, user=account.user, ground=ApprovalBar.Ground.HEARD, actor=audit.WORKER)


def _seal(plan: Plan, items: list[Item], *, request: Request, actor: User) -> None:
    """Set the digest, after which the database refuses any change, and move the request."""
    digest = plan_digest.digest(plan)
    plan.digest = digest
    plan.save(update_fields=["digest"])
    kept = sum(item.action == Item.Action.KEEP for item in items)
    audit.append(
        "plan.frozen", actor=actor, about=request, plan=plan.pk, digest=digest, version=plan.version,
        delete=len(items) - kept, keep=kept, kind=plan.kind,
    )  # fmt: skip
    transitions.move(
        request.pk, seen=request.state, to=State.PLANNED, actor=actor, plan=plan.pk, digest=digest, plan_digest=digest,
        approved_by=None, closed_at=None, outcome="",
    )  # fmt: skip
