"""What one account holds: interactions in order of their start, and content still on its way.

In: interactions, deletions, the present. Out: windows, single interactions, what was removed.
Never here: permissions and HTTP. Interactions outlive their content, as the statistics do.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush

from .interaction import CONTENT_TYPES, RECORDING, SCREEN, TRANSCRIPT, Content, Interaction

Place = tuple[datetime, str]
LONGEST = timedelta(days=1)


def start(interaction: Interaction) -> datetime:
    return interaction.start


def place(interaction: Interaction) -> Place:
    """Where it stands in the account's one order."""
    return interaction.start, interaction.guid


class World:
    def __init__(self, interactions: Iterable[Interaction], late_content: float | None = None) -> None:
        self._ordered = sorted(interactions, key=place)
        self._by_guid = {interaction.guid: interaction for interaction in self._ordered}
        self._by_person: dict[str, list[Interaction]] = defaultdict(list)
        self._coming: list[tuple[datetime, int, str, Content]] = []
        self._expected = 0
        self._late_content = late_content
        for interaction in self._ordered:
            if interaction.person:
                self._by_person[interaction.person].append(interaction)

    def __len__(self) -> int:
        return len(self._ordered)

    def find(self, guid: str) -> Interaction | None:
        return self._by_guid.get(guid.lower())

    def of_person(self, person: str) -> list[Interaction]:
        return self._by_person.get(person, [])

    def add(self, interaction: Interaction) -> None:
        insort(self._ordered, interaction, key=place)
        self._by_guid[interaction.guid] = interaction
        if interaction.person:
            self._by_person[interaction.person].append(interaction)

    def between(
        self, first: datetime, last: datetime, last_included: bool = True, after: Place | None = None
    ) -> Iterator[Interaction]:
        """Walk the interactions that started within a window, without touching the others."""
        low = bisect_left(self._ordered, first, key=start)
        if after is not None:
            low = max(low, bisect_right(self._ordered, after, key=place))
        high = (bisect_right if last_included else bisect_left)(self._ordered, last, key=start)
        return (self._ordered[position] for position in range(low, high))

    def ongoing(self, now: datetime) -> list[Interaction]:
        return [interaction for interaction in self.between(now - LONGEST, now) if interaction.end > now]

    def remove(self, interaction: Interaction, contents: Iterable[Content], now: datetime) -> list[Content]:
        """Delete content for good; a call recording takes its screen recording along."""
        leaving = list(contents)
        if any(content.type == RECORDING for content in leaving):
            leaving += [c for c in interaction.content if c.type == SCREEN and c not in leaving]
            if interaction.awaitsTranscript and self._late_content is not None:
                interaction.awaitsTranscript = False
                due = now + timedelta(seconds=self._late_content)
                self.expect(interaction.guid, Content(TRANSCRIPT, TRANSCRIPT, CONTENT_TYPES[TRANSCRIPT], due), due)
        interaction.content = [content for content in interaction.content if content not in leaving]
        return leaving

    def expect(self, guid: str, content: Content, due: datetime) -> None:
        """Let content arrive later, whatever happens to the rest in the meantime."""
        self._expected += 1
        heappush(self._coming, (due, self._expected, guid, content))

    def settle(self, now: datetime) -> None:
        """Bring in the content that has become due."""
        while self._coming and self._coming[0][0] <= now:
            _, _, guid, content = heappop(self._coming)
            interaction = self._by_guid[guid]
            if interaction.find(content.contentKey) is None:
                interaction.content.append(content)
