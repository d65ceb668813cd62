"""The demo's story: requests of invented people in every state, walked through the real rooms by the demo's accounts.

In:  the accounts of ``demo_cast``, the sandbox contact centre, and a second one: the branch office.
Out: requests, lists, approvals, deletions and replies that really happened, each with its entries in the ledger.
Never here: a row that a room did not write (but for the branch's and the agent's), a state that only looks so, or
another time than now. Requests were *received* over three weeks and *taken down* when the demo began.

The worker moves an approved request on within a second, so what stays there stays for a reason that is true:

* **approved**: the content is in the branch office's account, which is still in shadow mode. It goes on as soon as two
  people enable deletion there (``administrator`` proposes, ``supervisor`` confirms).
* **executed**: after the deletion the contact centre analysed one call again and wrote its transcript anew. The
  read-back found it, so the request waits until a further list has dealt with it.
"""

from __future__ import annotations

import os
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from content_app import pipeline, planning, reporting, systems
from content_app.models import System
from gdpr_portal import demo_acts as acts
from gdpr_portal import demo_world
from gdpr_portal.demo_acts import Stage
from gdpr_portal.demo_cast import CAST
from requests_app import approval, audit, csv_import, sequencer, validation
from requests_app.models import DataSubject, Request

BRANCH = "BRANCH"
#: People who have no request in the story: a visitor, or a test, can take theirs down.
SPARE = 8


def tell() -> int:
    """Play the story once, in an empty portal; returns how many requests there are."""
    branch = _connect_branch()
    if Request.objects.exists():
        return Request.objects.count()
    centre = System.objects.get(credential="VCC")
    who = {user.username: user for user in User.objects.filter(username__in=[player.username for player in CAST])}
    people = demo_world.people_of(centre.gateway_url)
    stage = Stage(who, centre, branch, people[: len(people) - SPARE], demo_world.people_of(branch.gateway_url))
    _read_statistics(centre)
    systems.propose_deletion(centre.pk, actor=who["administrator"])
    systems.confirm_deletion(centre.pk, actor=who["supervisor"])
    for chapter in (_history, _deletions, _branch_office, _lists, _searches, _first_steps, _ends):
        chapter(stage)
    sequencer.drain()
    return Request.objects.count()


def _connect_branch() -> System:
    """The branch office's account: connected, in shadow mode. Its address is another one each time the demo starts."""
    url = os.environ[f"{BRANCH}_GATEWAY_URL"]
    days = int(os.environ[f"{BRANCH}_HISTORY_DAYS"])
    with transaction.atomic(durable=True):
        system, fresh = System.objects.update_or_create(
            credential=BRANCH,
            defaults={"gateway_url": url, "auth_url": url},
            create_defaults={
                "name": "Branch office", "kind": "vcc", "gateway_url": url, "auth_url": url, "history_days": days,
                "reads_statistics": True,
            },
        )  # fmt: skip
        if fresh:
            keeper = User.objects.get(username="administrator")
            audit.append("system.changed", actor=keeper, about=system, system=system.pk, reason="added")
    return system


def _read_statistics(centre: System) -> None:
    """Its invented credentials have the scope, so what the statistics still hold can be seen in the demo."""
    with transaction.atomic(durable=True):
        centre.reads_statistics = True
        centre.save(update_fields=["reads_statistics"])
        keeper = User.objects.get(username="administrator")
        audit.append("system.changed", actor=keeper, about=centre, system=centre.pk, reason="changed")


# --- chapters --------------------------------------------------------------------------------------------------------


def _history(stage: Stage) -> None:
    """What was closed before the portal came, from the spreadsheet of that time."""
    today = timezone.localdate()
    lines = ["right,received_at,channel,jurisdiction,name,email,outcome,closed_at"]
    for number, (name, right, channel, country, outcome) in enumerate(_OLD_CASES):
        received = today - timedelta(days=400 - 40 * number)
        address = f"{name.lower().replace(' ', '.')}@example.net"
        closed = received + timedelta(days=12 + number)
        lines.append(f"{right},{received},{channel},{country},{name},{address},{outcome},{closed}")
    csv_import.import_file("\n".join(lines).encode(), dry_run=False)


_OLD_CASES = (
    ("Ottilie Birnbaum", "erasure", "post", "EU-DE", "completed"),
    ("Frank Sample", "access", "email", "UK", "completed"),
    ("Marguerite Exemple", "erasure", "web_form", "EU-FR", "completed"),
    ("Hugh Placeholder", "objection", "phone", "UK", "refused"),
    ("Erika Musterfrau", "erasure", "phone", "EU-DE", "completed"),
    ("Juan Ejemplo", "rectification", "email", "EU-ES", "withdrawn"),
    ("Siobhan Nobody", "erasure", "chat", "EU-IE", "not_identified"),
    ("Jan Voorbeeld", "erasure", "email", "EU-NL", "completed"),
)


