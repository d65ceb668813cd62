"""Sees interactions as their system shows them now, by the cheaper way: page by page, or one by one.

In:  a connector, interactions with the moment at which each began.
Out: each interaction with its content, or ``None`` where the system shows none.
Never here: a delete, a judgement on what was seen, an address of a person. A look reads everything of a stretch of time
and keeps only what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from content_app import windows
from content_app.connectors.base import ContentConnector, Interaction
from content_app.receipts import Beat

#: An interaction, and when it began.
Wanted = tuple[str, datetime]
#: Looked at beside a stretch of time, so that no rounding of a moment hides anything. It costs no page.
MARGIN = timedelta(minutes=1)


def see(
    connector: ContentConnector, system_id: UUID, wanted: Sequence[Wanted], *, beat: Beat
) -> dict[str, Interaction | None]:
    """What the system shows of each. Raises ``ConnectorError``, and whatever ``beat`` raises between two calls."""
    seen: dict[str, Interaction | None] = {}
    for part in spans(wanted, within=longest(connector)):
        pages = _pages(connector, system_id, part)
        left = _by_page(connector, system_id, part, seen, most=len(part), beat=beat) if pages < len(part) else part
        for external_id, _ in left:
            beat()
            seen[external_id] = connector.get(external_id)
    return seen


def longest(connector: ContentConnector) -> timedelta:
    """Longest time from the first to the last of a stretch that one search spans."""
    return connector.manifest.window - 2 * MARGIN


def spans(wanted: Sequence[Wanted], *, within: timedelta) -> Iterator[list[Wanted]]:
    """Cut into as few stretches of time as there must be, each no longer than ``within``."""
    part: list[Wanted] = []
    for one in sorted(wanted, key=lambda pair: (pair[1], pair[0])):
        if part and one[1] - part[0][1] > within:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _pages(connector: ContentConnector, system_id: UUID, part: Sequence[Wanted]) -> float:
    """Pages that reading all of this stretch is expected to take."""
    if not connector.manifest.sweeps or len(part) < 2:
        return float("inf")
    return windows.expected_pages(system_id, part[0][1] - MARGIN, part[-1][1] + MARGIN)


def _by_page(
    connector: ContentConnector, system_id: UUID, part: Sequence[Wanted], seen: dict[str, Interaction | None],
    *, most: int, beat: Beat,
) -> Sequence[Wanted]:  # fmt: skip
    """Read the stretch whole; returns what is left to be looked up when it has more pages than that would take."""
    start, end, token = part[0][1] - MARGIN, part[-1][1] + MARGIN, None
    asked, moments = {external_id for external_id, _ in part}, []
    shown: dict[str, Interaction] = {}
    for _ in range(most):
        beat()
        page = connector.find(None, start=start, end=end, token=token)
        shown |= {one.external_id: one for one in page.interactions if one.external_id in asked}
        moments += [one.started_at for one in page.interactions]
        token = page.next_token
        if token is None:
            windows.learn(system_id, (start, end), moments)
            seen |= {external_id: shown.get(external_id) for external_id in asked}
            return ()
    seen |= shown
    return [one for one in part if one[0] not in shown]
