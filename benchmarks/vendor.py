"""A contact centre that answers at once, for measuring: ``python -m benchmarks.vendor --subjects 1 --each 1000 …``.

In:  how many interactions, how long an answer takes, whether the vendor's limits hold and how fast its minutes pass.
Out: the Interaction Content API as far as the connector uses it, on 127.0.0.1, and ``GET /figures``.
Never here: the sandbox's care. It is as fast as a server in Python can be, so that what is measured is the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from bisect import bisect_left
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: The vendor's limits a minute, for batches and for every other call.
A_MINUTE = {"batch": 16, "call": 160}
PAGE = 1000
_COMPANY = "+442079460000"


def number(subject: int) -> str:
    """The telephone number of an invented subject, from a range that is kept for drama."""
    return f"+4477009{subject:05}"


class World:
    """Interactions in the order in which they began, and what each still holds."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        dice = random.Random(1)
        now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        people = [number(subject) for subject in range(chosen.subjects) for _ in range(chosen.each)]
        people += [f"+441614960{dice.randrange(1000):03}" for _ in range(chosen.strangers)]
        seconds = chosen.days * 86_400
        places = sorted((dice.random() * seconds, dice.random(), who) for who in people)
        self.starts: list[str] = []
        self.guids: list[str] = []
        self.addresses: list[str] = []
        self.place: dict[str, int] = {}
        for ago, _, who in reversed(places):
            guid = str(uuid.UUID(int=dice.getrandbits(128), version=4))
            self.place[guid] = len(self.guids)
            self.starts.append((now - timedelta(seconds=int(ago))).isoformat(timespec="milliseconds")[:-6] + "Z")
            self.guids.append(guid)
            self.addresses.append(who)
        self.held = bytearray([1]) * len(self.guids)
        self.by_address: dict[str, list[int]] = {}
        for place, who in enumerate(self.addresses):
            self.by_address.setdefault(who, []).append(place)

    def interaction(self, place: int) -> dict[str, Any]:
        return {
            "guid": self.guids[place], "start": self.starts[place], "connectFrom": self.addresses[place],
            "connectTo": _COMPANY, "direction": "inbound", "handlingAgents": [{"id": "1342"}],
            "content": [{
                "contentKey": "callRecording", "type": "callRecording", "contentType": "audio/wav",
                "contentLength": 1000,                "lastModified": self.starts[place],
            }],
        }  # fmt: skip

    def search(self, asked: dict[str, str]) -> dict[str, Any]:
        first = bisect_left(self.starts, asked["start"])
        last = bisect_left(self.starts, asked["end"] + "~")
        found: list[int] | range = range(first, last)
        if prefix := asked.get("connectFrom"):
            found = sorted(
                place for who, places in self.by_address.items() if who.startswith(prefix)
                for place in places if first <= place < last
            )  # fmt: skip
        elif "connectTo" in asked and not _COMPANY.startswith(asked["connectTo"]):
            found = []
        after = int(asked.get("continuationToken", -1))
        shown = []
        for place in found:
            if place > after and self.held[place]:
                shown.append(place)
                if len(shown) > PAGE:
                    break
        more = str(shown[PAGE - 1]) if len(shown) > PAGE else None
        items = [self.interaction(place) for place in shown[:PAGE]]
        return {"items": items, "meta": {"nextContinuationToken": more}}


class Vendor:
    """One account. ``figures`` is what happened so far."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.world = World(chosen)
        self.latency, self.limited, self.minute = chosen.latency_ms / 1000, chosen.limited, 60 / chosen.speed
        self.spent: dict[str, deque[float]] = {kind: deque() for kind in A_MINUTE}
        self.flying = 0
        self.reset()

    def reset(self) -> None:
        self.calls: Counter[str] = Counter()
        self.deletes: Counter[str] = Counter()
        self.most, self.refused = 0, 0
        self.first = self.last = 0.0

    def figures(self) -> dict[str, Any]:
        return {
            "calls": dict(self.calls), "left": sum(self.world.held), "most_at_once": self.most, "refused": self.refused,
            "deleted": len(self.deletes), "twice": sum(times - 1 for times in self.deletes.values()),
            "seconds": self.last - self.first,
        }  # fmt: skip

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        path, asked = parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/figures":
            return 200, self.figures()
        if path == "/reset":
            self.reset()
            return 200, {}
        if path == "/settings":
            self.latency = float(asked.get("latency_ms", self.latency * 1000)) / 1000
            return 200, {}
        if path == "/guids":
            return 200, [guid for guid, held in zip(self.world.guids, self.world.held, strict=True) if held]
        kind = "batch" if path.endswith("/delete-batch") else "call"
        now = time.monotonic()
        self.first = self.first or now
        if path != "/Auth/connect/token" and self.limited and not self._spend(kind, now):
            self.refused += 1
            return 429, {"message": "Too Many Requests"}
        self.calls["token" if path == "/Auth/connect/token" else f"{method} {kind}"] += 1
        deletes = kind == "batch" or method == "DELETE"
        self.flying += deletes
        self.most = max(self.most, self.flying)
        if self.latency:
            await asyncio.sleep(self.latency)
        self.flying -= deletes
        try:
            return self._carried_out(method, path, asked, body)
        finally:
            self.last = time.monotonic()

    def _spend(self, kind: str, now: float) -> bool:
        spent = self.spent[kind]
        while spent and now - spent[0] >= self.minute:
            spent.popleft()
        if len(spent) >= A_MINUTE[kind]:
            return False
        spent.append(now)
        return True

    def _carried_out(self, method: str, path: str, asked: dict[str, str], body: bytes) -> tuple[int, Any]:
        world = self.world
        if path == "/Auth/connect/token":
            return 200, {"access_token": "benchmark", "expires_in": 7200, "token_type": "Bearer"}
        if path == "/interaction-content/interactions":
            return 200, world.search(asked)
        if path.endswith("/delete-batch"):
            for guid in json.loads(body)["guids"]:
                self._delete(guid)
            return 200, {"failures": []}
        guid = path.split("/")[3]
        place = world.place.get(guid)
        if place is None or not world.held[place]:
            return 404, {"message": "Interaction not found"}
        if method == "DELETE":
            self._delete(guid)
            return 204, None
        return 200, world.interaction(place)

    def _delete(self, guid: str) -> None:
        self.deletes[guid] += 1
        self.world.held[self.world.place[guid]] = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                length = next((int(line[15:]) for line in lines if line[:15].lower() == "content-length:"), 0)
                body = await reader.readexactly(length) if length else b""
                status, said = await self.answer(method, target, body)
                data = b"" if said is None else json.dumps(said).encode()
                kind = "" if said is None else "content-type: application/json\r\n"
                size = "" if status == 204 else f"content-length: {len(data)}\r\n"
                writer.write(f"HTTP/1.1 {status} .\r\n{kind}{size}\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--subjects", type=int, default=1)
    add("--each", type=int, default=1000, help="interactions of each subject")
    add("--strangers", type=int, default=0, help="interactions of others")
    add("--days", type=float, default=365)
    add("--latency-ms", type=float, default=0)
    add("--limited", action="store_true", help="160 calls and 16 batches a minute")
    add("--speed", type=float, default=1, help="how fast its minutes pass")
    return parser


async def main(chosen: argparse.Namespace) -> None:
    vendor = Vendor(chosen)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0, limit=1 << 20)
    sys.stdout.write(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(options().parse_args()))
    except KeyboardInterrupt:
        sys.exit(0)
