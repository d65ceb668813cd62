"""What is different on a list from the one before it.

In:  a list that supersedes another.
Out: what came, what went, and what is to be treated differently, in words.
Never here: rows. A difference of thousands is still three sentences and a few examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from content_app.admin import words
from content_app.models import Item, Plan

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference; each part is a phrase, empty when there is none."""

    version: int
    added: str
    removed: str
    spared: str
    condemned: str

    @property
    def none(self) -> bool:
        return not (self.added or self.removed or self.spared or self.condemned)


def since_last(plan: Plan) -> Changes | None:
    """``None`` for a first list, and for a supplementary one: that holds only what turned up."""
    if plan.supersedes is None or plan.kind == Plan.Kind.SUPPLEMENTARY:
        return None
    before, now = _actions(plan.supersedes), _actions(plan)
    both = before.keys() & now.keys()
    return Changes(
        version=plan.supersedes.version,
        added=_phrase(now.keys() - before.keys()),
        removed=_phrase(before.keys() - now.keys()),
        spared=_phrase(place for place in both if before[place] and not now[place]),
        condemned=_phrase(place for place in both if now[place] and not before[place]),
    )


def _actions(plan: Plan) -> dict[Place, bool]:
    """(interaction, key, class) → whether it is to go."""
    rows = plan.items.order_by().values_list("external_id", "content_key", "content_class", "action")
    return {(one, key, name): action != Item.Action.KEEP for one, key, name, action in rows}


def _phrase(places: Iterable[Place]) -> str:
    return words.in_words(Counter(name for _, _, name in places).most_common())
