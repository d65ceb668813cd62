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

import io
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from content_app import pipeline, planning, reporting, systems
from content_app.models import Plan, System
from gdpr_portal import demo_world
from gdpr_portal.demo_cast import CAST
from gdpr_portal.demo_world import Person
from requests_app import approval, audit, csv_import, intake, sequencer, validation
from requests_app.models import DataSubject, Request, StaffAccount

BRANCH = "BRANCH"
#: People who have no request in the story: a visitor, or a test, can take theirs down.
SPARE = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story is played on: accounts by user name, the two systems, and people nobody has met yet."""

    who: dict[str, User]
    centre: System
    branch: System
    people: list[Person]
    branch_people: list[Person]


def tell() -> int:
    """Play the story once, in an empty portal; returns how many requests there are."""
    branch = _connect_branch()
    if Request.objects.exists():
        return Request.objects.count()
    centre = System.objects.get(credential="VCC")
    who = {user.username: user for user in User.objects.filter(username__in=[player.username for player in CAST])}
    people = demo_world.people_of(centre.gateway_url)
    stage = Stage(who, centre, branch, people[: len(people) - SPARE], demo_world.people_of(branch.gateway_url))
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
                "name": "Branch office", "kind": "vcc", "gateway_url": url, "auth_url": url, "history_days": days
            },
        )  # fmt: skip
        if fresh:
            keeper = User.objects.get(username="administrator")
            audit.append("system.changed", actor=keeper, about=system, system=system.pk, reason="added")
    return system


# --- what everybody does all day -------------------------------------------------------------------------------------


def _take(stage: Stage, person: Person, *, days: float, by: str = "agent", **told: Any) -> Request:
    """Take down that person's request, received so many days ago."""
    defaults: dict[str, Any] = {
        "right": "erasure", "channel": "phone", "jurisdiction": "UK", "name": person.name,
        "identifiers": [person.phone], "received_at": timezone.now() - timedelta(days=days),
    }  # fmt: skip
    return intake.open_request(actor=stage.who[by], **(defaults | told)).request


def _identify(stage: Stage, request: Request, method: str = "callback", level: str = "IAL-2", doubt: str = "") -> None:
    staff = stage.who["staff"]
    validation.record_finding(request.pk, actor=staff, method=method, level=level, result="passed", doubt=doubt)
    validation.validate(request.pk, actor=staff)


def _work(request: Request) -> None:
    """What the worker does, here and now, as far as it gets."""
    while Request.objects.get(pk=request.pk).state in pipeline.WORKING and pipeline.advance(request.pk):
        continue


def _choose(stage: Stage, request: Request, link: str = "said_so") -> None:
    """Include what the match alone does not decide, such as a number that was written without its country."""
    _work(request)
    undecided = list(request.candidates.filter(included=None).values_list("pk", flat=True))
    if undecided:
        planning.choose(request.pk, actor=stage.who["staff"], candidate_ids=undecided, link=link)


def _freeze(stage: Stage, request: Request) -> Plan:
    _choose(stage, request)
    return planning.freeze(request.pk, actor=stage.who["staff"])


def _approve(stage: Stage, request: Request, plan: Plan, by: str = "supervisor") -> None:
    approval.approve(request.pk, actor=stage.who[by], plan_id=plan.pk, digest=plan.digest, expires_at=plan.expires_at)


def _specimen() -> bytes:
    """A document that can be no one's."""
    card = Image.new("RGB", (640, 400), "#dfe7ee")
    draw = ImageDraw.Draw(card)
    draw.rectangle((16, 16, 623, 383), outline="#5b7083", width=3)
    draw.text((60, 140), "SPECIMEN", fill="#8a1f2b", font_size=96)
    draw.text((64, 260), "Invented for a demonstration. Identifies nobody.", fill="#33424f", font_size=22)
    written = io.BytesIO()
    card.save(written, format="PNG")
    return written.getvalue()


