"""The Interaction Content API: search, read, download, and three ways to delete.

In: requests that the gate let in. Out: E1 to E6 as documented.
Never here: statistics, which outlive everything deleted here.
"""

import asyncio
import re
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import parameters
from .files import body
from .gate import Caller, admit
from .interaction import Content, Interaction
from .limits import DELETE_BATCH
from .parameters import Search
from .permissions import DELETE, READ
from .refusal import Refusal
from .shapes import interaction_object, numbered_page
from .world import place

ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


async def search(request: Request) -> JSONResponse:
    """E1. Only interactions with content that this caller may see."""
    caller = admit(request, READ)
    asked = parameters.read_search(request.query_params, caller.version)
    return JSONResponse(tokened_page(caller, asked) if caller.version == 3 else sorted_page(caller, asked))


def tokened_page(caller: Caller, asked: Search) -> dict[str, Any]:
    """v3: each page earns the token of the next; null ends."""
    continuations, query = caller.account.continuations, (caller.user.name, asked.filters)
    after = continuations.redeem(asked.continuation, query) if asked.continuation is not None else None
    found = list(islice(matches(caller, asked, after), asked.limit + 1))
    shown = found[: asked.limit]
    more = len(found) > asked.limit
    token = continuations.keep(query, place(shown[-1])) if more else None
    return {"items": objects(caller, shown), "meta": {"nextContinuationToken": token}}


def sorted_page(caller: Caller, asked: Search) -> dict[str, Any]:
    """v2: numbered pages, sorted on request."""
    found = list(matches(caller, asked))
    if asked.sort:
        field, descending = asked.sort
        found.sort(key=lambda interaction: sorting_key(interaction, field), reverse=descending)
    shown, meta = numbered_page(found, asked.page, asked.limit)
    return {"items": objects(caller, shown), "meta": meta}


def sorting_key(interaction: Interaction, field: str) -> Any:
    if field == "handlingAgents":
        return [agent.id for agent in interaction.handlingAgents]
    return getattr(interaction, field)


def matches(caller: Caller, asked: Search, after: Any = None) -> Any:
    wanted, inclusive = asked.filters, caller.account.settings.end == "inclusive"
    window = caller.account.world.between(wanted.start, wanted.end, inclusive, after)
    return (one for one in window if wanted.match(one) and caller.user.visible(one))


def objects(caller: Caller, shown: Any) -> list[dict[str, Any]]:
    return [interaction_object(interaction, caller.user.visible(interaction)) for interaction in shown]


async def read_interaction(request: Request) -> JSONResponse:
    """E2. Unknown, empty and invisible are all the same 404."""
    caller = admit(request, READ)
    interaction = named_interaction(request, caller)
    if not (visible := caller.user.visible(interaction)):
        raise no_interaction()
    return JSONResponse(interaction_object(interaction, visible))


async def read_content(request: Request) -> Response:
    """E3. The raw file, or the part of it that a Range names."""
    caller = admit(request, READ)
    interaction, content = named_content(request, caller)
    if content not in caller.user.visible(interaction):
        raise no_content()
    return ranged(body(interaction, content), content.contentType, request.headers.get("range", ""))


def ranged(file: bytes, media_type: str, asked: str) -> Response:
    """Honour one byte range; anything else gets the whole file."""
    headers = {"Content-Type": media_type, "Accept-Ranges": "bytes"}
    found = ONE_RANGE.fullmatch(asked.strip())
    if not found or found.groups() == ("", ""):
        return Response(file, headers=headers)
    first, last = found.groups()
    low = int(first) if first else max(0, len(file) - int(last))
    high = min(int(last), len(file) - 1) if first and last else len(file) - 1
    if low > high:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(file)}"})
    headers["Content-Range"] = f"bytes {low}-{high}/{len(file)}"
    return Response(file[low : high + 1], 206, headers)


async def delete_content(request: Request) -> Response:
    """E4. A call recording takes its screen recording along, seen or unseen."""
    caller = admit(request, DELETE)
    interaction, content = named_content(request, caller)
    if not caller.user.delete_content or content not in caller.user.visible(interaction):
        raise Refusal(403, "Forbidden")
    remove(caller, interaction, [content])
    return Response(status_code=204)


async def delete_interaction(request: Request) -> JSONResponse:
    """E5. All of the content or none of it."""
    caller = admit(request, DELETE)
    interaction = named_interaction(request, caller)
    if not interaction.content:
        raise no_interaction()
    if not may_delete_all(caller, interaction):
        raise Refusal(403, "Forbidden")
    remove(caller, interaction, interaction.content)
    return JSONResponse({})


async def delete_batch(request: Request) -> JSONResponse:
    """E6. One in flight at a time; an unknown GUID is not a failure."""
    caller = admit(request, DELETE, DELETE_BATCH)
    caller.entry.overlapped = caller.account.delete_batch.taken
    with caller.account.delete_batch.seat():
        asked = parameters.guids(await parameters.json_body(request))
        caller.entry.guids = asked
        await asyncio.sleep(caller.account.settings.batch_seconds)
        failures = [failure for guid in asked if (failure := delete_one(caller, guid))]
    return JSONResponse({"failures": failures})


def delete_one(caller: Caller, guid: str) -> dict[str, Any] | None:
    interaction = caller.account.world.find(guid)
    if interaction is None or not interaction.content:
        return None
    if not may_delete_all(caller, interaction):
        return {"guid": guid, "message": "Not authorized to remove GUID", "statusCode": 403}
    remove(caller, interaction, interaction.content)
    return None


def may_delete_all(caller: Caller, interaction: Interaction) -> bool:
    return caller.user.delete_content and caller.user.sees_all_of(interaction)


def remove(caller: Caller, interaction: Interaction, contents: list[Content]) -> None:
    gone = caller.account.world.remove(interaction, contents, caller.account.now())
    caller.entry.note_deletion(interaction.guid, gone)


def named_interaction(request: Request, caller: Caller) -> Interaction:
    guid = parameters.guid(request.path_params["guid"])
    caller.entry.guids = [guid]
    interaction = caller.account.world.find(guid)
    if interaction is None:
        raise no_interaction()
    return interaction


def named_content(request: Request, caller: Caller) -> tuple[Interaction, Content]:
    key = parameters.content_key(request.path_params["contentKey"])
    caller.entry.contentKey = key
    interaction = named_interaction(request, caller)
    content = interaction.find(key)
    if content is None:
        raise no_content()
    return interaction, content


def no_interaction() -> Refusal:
    return Refusal(404, "Interaction not found")


def no_content() -> Refusal:
    return Refusal(404, "Content not found")


ROOT = "/interaction-content/interactions"
routes = [
    Route(ROOT, search, methods=["GET"]),
    Route(f"{ROOT}/delete-batch", delete_batch, methods=["POST"]),
    Route(f"{ROOT}/{{guid}}", read_interaction, methods=["GET"]),
    Route(f"{ROOT}/{{guid}}", delete_interaction, methods=["DELETE"]),
    Route(f"{ROOT}/{{guid}}/content/{{contentKey}}", read_content, methods=["GET"]),
    Route(f"{ROOT}/{{guid}}/content/{{contentKey}}", delete_content, methods=["DELETE"]),
]
