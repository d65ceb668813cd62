"""The sandbox's own record of every call to the vendor's API, in order.

In: a call when it begins. Out: the entries, for whoever checks what really happened.
Never here: tokens and secrets.
"""

import time as real
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from .interaction import Content

MOST_KEPT = 200_000


@dataclass(slots=True)
class Entry:
    number: int
    time: str
    method: str
    path: str
    query: dict[str, str]
    status: int = 0
    credential: str = ""
    guids: list[str] = field(default_factory=list)
    contentKey: str = ""
    deleted: list[dict[str, Any]] = field(default_factory=list)
    overlapped: bool = False
    fault: str = ""
    #: Real seconds since the epoch, whatever the sandbox's own clock says: how long the call was in flight here.
    began: float = 0.0
    ended: float | None = None

    def end(self) -> None:
        self.ended = real.time()

    def note_deletion(self, guid: str, contents: list[Content]) -> None:
        gone = [{"contentKey": content.contentKey, "type": content.type} for content in contents]
        self.deleted.append({"guid": guid, "content": gone})


class CallLog:
    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._count = 0

    def open(self, time: str, method: str, path: str, query: dict[str, str]) -> Entry:
        self._count += 1
        entry = Entry(self._count, time, method, path, query, began=real.time())
        self._entries.append(entry)
        return entry

    def after(self, number: int) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._entries if entry.number > number]