def _deletions(stage: Stage) -> None:
    """Four lists that were approved and carried out: replied, to be replied to, not quite over, not over at all."""
    one, two, three, four = (stage.people.pop() for _ in range(4))
    staff = stage.who["staff"]

    closed = acts.take(stage, one, days=19, contact=one.email)
    acts.identify(stage, closed)
    acts.approve(stage, closed, acts.freeze(stage, closed))
    acts.work(closed)
    reporting.record_reply(closed.pk, actor=staff, channel="email")
    reporting.export(closed.pk, actor=staff, fmt="pdf")

    answered = acts.take(stage, two, days=17, by="staff", channel="web_form", contact=two.email)
    acts.identify(stage, answered, method="one_time_code")
    acts.approve(stage, answered, acts.freeze(stage, answered), by="supervisor2")
    acts.work(answered)

    supplement = acts.take(stage, three, days=16, by="staff", channel="post", jurisdiction="EU-DE")
    acts.add_specimen(stage, supplement, "message")
    acts.add_specimen(stage, supplement, "identity")
    acts.identify(stage, supplement, method="document", level="IAL-3", doubt="unknown_contact")
    plan = acts.freeze(stage, supplement)
    acts.add_late(stage, plan, "conversationSummary")
    acts.approve(stage, supplement, plan)
    acts.work(supplement)

    came_back = acts.take(stage, four, days=15)
    acts.identify(stage, came_back)
    plan = acts.freeze(stage, came_back)
    acts.approve(stage, came_back, plan, by="supervisor2")
    pipeline.advance(came_back.pk)
    acts.add_late(stage, plan, "transcript")
    acts.work(came_back)


def _branch_office(stage: Stage) -> None:
    """Approved, and held by shadow mode."""
    held = acts.take(stage, stage.branch_people[0], days=12, channel="email")
    acts.identify(stage, held, method="one_time_code")
    acts.approve(stage, held, acts.freeze(stage, held))
    acts.work(held)


def _lists(stage: Stage) -> None:
    """Three lists that wait for approval now; each supervisor is barred from one of them."""
    waiting, heard = (acts.take(stage, stage.people.pop(), days=days) for days in (9, 8))
    for request in (waiting, heard):
        acts.identify(stage, request)
        acts.choose(stage, request)
    colleague = _colleagues_own(stage)
    acts.link_supervisor(stage, heard=heard, not_heard=(waiting, colleague))
    for request in (waiting, heard, colleague):
        planning.freeze(request.pk, actor=stage.who["staff"])


def _colleagues_own(stage: Stage) -> Request:
    """The second supervisor, about a call made in private: the person concerned can neither validate nor approve."""
    colleague = stage.who["supervisor2"]
    request = acts.take(
        stage, stage.people[-1], days=7, by="staff", channel="in_person", name=colleague.get_full_name(),
        scope="named_interactions", identifiers=[("interaction_guid", stage.people.pop().contacts[0])],
        subject_kind=DataSubject.Kind.STAFF, staff_user=colleague,
    )  # fmt: skip
    acts.identify(stage, request, method="staff_session")
    acts.choose(stage, request, link="named_interaction")
    return request


def _searches(stage: Stage) -> None:
    """Found, and not frozen: one list is ready, one has a number that two people share, one must wait for a copy."""
    ready = stage.people.pop()
    request = acts.take(stage, ready, days=6, channel="chat", identifiers=ready.identifiers, jurisdiction="EU-DE")
    acts.identify(stage, request, method="portal_session")
    acts.choose(stage, request)

    household = stage.people.pop()
    first = acts.take(stage, household, days=5, channel="email", by="staff")
    acts.take(stage, household, days=3, name=f"Robin {household.name.split()[-1]}", right="access")
    acts.identify(stage, first, method="one_time_code")
    acts.work(first)

    copy_first = stage.people.pop()
    copy = acts.take(stage, copy_first, days=4.2, channel="email", by="staff", right="access", jurisdiction="EU-IE")
    erasure = acts.take(stage, copy_first, days=4.2, channel="email", by="staff", jurisdiction="EU-IE")
    for both in (copy, erasure):
        acts.identify(stage, both, method="one_time_code")
    acts.freeze(stage, copy)
    acts.work(copy)
    acts.choose(stage, erasure)


def _first_steps(stage: Stage) -> None:
    """Taken down, and not yet validated: new, doubtful, and asked twice."""
    twice = stage.people.pop()
    acts.take(stage, twice, days=3.5)
    acts.take(stage, twice, days=1.5, channel="email", by="staff")

    doubtful = acts.take(stage, stage.people.pop(), days=2, channel="web_form", by="staff", jurisdiction="EU-FR")
    validation.record_finding(
        doubtful.pk, actor=stage.who["staff"], method="name_and_number", level="IAL-1", result="failed",
        doubt="data_mismatch",
    )  # fmt: skip
    acts.add_specimen(stage, doubtful, "identity")

    acts.take(stage, stage.people.pop(), days=0.1, channel="social_media", jurisdiction="EU-ES")


def _ends(stage: Stage) -> None:
    """Ended without a deletion, each for its reason."""
    staff, privacy = stage.who["staff"], stage.who["privacy"]
    refused = acts.take(stage, stage.people.pop(), days=14, channel="post", by="staff", jurisdiction="EU-NL")
    approval.refuse(refused.pk, actor=privacy, reason="legal_claims")
    withdrawn = acts.take(stage, stage.people.pop(), days=11)
    validation.withdraw(withdrawn.pk, actor=staff, reason="person_withdrew")
    unknown = acts.take(
        stage, stage.people[0], days=18, by="staff", channel="web_form", name="Jordan Doe",
        identifiers=[("email", "jordan.doe@example.net")],
    )  # fmt: skip
    validation.record_finding(
        unknown.pk, actor=staff, method="supplied_facts", level="IAL-1", result="failed", doubt="unknown_contact"
    )
    validation.not_identified(unknown.pk, actor=staff, reason="no_answer")