def _add_specimen(stage: Stage, request: Request, kind: str) -> None:
    validation.add_evidence(request.pk, actor=stage.who["staff"], kind=kind, name="specimen.png", data=_specimen())


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

    closed = _take(stage, one, days=19, contact=one.email)
    _identify(stage, closed)
    _approve(stage, closed, _freeze(stage, closed))
    _work(closed)
    reporting.record_reply(closed.pk, actor=staff, channel="email")
    reporting.export(closed.pk, actor=staff, fmt="pdf")

    answered = _take(stage, two, days=17, by="staff", channel="web_form", contact=two.email)
    _identify(stage, answered, method="one_time_code")
    _approve(stage, answered, _freeze(stage, answered), by="supervisor2")
    _work(answered)

    supplement = _take(stage, three, days=16, by="staff", channel="post", jurisdiction="EU-DE")
    _add_specimen(stage, supplement, "message")
    _add_specimen(stage, supplement, "identity")
    _identify(stage, supplement, method="document", level="IAL-3", doubt="unknown_contact")
    plan = _freeze(stage, supplement)
    _add_late(stage, plan, "conversationSummary")
    _approve(stage, supplement, plan)
    _work(supplement)

    came_back = _take(stage, four, days=15)
    _identify(stage, came_back)
    plan = _freeze(stage, came_back)
    _approve(stage, came_back, plan, by="supervisor2")
    pipeline.advance(came_back.pk)
    _add_late(stage, plan, "transcript")
    _work(came_back)


def _add_late(stage: Stage, plan: Plan, content_type: str) -> None:
    """Something turns up at a contact that had a transcript."""
    guid = plan.items.filter(content_class="transcript").values_list("external_id", flat=True)[0]
    demo_world.add_late_content(stage.centre.gateway_url, guid=guid, content_type=content_type)


def _branch_office(stage: Stage) -> None:
    """Approved, and held by shadow mode."""
    held = _take(stage, stage.branch_people[0], days=12, channel="email")
    _identify(stage, held, method="one_time_code")
    _approve(stage, held, _freeze(stage, held))
    _work(held)


def _lists(stage: Stage) -> None:
    """Three lists that wait for approval now; each supervisor is barred from one of them."""
    waiting, heard = (_take(stage, stage.people.pop(), days=days) for days in (9, 8))
    for request in (waiting, heard):
        _identify(stage, request)
        _choose(stage, request)
    colleague = _colleagues_own(stage)
    _link_supervisor(stage, heard=heard, not_heard=(waiting, colleague))
    for request in (waiting, heard, colleague):
        planning.freeze(request.pk, actor=stage.who["staff"])


def _colleagues_own(stage: Stage) -> Request:
    """The second supervisor, about a call made in private: the person concerned can neither validate nor approve."""
    colleague = stage.who["supervisor2"]
    request = _take(
        stage, stage.people[-1], days=7, by="staff", channel="in_person", name=colleague.get_full_name(),
        scope="named_interactions", identifiers=[("interaction_guid", stage.people.pop().contacts[0])],
        subject_kind=DataSubject.Kind.STAFF, staff_user=colleague,
    )  # fmt: skip
    _identify(stage, request, method="staff_session")
    _choose(stage, request, link="named_interaction")
    return request


def _link_supervisor(stage: Stage, *, heard: Request, not_heard: tuple[Request, ...]) -> None:
    """The first supervisor is an agent too, and took a call of the one list but none of the others."""
    elsewhere = [_agents_of(request) for request in not_heard]
    agent = min(sorted(_agents_of(heard)), key=lambda one: sum(one in others for others in elsewhere))
    StaffAccount.objects.create(system_id=stage.centre.pk, external_id=agent, user=stage.who["supervisor"])


def _agents_of(request: Request) -> set[str]:
    return {agent for candidate in request.candidates.all() for agent in candidate.agents}


