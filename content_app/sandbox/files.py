"""The bytes behind a content file.

In: an interaction and one of its contents. Out: the same bytes every time, of the right media type.
Never here: storage; files are made when asked for.
"""

import json
import struct
from hashlib import sha256

from .clock import iso
from .interaction import Content, Interaction

SAMPLES_A_SECOND = 8000
EBML_HEADER = bytes.fromhex(
    "1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff"
)
LINES = (
    "Thank you for calling, how may I help?",
    "I moved house and my address is out of date.",
    "Could I have the number you are calling from?",
    "Yes, it is the one you see on your screen.",
    "I have changed it. Is there anything else?",
    "No, thank you, goodbye.",
)


def body(interaction: Interaction, content: Content) -> bytes:
    if content.contentType == "audio/wav":
        return wav(length(interaction, content) - 44, seed(content))
    if content.contentType == "video/webm":
        return EBML_HEADER.ljust(length(interaction, content), b"\0")
    if content.contentType == "application/json":
        return json.dumps(document(interaction, content), ensure_ascii=False).encode()
    return f"Attachment of {interaction.guid}\nSent by {interaction.customer}\n".encode()


def length(interaction: Interaction, content: Content) -> int:
    """Tell the size without making a recording."""
    if content.contentType == "audio/wav":
        return 44 + SAMPLES_A_SECOND * (1 + seed(content) % 3)
    if content.contentType == "video/webm":
        return len(EBML_HEADER) + 2000 + seed(content) * 16
    return len(body(interaction, content))


def seed(content: Content) -> int:
    return sha256(f"{content.contentKey}{content.lastModified}".encode()).digest()[0]


def wav(samples: int, tone: int) -> bytes:
    """A playable tone: eight bits, one channel."""
    period = 16 + tone % 48
    wave = bytes(118 + 20 * (position * 2 < period) for position in range(period))
    data = (wave * (samples // period + 1))[:samples]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLES_A_SECOND, SAMPLES_A_SECOND, 1, 8)
    return b"RIFF" + struct.pack("<I", 36 + samples) + b"WAVE" + form + b"data" + struct.pack("<I", samples) + data


def document(interaction: Interaction, content: Content) -> dict[str, object]:
    """The JSON files name the parties: they are personal data as much as a recording is."""
    parties = {"agent": interaction.handlingAgents[0].name, "customer": interaction.customer}
    first = {"guid": interaction.guid, "type": content.type, "created": iso(content.lastModified)}
    match content.type:
        case "transcript" | "chatTranscript":
            speakers = tuple(parties.values())
            turns = [{"speaker": speakers[turn % 2], "text": text} for turn, text in enumerate(LINES)]
            return {**first, "participants": parties, "transcript": turns}
        case "categorizationResult":
            return {**first, "categories": [{"category": "Service", "categories": [{"name": "Address", "matches": 2}]}]}
        case "sentimentSummary":
            return {**first, "overallSentiment": "neutral", "categories": {"negative": 1, "neutral": 4, "positive": 1}}
        case "conversationSummary":
            return {**first, "summary": f"{interaction.customer} asked {parties['agent']} to change an address."}
        case _:
            return {**first, "participants": parties, "notes": "Address changed.", "dispositionCode": "Resolved"}
