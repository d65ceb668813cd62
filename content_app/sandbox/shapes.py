"""How the account looks as the vendor's JSON.

In: an interaction and the content its reader may see. Out: documented objects and envelopes.
Never here: decisions.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from .clock import iso
from .files import length
from .interaction import Content, Interaction

STATS_MEDIUM = {"call": "Phone", "voicemail": "Phone", "chat": "Chat", "email": "Email"}


def interaction_object(interaction: Interaction, visible: Iterable[Content]) -> dict[str, Any]:
    return {
        "guid": interaction.guid,
        "start": iso(interaction.start),
        "connectFrom": interaction.connectFrom,
        "connectTo": interaction.connectTo,
        "direction": interaction.direction,
        "handlingAgents": [{"id": agent.id} for agent in interaction.handlingAgents],
        "content": [content_object(interaction, content) for content in visible],
    }


def content_object(interaction: Interaction, content: Content) -> dict[str, Any]:
    return {
        "contentKey": content.contentKey,
        "type": content.type,
        "contentType": content.contentType,
        "contentLength": length(interaction, content),
        **({content.owner[0]: {"id": content.owner[1]}} if content.owner else {}),
        "lastModified": iso(content.lastModified),
        "properties": {},
    }


def numbered_page(items: Sequence[Any], page: int, limit: int) -> tuple[Sequence[Any], dict[str, int]]:
    """Cut one page out, with the counting envelope of v2 and of the statistics."""
    shown = items[(page - 1) * limit : page * limit]
    meta = {"page": page, "count": len(shown), "pageCount": -(-len(items) // limit), "totalCount": len(items)}
    return shown, meta


def stats_object(interaction: Interaction, now: datetime) -> dict[str, Any]:
    """A statistics row: it keeps both addresses whatever became of the content."""
    ongoing = interaction.end > now
    seconds = (now - interaction.start).total_seconds() if ongoing else interaction.seconds
    milliseconds = int(seconds * 1000)
    return {
        "status": "Started" if ongoing else "Completed",
        "medium": STATS_MEDIUM[interaction.medium],
        "mediumManager": "VCC",
        "start": iso(interaction.start),
        "guid": interaction.guid,
        "conversationGuid": interaction.guid,
        "duration": milliseconds,
        "direction": interaction.direction.capitalize(),
        "serviceName": "Customer Service",
        "connectTo": interaction.connectTo,
        "connectFrom": interaction.connectFrom,
        "categorizedAt": None,
        "outcome": None if ongoing else "Resolved",
        "interactionPlanMapping": {
            "addressName": interaction.line,
            "mappingName": "Main",
            "interactionPlanName": "Welcome",
            "reportingGroup": "Service",
        },
        "channels": channels(interaction, milliseconds),
    }


def channels(interaction: Interaction, milliseconds: int) -> list[dict[str, Any]]:
    parties = [{"id": None, "role": "Customer", "touchpoint": interaction.customer}]
    parties += [{"id": agent.id, "role": "Agent", "touchpoint": agent.id} for agent in interaction.handlingAgents]
    return [
        {
            "guid": f"{interaction.guid[:-2]}{number:02x}",
            "offset": 0,
            "duration": milliseconds,
            "endReason": "Completed",
            "integrationType": "None",
            "party": party,
            "events": [],
        }
        for number, party in enumerate(parties)
    ]