def _searches(stage: Stage) -> None:
    """Found, and not frozen: one list is ready, one has a number that two people share, one must wait for a copy."""
    ready = stage.people.pop()
    request = _take(stage, ready, days=6, channel="chat", identifiers=ready.identifiers, jurisdiction="EU-DE")
    _identify(stage, request, method="portal_session")
    _choose(stage, request)

    household = stage.people.pop()
    first = _take(stage, household, days=5, channel="email", by="staff")
    _take(stage, household, days=3, name=f"Robin {household.name.split()[-1]}", right="access")
    _identify(stage, first, method="one_time_code")
    _work(first)

    copy_first = stage.people.pop()
    copy = _take(stage, copy_first, days=4.2, channel="email", by="staff", right="access", jurisdiction="EU-IE")
    erasure = _take(stage, copy_first, days=4.2, channel="email", by="staff", jurisdiction="EU-IE")
    for both in (copy, erasure):
        _identify(stage, both, method="one_time_code")
    _freeze(stage, copy)
    _work(copy)
    _choose(stage, erasure)


def _first_steps(stage: Stage) -> None:
    """Taken down, and not yet validated: new, doubtful, and asked twice."""
    twice = stage.people.pop()
    _take(stage, twice, days=3.5)
    _take(stage, twice, days=1.5, channel="email", by="staff")

    doubtful = _take(stage, stage.people.pop(), days=2, channel="web_form", by="staff", jurisdiction="EU-FR")
    validation.record_finding(
        doubtful.pk, actor=stage.who["staff"], method="name_and_number", level="IAL-1", result="failed",
        doubt="data_mismatch",
    )  # fmt: skip
    _add_specimen(stage, doubtful, "identity")

    _take(stage, stage.people.pop(), days=0.1, channel="social_media", jurisdiction="EU-ES")


def _ends(stage: Stage) -> None:
    """Ended without a deletion, each for its reason."""
    staff, privacy = stage.who["staff"], stage.who["privacy"]
    refused = _take(stage, stage.people.pop(), days=14, channel="post", by="staff", jurisdiction="EU-NL")
    approval.refuse(refused.pk, actor=privacy, reason="legal_claims")
    withdrawn = _take(stage, stage.people.pop(), days=11)
    validation.withdraw(withdrawn.pk, actor=staff, reason="person_withdrew")
    unknown = _take(
        stage, stage.people[0], days=18, by="staff", channel="web_form", name="Jordan Doe",
        identifiers=[("email", "jordan.doe@example.net")],
    )  # fmt: skip
    validation.record_finding(
        unknown.pk, actor=staff, method="supplied_facts", level="IAL-1", result="failed", doubt="unknown_contact"
    )
    validation.not_identified(unknown.pk, actor=staff, reason="no_answer")


# --- what waits where ------------------------------------------------------------------------------------------------


def waits() -> list[tuple[str, str]]:
    """(user name, what waits for them), as things stand: what a visitor may look at first."""
    told = []
    for state, sentence in (
        ("validated", "{} was found and can be reviewed"),
        ("verified", "{} is deleted and read back: send the reply"),
    ):
        if request := Request.objects.filter(state=state, errand__attention="").order_by("received_at").first():
            told.append(("staff", sentence.format(request.reference)))
    planned = Request.objects.filter(state="planned").order_by("received_at")
    for username in ("supervisor", "supervisor2"):
        user = User.objects.get(username=username)
        if request := planned.exclude(bars__user=user).order_by("received_at").first():
            told.append((username, f"{request.reference} waits for your approval"))
        if request := planned.filter(bars__user=user).first():
            told.append((username, f"{request.reference} is barred to you, and says why"))
    if system := System.objects.filter(shadow=True).first():
        told.append(("administrator", f"{system.name} is in shadow mode: propose that it may delete"))
    told.append(("auditor", "the whole trail, to browse and to verify"))
    return told
