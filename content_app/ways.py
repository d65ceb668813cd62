"""Which way to ask a system: for each person alone, or in one pass through the account for all who wait.

In:  who waits at a system, what is still to be read for each, what was learnt of the account.
Out: the calls that each way is expected to take, and which takes fewer.
Never here: a call to an outside system, a row that is written. The choice decides what a search costs, never what it
finds. Where both cost the same, each person is asked for alone: that shows fewer strangers' contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from content_app import belonging, windows
from content_app.connectors.base import Manifest, Query
from content_app.models import Errand, Search, System
from content_app.windows import Window
from requests_app.models import Decision, Request, Scope
from requests_app.states import State

#: Requests that one pass serves at most; whoever waits beyond that has the next. Their identifiers are in memory.
MOST_ABOARD = 500
#: Requests that may be what made a run die: nobody else's is to depend on them.
UNSOUND = (Errand.Attention.POISONED, Errand.Attention.CRASHED)
#: A list that was sent back, or whose approval was taken back, is searched for again.
SENT_BACK = (Decision.Kind.SENT_BACK, Decision.Kind.APPROVAL_WITHDRAWN)


def calls_alone(questions: Sequence[Query], spans: Iterable[Window], manifest: Manifest) -> int:
    """Windows × questions: what asking for one person alone takes, when no answer has a second page."""
    return len(questions) * sum(len(windows.windows(*span, manifest.window)) for span in spans)


def calls_of_a_sweep(system: System, spans: Iterable[Window]) -> int:
    """Pages of every window: what reading all of these spans is expected to take, for however many people."""
    return sum(windows.expected_pages(system.pk, *span) for span in windows.together(spans))


def a_sweep_is_cheaper(system: System, spans: Iterable[Window], alone: Iterable[int]) -> bool:
    """Whether one pass takes fewer calls than the sum of ``alone``, of which no more is drawn than it takes to know."""
    bound, total = calls_of_a_sweep(system, spans), 0
    return any((total := total + calls) > bound for calls in alone)


def alone_for(request: Request, system: System, spans: Iterable[Window], manifest: Manifest) -> int:
    """``calls_alone`` of a request whose identifiers are not open yet."""
    known = belonging.known(request, region=system.region)
    return calls_alone(belonging.questions(known, manifest), spans, manifest)


def history(system: System, *, until: datetime) -> Window:
    """All of an account's history, up to a moment."""
    return until - timedelta(days=system.history_days), until


def may_sweep(request: Request, system: System, questions: Sequence[Query], manifest: Manifest) -> bool:
    """Only where the connector can, and where there is an address to look for."""
    return manifest.sweeps and request.scope != Scope.NAMED_INTERACTIONS and bool(questions)


def fresh_since(request: Request) -> datetime:
    """What was asked of a system before this does not count: the scope's freezing, or the list's last coming back."""
    sent_back = request.decisions.filter(kind__in=SENT_BACK).order_by("-at").values_list("at", flat=True).first()
    return max(filter(None, (request.scope_as_of, sent_back)), default=request.received_at)


#: The same moment, inside a question about the requests of ``eligible``.
SINCE = Greatest(Coalesce(OuterRef("sent_back_at"), OuterRef("scope_as_of")), OuterRef("scope_as_of"))
#: Whoever cannot be what made a run die.
SOUND = ~Exists(Errand.objects.filter(request=OuterRef("pk"), attention__in=UNSOUND))


def eligible() -> QuerySet[Request]:
    """Every request that a pass may serve, the longest waiting first."""
    sent_back = Decision.objects.filter(request=OuterRef("pk"), kind__in=SENT_BACK).order_by("-at").values("at")[:1]
    live = Request.objects.filter(
        state=State.VALIDATED, origin=Request.Origin.LIVE, subject__forgotten_at__isnull=True, scope_as_of__isnull=False
    ).exclude(scope=Scope.NAMED_INTERACTIONS)
    return live.annotate(sent_back_at=Subquery(sent_back)).select_related("subject").order_by("received_at", "pk")


def waiting(system: System) -> QuerySet[Request]:
    """Who waits for a search of this system that has not begun, the longest first: those a pass would serve too."""
    fresh = Search.objects.filter(
        Q(finished_at__isnull=True) | Q(started_at__gte=SINCE), request=OuterRef("pk"), system=system
    )
    return eligible().filter(~Exists(fresh), SOUND)
