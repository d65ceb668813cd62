"""What the people of the demo's story do all day, each through the room that does it.

In:  the stage: accounts, systems, invented people.
Out: requests taken down, identified, searched for, chosen, frozen, approved.
Never here: the order in which it happens. ``demo_story`` tells that.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image, ImageDraw

from content_app import brakes, pipeline, planning
from content_app.models import Plan, System
from gdpr_portal import demo_world
from gdpr_portal.demo_world import Person
from requests_app import approval, intake, validation
from requests_app.models import Request, StaffAccount


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story is played on: accounts by user name, the two systems, and people nobody has met yet."""

    who: dict[str, User]
    centre: System
    branch: System
    people: list[Person]
    branch_people: list[Person]


def take(stage: Stage, person: Person, *, days: float, by: str = "agent", **told: Any) -> Request:
    """Take down that person's request, received so many days ago."""
    defaults: dict[str, Any] = {
        "right": "erasure", "channel": "phone", "jurisdiction": "UK", "name": person.name,
        "identifiers": [person.phone], "received_at": timezone.now() - timedelta(days=days),
    }  # fmt: skip
    return intake.open_request(actor=stage.who[by], **(defaults | told)).request


def identify(stage: Stage, request: Request, method: str = "callback", level: str = "IAL-2", doubt: str = "") -> None:
    staff = stage.who["staff"]
    validation.record_finding(request.pk, actor=staff, method=method, level=level, result="passed", doubt=doubt)
    validation.validate(request.pk, actor=staff)


def work(request: Request) -> None:
    """What the worker does, here and now, as far as it gets."""
    while Request.objects.get(pk=request.pk).state in pipeline.WORKING and pipeline.advance(request.pk):
        continue


def choose(stage: Stage, request: Request, link: str = "said_so") -> None:
    """Include what the match alone does not decide, such as a number that was written without its country."""
    work(request)
    undecided = list(request.candidates.filter(included=None).values_list("pk", flat=True))
    if undecided:
        planning.choose(request.pk, actor=stage.who["staff"], candidate_ids=undecided, link=link)


def freeze(stage: Stage, request: Request) -> Plan:
    choose(stage, request)
    return planning.freeze(request.pk, actor=stage.who["staff"])


def approve(stage: Stage, request: Request, plan: Plan, by: str = "supervisor") -> None:
    listed = brakes.size(plan)
    approval.approve(
        request.pk, actor=stage.who[by], plan_id=plan.pk, digest=plan.digest, expires_at=plan.expires_at,
        items=listed, listed=listed,
    )  # fmt: skip


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


def add_specimen(stage: Stage, request: Request, kind: str) -> None:
    validation.add_evidence(request.pk, actor=stage.who["staff"], kind=kind, name="specimen.png", data=_specimen())


def add_late(stage: Stage, plan: Plan, content_type: str) -> None:
    """Something turns up at a contact that had a transcript."""
    guid = plan.items.filter(content_class="transcript").values_list("external_id", flat=True)[0]
    demo_world.add_late_content(stage.centre.gateway_url, guid=guid, content_type=content_type)


def link_supervisor(stage: Stage, *, heard: Request, not_heard: tuple[Request, ...]) -> None:
    """The first supervisor is an agent too, and took a call of the one list but none of the others."""
    elsewhere = [_agents_of(request) for request in not_heard]
    agent = min(sorted(_agents_of(heard)), key=lambda one: sum(one in others for others in elsewhere))
    StaffAccount.objects.create(system_id=stage.centre.pk, external_id=agent, user=stage.who["supervisor"])


def _agents_of(request: Request) -> set[str]:
    return {agent for candidate in request.candidates.all() for agent in candidate.agents}
