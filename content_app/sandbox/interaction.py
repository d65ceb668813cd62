"""The nouns: an interaction, its content, the agents who handled it.

In: values. Out: plain records that know their own dates.
Never here: who may see them, or how they look as JSON.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Medium = Literal["call", "voicemail", "chat", "email"]
Direction = Literal["inbound", "outbound"]

RECORDING, SCREEN, TRANSCRIPT, IVR_AUDIO = "callRecording", "screenRecording", "transcript", "ivrAudioRecording"

CONTENT_TYPES = {
    RECORDING: "audio/wav",
    TRANSCRIPT: "application/json",
    "categorizationResult": "application/json",
    "sentimentSummary": "application/json",
    SCREEN: "video/webm",
    "voicemail": "audio/wav",
    IVR_AUDIO: "audio/wav",
    "videoRecording": "video/webm",
    "chatTranscript": "application/json",
    "attachment": "text/plain",
    "conversationSummary": "application/json",
    "interactionLog": "application/json",
}
LITERAL_KEYS = {RECORDING, TRANSCRIPT, "categorizationResult", "sentimentSummary"}


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str
    group: str | None
    """None once the agent's user was deleted: deletion drops group membership."""


@dataclass(slots=True)
class Content:
    contentKey: str
    type: str
    contentType: str
    lastModified: datetime
    owner: tuple[str, str] | None = None
    """The vendor's field and id: owningAgent of a voicemail, owningInteractionPlan of IVR audio."""


@dataclass(slots=True)
class Interaction:
    guid: str
    start: datetime
    seconds: int
    medium: Medium
    direction: Direction
    connectFrom: str
    connectTo: str
    handlingAgents: tuple[Agent, ...]
    person: str = ""
    """The id of the subject or stranger it belongs to; empty for the public at large."""
    content: list[Content] = field(default_factory=list)
    awaitsTranscript: bool = False

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    @property
    def line(self) -> str:
        """The company's own address in this interaction."""
        return self.connectTo if self.direction == "inbound" else self.connectFrom

    @property
    def customer(self) -> str:
        """The other party's address."""
        return self.connectFrom if self.direction == "inbound" else self.connectTo

    def find(self, content_key: str) -> Content | None:
        """Find a content file; the documentation spells keys in more than one case."""
        wanted = content_key.casefold()
        return next((content for content in self.content if content.contentKey.casefold() == wanted), None)
