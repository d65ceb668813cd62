"""The Insights Stats API, as far as finding interactions needs it.

In: requests that the gate let in. Out: statistics rows, with or without content, deleted or not.
Never here: an address filter. The vendor has none.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .clock import iso
from .gate import admit
from .interaction import Interaction
from .parameters import guid, moment, whole
from .permissions import STATS
from .refusal import Refusal
from .shapes import numbered_page, stats_object
from .world import LONGEST, World

LONGEST_WINDOW = timedelta(days=31)
DEFAULT_ITEMS, MOST_ITEMS = 25, 5000
PRIVATE = {"Cache-Control": "max-age=5, must-revalidate, private"}


async def list_interactions(request: Request) -> JSONResponse:
    account = admit(request, STATS).account
    query, now = request.query_params, account.now()
    first, last = moment(query, "start"), moment(query, "end", now)
    if last < first:
        raise Refusal(400, "end must not be before start")
    if last - first > LONGEST_WINDOW:
        raise Refusal(400, "Request window size limit exceeded 31 days")
    return envelope(included(account.world, query, first, last, now), query, now)


def included(
    world: World, query: Mapping[str, str], first: datetime, last: datetime, now: datetime
) -> list[Interaction]:
    """Read `include`: what started in the window, what started or ended in it, what was over by its end."""
    ways: dict[str, Callable[[Interaction], bool]] = {
        "Started": lambda one: one.start >= first,
        "StartedOrEnded": lambda one: one.start >= first or first <= one.end <= now,
        "Processed": lambda one: first <= one.end <= min(last, now),
    }
    way = ways.get(query.get("include", "Started"))
    if way is None:
        raise Refusal(400, f"include must be one of {', '.join(ways)}")
    return [one for one in world.between(first - LONGEST, last) if way(one)]


async def list_ongoing(request: Request) -> JSONResponse:
    account = admit(request, STATS).account
    now = account.now()
    return envelope(account.world.ongoing(now), request.query_params, now)


async def read_interaction(request: Request) -> JSONResponse:
    account = admit(request, STATS).account
    interaction = account.world.find(guid(request.path_params["guid"]))
    if interaction is None:
        raise Refusal(404, "Interaction not found")
    return JSONResponse(stats_object(interaction, account.now()), headers=PRIVATE)


def envelope(found: list[Interaction], query: Mapping[str, str], now: datetime) -> JSONResponse:
    limit, page = whole(query, "limit", DEFAULT_ITEMS, MOST_ITEMS), whole(query, "page", 1)
    shown, meta = numbered_page(found, page, limit)
    items: list[dict[str, Any]] = [stats_object(interaction, now) for interaction in shown]
    return JSONResponse({"meta": meta, "items": items, "upTo": iso(now)}, headers=PRIVATE)


routes = [
    Route("/stats/interactions", list_interactions, methods=["GET"]),
    Route("/stats/interactions/ongoing", list_ongoing, methods=["GET"]),
    Route("/stats/interactions/{guid}", read_interaction, methods=["GET"]),
]
