"""Searches for many at once at a running sandbox: ``python -m benchmarks.planning_figures URL DAYS ALONE``.

In:  a migrated, empty database and the credentials in the environment; a sandbox that nobody has asked anything yet.
Out: one JSON object on standard output.
Never here: a table for people. ``benchmarks.planning`` starts this, and writes it down.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import django

django.setup()

import httpx  # noqa: E402

from content_app import discovery, pipeline, systems, windows  # noqa: E402
from content_app.models import Candidate, Search, Sweep, System  # noqa: E402
from requests_app.models import Request  # noqa: E402
from tests import factories, story  # noqa: E402

KINDS = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}


class Sandbox:
    """Its own word on what was asked of it, and whose contacts it holds."""

    def __init__(self, url: str) -> None:
        self._control = httpx.Client(base_url=f"{url}/sandbox", timeout=60, trust_env=False)
        self._seen = 0

    def calls(self) -> list[dict[str, Any]]:
        """The calls since this was last asked."""
        told = self._control.get("/log", params={"after": self._seen}).raise_for_status().json()["calls"]
        self._seen = told[-1]["number"] if told else self._seen
        return told

    def subjects(self) -> list[dict[str, Any]]:
        return self._control.get("/subjects").raise_for_status().json()["subjects"]


def waiting(subjects: list[dict[str, Any]]) -> dict[str, Request]:
    """A validated request for each person, by the identifiers that they would give: person's id → request."""
    staff, validator = factories.person("sam.staff", "staff"), factories.person("vera.validator", "staff")
    return {
        one["id"]: story.validated(
            staff, validator, name=one["name"],
            identifiers=[(KINDS[each["kind"]], each["formats"][0]) for each in one["identifiers"]],
        )
        for one in subjects
    }  # fmt: skip


def search_for_all(requests: list[Request], sandbox: Sandbox) -> dict[str, Any]:
    """As the workers do it: one run after the other, whose turn it is."""
    sandbox.calls()
    began, runs, calls = time.monotonic(), 0, []
    left = list(requests)
    while left:
        for request in left:
            pipeline.advance(request.pk)
            made = sandbox.calls()
            calls += made
            runs += bool(made)
        left = [request for request in left if not discovery.is_finished(request)]
    pages = [call for call in calls if call["path"].endswith("/interactions")]
    return {
        "calls": len(calls), "pages": len(pages), "runs": runs, "seconds": time.monotonic() - began,
        "expected": sum(Sweep.objects.values_list("calls_expected", flat=True)),
    }  # fmt: skip


def count(system: System) -> dict[str, int]:
    """The pages of one pass, counted window by window."""
    cut = [window for sweep in Sweep.objects.all() for window in windows.unpacked(sweep.windows)]
    held = []
    with systems.connected(system) as connector:
        for start, end in cut:
            token, seen = None, set()
            while True:
                page = connector.find(None, start=start, end=end, token=token)
                seen |= {one.external_id for one in page.interactions}
                token = page.next_token
                if token is None:
                    break
            held.append(len(seen))
    size = connector.manifest.page_size
    return {"bound": sum(max(1, math.ceil(n / size)) for n in held), "windows": len(cut), "interactions": sum(held)}


def found(request: Request) -> set[tuple[Any, ...]]:
    columns = ("external_id", "content_key", "doubt", "included", "link", "kind")
    return set(Candidate.objects.filter(request=request).values_list(*columns))


def each_alone(requests: list[Request], sandbox: Sandbox) -> dict[str, Any]:
    """The same once more, in an account that is said to be far too busy to be read as a whole."""
    before = [found(request) for request in requests]
    Candidate.objects.all().delete()
    Search.objects.all().delete()
    Sweep.objects.all().delete()
    System.objects.get().day_counts.update(interactions=10**6)
    sandbox.calls()
    calls = 0
    for request in requests:
        while not discovery.search(request.pk, budget=1000, beat=lambda: None):
            pass
        calls += len(sandbox.calls())
    same = [found(request) for request in requests] == before
    return {"requests": len(requests), "calls": calls, "same": same}


def main(url: str, days: str, alone: str) -> None:
    system = System.objects.create(
        name="Contact centre", kind="vcc", credential="BENCH", gateway_url=url, auth_url=url, history_days=int(days),
        region="GB",
    )  # fmt: skip
    sandbox = Sandbox(url)
    subjects = sandbox.subjects()
    requests = waiting(subjects)
    sweep = search_for_all([*requests.values()], sandbox)
    theirs = {(requests[one["id"]].pk, guid) for one in subjects for guid in one["guidsWithContent"]}
    got = set(Candidate.objects.values_list("request", "external_id"))
    told = count(system) | {
        "requests": len(requests), "sweep": sweep, "theirs": len(theirs), "found": len(theirs & got),
        "missed": len(theirs - got),
        "strangers": len(set(Candidate.objects.filter(included=True).values_list("request", "external_id")) - theirs),
    }  # fmt: skip
    told["alone"] = each_alone([*requests.values()][: int(alone)], sandbox)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
