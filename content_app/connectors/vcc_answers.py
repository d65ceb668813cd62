"""Vonage Contact Center: what its answers mean, field by field.

In:  JSON objects of the Interaction Content API and of the Insights statistics.
Out: frozen values of ``base``, or ``malformed`` for an answer that is not understood in full.
Never here: a call. Source ids (S2, S6, …) are those of the vendor's pages in the interface dossier.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeGuard

from content_app.connectors.base import Content, Direction, Interaction, Outcome, Page, Statistic, StatisticsPage
from content_app.connectors.http import Answer, code_for, is_transient, malformed

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
#: Wider than the documented pattern (S3c), but nothing that could leave its path segment. ``.`` and ``..`` would:
#: DELETE …/{guid}/content/.. is DELETE …/{guid}, which deletes everything.
KEY = re.compile(r"(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,64}")
#: What neither a database nor an encoder takes.
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_guid(text: str) -> bool:
    """Whether a text is an interaction's id, in small letters."""
    return _GUID.fullmatch(text) is not None


def page_of(answer: Mapping[str, Any], *, token: str | None) -> Page:
    meta = _object(answer.get("meta"))
    if "nextContinuationToken" not in meta:
        # Taken as the last page, its absence would hide all the others.
        raise malformed()
    following = meta["nextContinuationToken"]
    if following is not None and (_text(following, most=8192, least=1) == token):
        # The same page for ever.
        raise malformed()
    return Page(tuple(interaction_of(item) for item in _objects(answer.get("items"))), following)


def interaction_of(raw: Mapping[str, Any]) -> Interaction:
    """Fields as in S3a; unknown ones are ignored, missing ones are not."""
    content = tuple(_content(item) for item in _objects(raw.get("content")))
    if len({item.key for item in content}) != len(content):
        # A key names one file. Two under one name could not be deleted, or counted, apart.
        raise malformed()
    return Interaction(
        external_id=_known_guid(raw.get("guid")),
        started_at=_known_moment(raw.get("start")),
        connect_from=_text(raw.get("connectFrom")),
        connect_to=_text(raw.get("connectTo")),
        direction=_direction(raw.get("direction")),
        agents=tuple(_text(agent.get("id"), most=64, least=1) for agent in _objects(raw.get("handlingAgents"))),
        content=content,
    )


def statistics_of(answer: Mapping[str, Any], *, page: int) -> StatisticsPage:
    """The envelope of S27, and of each row the fields of S26 that tell whose contact it was."""
    meta = _object(answer.get("meta"))
    pages = meta.get("pageCount")
    if meta.get("page") != page or not _is_integer(pages) or not 0 <= pages < 2**31:
        raise malformed()
    return StatisticsPage(tuple(_statistic(item) for item in _objects(answer.get("items"))), pages)


def _statistic(raw: Mapping[str, Any]) -> Statistic:
    direction = _text(raw.get("direction"), most=20).lower()
    if direction not in ("inbound", "outbound", "internal"):
        raise malformed()
    return Statistic(
        external_id=_known_guid(raw.get("guid")),
        started_at=_known_moment(raw.get("start")),
        # A withheld number is no address of anybody.
        connect_from=_text(raw.get("connectFrom") or ""),
        connect_to=_text(raw.get("connectTo") or ""),
        direction=direction,  # type: ignore[arg-type]  # checked just above
    )


def _content(raw: Mapping[str, Any]) -> Content:
    """A class that the manifest does not know is kept as it is: nothing may be deleted unseen."""
    key, length, modified = raw.get("contentKey"), raw.get("contentLength"), raw.get("lastModified")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise malformed()
    if length is not None and not (_is_integer(length) and 0 <= length < 2**63):
        raise malformed()
    return Content(
        key=key,
        content_class=_text(raw.get("type"), most=40, least=1),
        media_type=_text(raw.get("contentType")),
        length=length,
        modified_at=None if modified is None else _known_moment(modified),
    )


def failures_of(answer: Mapping[str, Any], *, asked: Collection[str]) -> dict[str, int]:
    """Status by interaction. One that was not asked for, or is named twice, makes the whole answer senseless."""
    failures: dict[str, int] = {}
    for failure in _objects(answer.get("failures")):
        guid, status = _known_guid(failure.get("guid")), failure.get("statusCode")
        if guid not in asked or guid in failures or not _is_integer(status) or not 400 <= status <= 599:
            raise malformed()
        failures[guid] = status
    return failures


def outcome_of(external_id: str, *, status: int | None) -> Outcome:
    if status is None:
        return Outcome(external_id, None, "deleted")
    if status == 404:
        return Outcome(external_id, None, "already_gone")
    code = code_for(status)
    if code == "forbidden":
        return Outcome(external_id, None, "forbidden", code=code)
    return Outcome(external_id, None, "failed", code=code, permanent=not is_transient(code))


def insist_on_message(answer: Answer) -> None:
    """A 404 counts as the vendor's only with its ``{"message": …}`` (S5). A wrong address or a proxy answers 404 as
    well, and must not be taken for "it is gone"."""
    if not isinstance(answer.object().get("message"), str):
        raise malformed(answer.status)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed()
    return value


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise malformed()
    return (_object(item) for item in value)


def _text(value: Any, *, most: int = 255, least: int = 0) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most or _UNUSABLE.search(value):
        raise malformed()
    return value


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _known_guid(value: Any) -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value.lower()):
        raise malformed()
    return value.lower()


def _known_moment(value: Any) -> datetime:
    """ISO 8601 in UTC with ``Z``, with or without a fraction (S2, S26)."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise malformed()
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise malformed() from None


def _direction(value: Any) -> Direction:
    if value == "inbound":
        return "inbound"
    if value == "outbound":
        return "outbound"
    raise malformed()
