"""Reading what a caller asked for.

In: raw query strings, path parts and bodies. Out: checked values, or a 400 in the vendor's words.
Never here: anything that looks at the account.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from .clock import from_iso
from .interaction import Interaction
from .refusal import Refusal

CONTENT_KEY = re.compile(r"[0-9a-zA-Z!\-_.,*'()]{1,36}")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SHARED = {"start", "end", "handlingAgentId", "connectFrom", "connectTo", "direction", "limit"}
KNOWN = {3: SHARED | {"continuationToken"}, 2: SHARED | {"connectEither", "guid", "page", "sort"}}
LONGEST_WINDOW = timedelta(days=7)
MOST_ITEMS, DEFAULT_ITEMS, MOST_GUIDS = 1000, 25, 1000
SORTABLE = ("guid", "start", "connectFrom", "connectTo", "direction", "handlingAgents")


@dataclass(frozen=True, slots=True)
class Filters:
    """The part of a search that a continuation token is tied to."""

    start: datetime
    end: datetime
    handling_agent: str | None
    connect_from: str
    connect_to: str
    connect_either: str
    direction: str | None
    guid: str | None

    def match(self, interaction: Interaction) -> bool:
        """Addresses match when they start with what was asked, which lets strangers in."""
        return (
            interaction.connectFrom.startswith(self.connect_from)
            and interaction.connectTo.startswith(self.connect_to)
            and (self.direction is None or interaction.direction == self.direction)
            and (self.guid is None or interaction.guid == self.guid)
            and (self.handling_agent is None or any(a.id == self.handling_agent for a in interaction.handlingAgents))
            and (
                interaction.connectFrom.startswith(self.connect_either)
                or interaction.connectTo.startswith(self.connect_either)
            )
        )


@dataclass(frozen=True, slots=True)
class Search:
    filters: Filters
    limit: int
    continuation: str | None
    page: int
    sort: tuple[str, bool] | None


def read_search(query: Mapping[str, str], version: int) -> Search:
    if unknown := sorted(set(query) - KNOWN[version]):
        raise Refusal(400, f'"{unknown[0]}" is not allowed')
    start, end = moment(query, "start"), moment(query, "end")
    if end < start:
        raise Refusal(400, "end must not be before start")
    if end - start > LONGEST_WINDOW:
        raise Refusal(400, "Maximum date range is 7 days")
    if query.get("direction", "inbound") not in ("inbound", "outbound"):
        raise Refusal(400, "direction must be inbound or outbound")
    filters = Filters(
        start,
        end,
        query.get("handlingAgentId"),
        address(query, "connectFrom"),
        address(query, "connectTo"),
        address(query, "connectEither"),
        query.get("direction"),
        guid(query["guid"]) if "guid" in query else None,
    )
    limit = whole(query, "limit", DEFAULT_ITEMS, MOST_ITEMS)
    page = whole(query, "page", 1)
    return Search(filters, limit, query.get("continuationToken"), page, sorting(query))


def moment(query: Mapping[str, str], name: str, default: datetime | None = None) -> datetime:
    if name not in query and default is not None:
        return default
    try:
        return from_iso(query[name])
    except KeyError:
        raise Refusal(400, f"{name} is required") from None
    except ValueError:
        raise Refusal(400, f"{name} must be an ISO 8601 date in UTC") from None


def address(query: Mapping[str, str], name: str) -> str:
    """An absent address is the empty prefix, which every address starts with."""
    if name in query and not 1 <= len(query[name]) <= 50:
        raise Refusal(400, f"{name} must be 1 to 50 characters in length")
    return query.get(name, "")


def whole(query: Mapping[str, str], name: str, default: int, most: int = 1_000_000) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,7}", text) or not 1 <= int(text) <= most:
        raise Refusal(400, f"{name} must be a number from 1 to {most}")
    return int(text)


def sorting(query: Mapping[str, str]) -> tuple[str, bool] | None:
    """Read v2's `field:asc|desc`."""
    if "sort" not in query:
        return None
    name, _, order = query["sort"].partition(":")
    if name not in SORTABLE or order not in ("asc", "desc"):
        raise Refusal(400, "sort must be field:asc or field:desc")
    return name, order == "desc"


def guid(text: Any) -> str:
    if not isinstance(text, str) or len(text) != 36:
        raise Refusal(400, "GUID must be 36 characters in length")
    if not UUID_TEXT.fullmatch(text):
        raise Refusal(400, f"GUID '{text}' is not a valid UUID string")
    return text.lower()


def content_key(text: str) -> str:
    if not CONTENT_KEY.fullmatch(text):
        raise Refusal(400, "Invalid contentKey")
    return text


async def json_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "Content-Type must be application/json")
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Refusal(400, "Invalid JSON") from None


def guids(body: Any) -> list[str]:
    """Read a delete-batch: 1 to 1000 GUIDs; naming one twice is naming it once."""
    asked = body.get("guids") if isinstance(body, dict) else None
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST_GUIDS:
        raise Refusal(400, f"guids must be a list of 1 to {MOST_GUIDS} GUIDs")
    return list(dict.fromkeys(guid(text) for text in asked))
