"""Lists that open as quickly with a million rows as with a thousand.

In:  a queryset in the order of a moment and an id, newest first.
Out: a count that stops at a thousand, pages by number up to there, and a way on to what is older.
Never here: a count of everything, or rows that are read only to be passed over.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

#: As far as anybody counts: twenty pages of fifty. Who needs more narrows the list down, or exports it.
CAP = 1000
#: Where a list goes on: the id of the row before.
OLDER = "older"


def count_up_to(rows: QuerySet[Any], cap: int = CAP) -> int:
    """How many there are; ``cap + 1`` where there are more than ``cap``, which are not looked at."""
    return rows.order_by()[: cap + 1].count()


class CappedPaginator(Paginator):
    """Counts up to ``CAP``. ``more`` when there are further rows behind its last page."""

    @cached_property
    def _found(self) -> int:
        return count_up_to(self.object_list)  # type: ignore[arg-type]  # the admin hands it a queryset

    @cached_property
    def count(self) -> int:
        return min(self._found, CAP)

    @property
    def more(self) -> bool:
        return self._found > CAP


def after(rows: QuerySet[Any], moment: str, last: Any) -> QuerySet[Any]:
    """The rows that follow ``last`` in a list with the newest first: earlier, or at the same moment with a lower id.

    The first condition says nothing that the second does not say, but an index finds its place by it.
    """
    at = getattr(last, moment)
    return rows.filter(Q(**{f"{moment}__lte": at}), Q(**{f"{moment}__lt": at}) | Q(pk__lt=last.pk))


class Older(admin.SimpleListFilter):
    """Shown once somebody went on behind the thousandth row, with a way back to the newest."""

    title = "older than"
    parameter_name = OLDER
    moment = "received_at"

    _last: Any = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self._last = _row(model_admin.model, self.value())
        if self._last is None:
            return []
        at = timezone.localtime(getattr(self._last, self.moment))
        return [(str(self._last.pk), f"{at:%-d %b %Y, %H:%M}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return after(queryset, self.moment, self._last) if self._last is not None else queryset


def older_than(moment: str) -> type[Older]:
    """The filter for a list in the order of this column."""
    return type("Older", (Older,), {"moment": moment})


def _row(model: Any, text: str | None) -> Any:
    try:
        return model._default_manager.filter(pk=UUID(text)).first() if text else None
    except ValueError:
        return None


class PagedList(ChangeList):
    """Django's list, which also knows where it goes on behind its last page."""

    @cached_property
    def goes_on(self) -> str:
        """The query of the next thousand; empty where none follow, or where the list is in another order."""
        keyed = any(isinstance(one, type) and issubclass(one, Older) for one in self.list_filter)
        if not (keyed and self.paginator.more) or "o" in self.params:
            return ""
        last = self.queryset.values_list("pk", flat=True)[CAP - 1]
        return self.get_query_string({OLDER: str(last)})
