"""``/metrics``: the operators' figures for Prometheus.

In:  a scrape with the token of ``PORTAL_METRICS_TOKEN``.
Out: the text format of Prometheus, from a dozen grouped queries.
Never here: personal data, a label that grows with the number of requests, people or processes, a figure kept in this
process: whichever web process is asked, the database answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from content_app import operations
from content_app.heartbeats import Condition, Part
from content_app.models import Breaker, Errand
from requests_app.states import OPEN


@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """404 without the setting, 401 without its token."""
    token = settings.PORTAL_METRICS_TOKEN
    if not token:
        raise Http404("PORTAL_METRICS_TOKEN is not set.")
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(shown.strip(), token):
        answer = HttpResponse("Send the token of PORTAL_METRICS_TOKEN: Authorization: Bearer …\n", status=401)
        answer["WWW-Authenticate"] = 'Bearer realm="metrics"'
        answer["Content-Type"] = "text/plain; charset=utf-8"
        return answer
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Portal())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Portal(Collector):
    """The figures of one moment."""

    def collect(self) -> Iterator[Metric]:
        figures = operations.figures()
        yield from _machinery(figures)
        yield from _requests(figures)
        yield from _accounts(figures)
        yield _gauge("ledger_waiting_entries", "Ledger entries without a number yet.", figures.unnumbered)
        fault = int(bool(figures.ledger_fault))
        yield _gauge("ledger_fault", "1 while the ledger does not fit what was published.", fault)


def _gauge(name: str, help_: str, value: float | None = None, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"gdpr_portal_{name}", help_, value=value, labels=labels or None)


def _machinery(figures: operations.Figures) -> Iterator[Metric]:
    yield _gauge("queue_waiting_messages", "Messages that no cluster has taken yet.", figures.queue.waiting)
    yield _gauge("queue_taken_messages", "Messages that a cluster has taken and not finished.", figures.queue.taken)
    yield _gauge("queue_oldest_seconds", "How long the oldest message has waited.", figures.oldest_seconds)
    found = Counter((sign.part, sign.condition) for sign in figures.signs)
    parts = _gauge("parts", "Clusters and loops by their condition.", labels=("part", "condition"))
    for part in Part:
        for condition in Condition:
            parts.add_metric([part.value, condition.value], found[part, condition])
    yield parts


def _requests(figures: operations.Figures) -> Iterator[Metric]:
    states = _gauge("open_requests", "Open requests by state.", labels=("state",))
    for state in OPEN:
        states.add_metric([state.value], figures.states.get(state, 0))
    yield states
    attentions = _gauge("requests_waiting", "Requests that wait for a person or are held up.", labels=("why",))
    for attention in filter(None, Errand.Attention.values):
        attentions.add_metric([attention], figures.attentions.get(attention, 0))
    yield attentions
    yield _gauge("requests_at_work", "Requests that a worker is at.", sum(figures.at_work.values()))


def _accounts(figures: operations.Figures) -> Iterator[Metric]:
    """Labelled by the system's name: there are as many as an administrator has connected."""
    turns = CounterMetricFamily("gdpr_portal_turns", "Calls and batches sent.", labels=("system", "kind"))
    taken = _gauge("turns_last_minute", "Turns taken in the last minute.", labels=("system", "kind"))
    allowed = _gauge("turns_allowed_per_minute", "Turns allowed a minute.", labels=("system", "kind"))
    flying = _gauge("deletes_in_flight", "Deletes in flight.", labels=("system",))
    breaker = _gauge("breaker", "1 for the position of the circuit breaker.", labels=("system", "position"))
    stopped = _gauge("system_stopped", "1 while the emergency stop is set.", labels=("system",))
    shadow = _gauge("system_shadow", "1 while nothing can be deleted there.", labels=("system",))
    failed = _gauge("failures", "Items that failed lately.", labels=("system", "within"))
    for account in figures.accounts:
        name = account.system.name
        for kind, budget in (("call", account.calls), ("batch", account.batches)):
            turns.add_metric([name, kind], budget.ever)
            taken.add_metric([name, kind], budget.taken)
            allowed.add_metric([name, kind], budget.allowed)
        flying.add_metric([name], account.in_flight)
        stopped.add_metric([name], int(account.system.stopped))
        shadow.add_metric([name], int(account.system.shadow))
        failed.add_metric([name, "hour"], account.failed_hour)
        failed.add_metric([name, "day"], account.failed_day)
        for position in Breaker.Position.values:
            breaker.add_metric([name, position], int(account.position == position))
    yield from (turns, taken, allowed, flying, breaker, stopped, shadow, failed)
