"""The control plane: what a tester may see and do, and no vendor offers.

In: plain JSON, no authentication. Out: the ground truth, the call log, and changes to the world.
Never here: anything a client of the vendor's API should depend on.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .account import Account
from .clock import iso
from .contents import make
from .faults import KINDS, Fault
from .generation import MEDIA, Contact, begin
from .interaction import CONTENT_TYPES, TRANSCRIPT
from .people import Person
from .refusal import Refusal

Order = dict[str, Any]
Answer = tuple[int, Any]


def plain(handler: Callable[[Account, Order], Answer]) -> Callable[[Request], Awaitable[JSONResponse]]:
    """Hand a handler the account and one flat order: the query, overlaid by a JSON body."""

    @wraps(handler)
    async def endpoint(request: Request) -> JSONResponse:
        order: Order = {name: request.query_params.getlist(name) for name in request.query_params}
        if raw := await request.body():
            try:
                order |= json.loads(raw)
            except (ValueError, TypeError):
                raise Refusal(400, "Send a JSON object") from None
        try:
            status, answer = handler(request.app.state.account, order)
        except (KeyError, ValueError, TypeError, AttributeError) as wrong:
            raise Refusal(400, f"Cannot follow this order: {wrong!r}") from wrong
        return JSONResponse(answer, status)

    return endpoint


def health(account: Account, order: Order) -> Answer:
    settings = account.settings
    counts = {"interactions": len(account.world), "subjects": len(account.subjects)}
    return 200, {"status": "ok", "now": iso(account.now()), "seed": settings.seed, **counts}


def subjects(account: Account, order: Order) -> Answer:
    account.now()
    told = [
        {
            **truth(account, subject.person),
            "strangers": [
                {**truth(account, stranger.person), "collision": stranger.collision} for stranger in subject.strangers
            ],
        }
        for subject in account.subjects
    ]
    return 200, {"subjects": told}


def truth(account: Account, person: Person) -> dict[str, Any]:
    """Everything that is a person's, as it stands now."""
    theirs = account.world.of_person(person.id)
    return {
        "id": person.id,
        "name": person.name,
        "identifiers": [{"kind": address.kind, "formats": address.formats} for address in person.addresses],
        "guids": [interaction.guid for interaction in theirs],
        "guidsWithContent": [interaction.guid for interaction in theirs if interaction.content],
        "contentCounts": Counter(content.type for interaction in theirs for content in interaction.content),
        "interactions": [
            {
                "guid": interaction.guid,
                "start": iso(interaction.start),
                "medium": interaction.medium,
                "direction": interaction.direction,
                "connectFrom": interaction.connectFrom,
                "connectTo": interaction.connectTo,
                "content": {content.contentKey: content.type for content in interaction.content},
                "awaitsTranscript": interaction.awaitsTranscript,
            }
            for interaction in theirs
        ],
    }


def log(account: Account, order: Order) -> Answer:
    return 200, {"calls": account.log.after(int(order.get("after", ["0"])[0]))}


def remaining(account: Account, order: Order) -> Answer:
    account.now()
    asked = {guid: account.world.find(guid) for guid in [*order.get("guid", []), *order.get("guids", [])]}
    keys = {guid: [content.contentKey for content in one.content] if one else [] for guid, one in asked.items()}
    return 200, {"remaining": keys}


def late_content(account: Account, order: Order) -> Answer:
    """Let one content file arrive at an interaction, whether or not the rest of it is still there."""
    now = account.now()
    interaction = account.world.find(order["guid"])
    if interaction is None:
        return 404, {"message": "No such interaction"}
    content_type = order.get("type", TRANSCRIPT)
    if content_type not in CONTENT_TYPES:
        return 400, {"message": f"type must be one of {', '.join(CONTENT_TYPES)}"}
    due = now + timedelta(seconds=float(order.get("afterSeconds", 0)))
    content = make(account.rng, content_type, due)
    account.world.expect(interaction.guid, content, due)
    account.now()
    return 201, {"guid": interaction.guid, "contentKey": content.contentKey, "due": iso(due)}


def retention(account: Account, order: Order) -> Answer:
    """Let the content of whatever is older than so many days run out. The statistics keep their rows."""
    now, gone = account.now(), 0
    for interaction in account.world.between(datetime.min.replace(tzinfo=UTC), now - timedelta(float(order["days"]))):
        gone += len(account.world.remove(interaction, interaction.content, now))
    return 200, {"gone": gone}


def contact(account: Account, order: Order) -> Answer:
    """Let a subject be in touch once more: just now, or still ongoing."""
    now, person = account.now(), find_person(account, order["subject"])
    address = next((a for a in person.addresses if a.kind == order.get("kind", "mobile")), None)
    if address is None:
        return 400, {"message": f"{person.id} has no such address"}
    lasts = int(order.get("ongoingSeconds", 0))
    begun = now - timedelta(seconds=0 if lasts else 30)
    written = order.get("address", address.formats[int(order.get("format", 0))])
    direction = order.get("direction", "inbound")
    if direction not in ("inbound", "outbound"):
        return 400, {"message": "direction must be inbound or outbound"}
    wanted = Contact(written, MEDIA[address.kind], direction, begun, lasts or 30, person.id, "rich")
    interaction = begin(account.rng, account.world, wanted, account.company, now)
    return 201, {"guid": interaction.guid, "start": iso(interaction.start), "address": written}


def find_person(account: Account, person_id: str) -> Person:
    everyone = [person for s in account.subjects for person in (s.person, *(other.person for other in s.strangers))]
    return next((person for person in everyone if person.id == person_id), None) or unknown(person_id)


def unknown(person_id: str) -> Person:
    raise Refusal(404, f"No subject or stranger {person_id}")


def plan_fault(account: Account, order: Order) -> Answer:
    if order.get("kind") not in KINDS:
        return 400, {"message": f"kind must be one of {', '.join(KINDS)}"}
    kinds = {field.name: type(getattr(Fault("status"), field.name)) for field in fields(Fault)}
    account.faults.plan(Fault(**{name: kinds[name](value) for name, value in order.items()}))
    return 201, {"planned": account.faults.planned()}


def planned_faults(account: Account, order: Order) -> Answer:
    return 200, {"planned": account.faults.planned()}


def clear_faults(account: Account, order: Order) -> Answer:
    account.faults.clear()
    return 200, {"planned": []}


def expire_tokens(account: Account, order: Order) -> Answer:
    return 200, {"expired": account.tokens.expire_all()}


def skip_clock(account: Account, order: Order) -> Answer:
    """Move the present forward; it never moves back."""
    account.clock.skip(max(0.0, float(order["seconds"])))
    return 200, {"now": iso(account.now())}


routes = [
    Route("/sandbox/health", plain(health), methods=["GET"]),
    Route("/sandbox/subjects", plain(subjects), methods=["GET"]),
    Route("/sandbox/log", plain(log), methods=["GET"]),
    Route("/sandbox/remaining", plain(remaining), methods=["GET", "POST"]),
    Route("/sandbox/late-content", plain(late_content), methods=["POST"]),
    Route("/sandbox/retention", plain(retention), methods=["POST"]),
    Route("/sandbox/contact", plain(contact), methods=["POST"]),
    Route("/sandbox/faults", plain(planned_faults), methods=["GET"]),
    Route("/sandbox/faults", plain(plan_fault), methods=["POST"]),
    Route("/sandbox/faults", plain(clear_faults), methods=["DELETE"]),
    Route("/sandbox/expire-tokens", plain(expire_tokens), methods=["POST"]),
    Route("/sandbox/clock", plain(skip_clock), methods=["POST"]),
]
