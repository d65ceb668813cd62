"""Which content an interaction carries.

In: an interaction that is over, and the present. Out: its content files, as records.
Never here: their bytes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from .company import Company, guid
from .interaction import (
    CONTENT_TYPES,
    IVR_AUDIO,
    LITERAL_KEYS,
    RECORDING,
    SCREEN,
    TRANSCRIPT,
    Content,
    Interaction,
    Medium,
)

Fullness = Literal["bare", "usual", "rich"]
KEPT = {SCREEN: timedelta(days=30), "videoRecording": timedelta(days=30), IVR_AUDIO: timedelta(days=35)}
PRINCIPAL: dict[Medium, str] = {
    "call": RECORDING, "voicemail": "voicemail", "chat": "chatTranscript", "email": "interactionLog",
}  # fmt: skip
LEGACY_AFTER = timedelta(days=45)
CHANCES = {
    RECORDING: 0.9,
    SCREEN: 0.3,
    "categorizationResult": 0.6,
    "sentimentSummary": 0.5,
    IVR_AUDIO: 0.1,
    "conversationSummary": 0.2,
    "interactionLog": 0.25,
    "chatTranscript": 0.95,
    "attachment": 0.3,
    "videoRecording": 0.06,
}


def fill(rng: Random, interaction: Interaction, now: datetime, company: Company, fullness: Fullness = "usual") -> None:
    """Give an interaction its content; a rich one has everything its medium and age allow, a bare one nothing."""
    modified = interaction.end + timedelta(minutes=rng.randint(1, 9))
    drawn = [] if fullness == "bare" else list(_drawn(rng, interaction, fullness == "rich"))
    kept = [content_type for content_type in drawn if now - interaction.start <= KEPT.get(content_type, timedelta.max)]
    if not kept and interaction.person and fullness != "bare":
        kept = [PRINCIPAL[interaction.medium]]
    for content_type in kept:
        content = make(rng, content_type, min(modified, now))
        _own(rng, content, interaction, now, company)
        interaction.content.append(content)


def make(rng: Random, content_type: str, modified: datetime) -> Content:
    key = content_type if content_type in LITERAL_KEYS else guid(rng)
    return Content(key, content_type, CONTENT_TYPES[content_type], modified)


def _drawn(rng: Random, interaction: Interaction, rich: bool) -> Iterator[str]:
    def happens(content_type: str) -> bool:
        return rich or rng.random() < CHANCES[content_type]

    if interaction.medium == "call":
        yield from _of_a_call(rng, interaction, rich, happens)
    elif interaction.medium == "voicemail":
        yield "voicemail"
    else:
        offered = ["interactionLog", "attachment"]
        if interaction.medium == "chat":
            offered = ["chatTranscript", "attachment", "videoRecording", "interactionLog", "conversationSummary"]
        yield from filter(happens, offered)


def _of_a_call(rng: Random, interaction: Interaction, rich: bool, happens: Callable[[str], bool]) -> Iterator[str]:
    if interaction.direction == "inbound" and happens(IVR_AUDIO):
        yield IVR_AUDIO
    if not happens(RECORDING):
        return
    yield RECORDING
    yield from filter(happens, (SCREEN, "conversationSummary", "interactionLog"))
    if rich or rng.random() < 0.5:
        yield TRANSCRIPT
        yield from filter(happens, ("categorizationResult", "sentimentSummary"))
    else:
        interaction.awaitsTranscript = rng.random() < 0.3


def _own(rng: Random, content: Content, interaction: Interaction, now: datetime, company: Company) -> None:
    if content.type == IVR_AUDIO:
        content.owner = ("owningInteractionPlan", rng.choice(company.plans))
    elif content.type == "voicemail":
        agent = interaction.handlingAgents[0].id
        content.owner = ("owningAgent", agent)
        if now - interaction.start > LEGACY_AFTER:
            content.contentKey = f"voicemail-{agent}"
