"""The wire between a caller and the vendor's API: latency, trouble, and the record of both.

In: every HTTP request. Out: the honest answer, or what became of it on the way.
Never here: the control plane's own calls, which pass untouched and unrecorded.
"""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .account import Account
from .clock import iso
from .faults import INSTEAD, Fault

CONTROL = "/sandbox/"


@dataclass(slots=True)
class Answer:
    """One whole answer, held back until its fate is known."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def give(self, send: Send, body: bytes, complete: bool = True) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": body, "more_body": not complete})

    def label(self, name: bytes, value: bytes) -> None:
        self.headers = [(n, value if n.lower() == name else v) for n, v in self.headers]


class Wire:
    def __init__(self, app: ASGIApp, account: Account) -> None:
        self.app, self.account = app, account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        entry = self.account.log.open(iso(self.account.now()), method, path, query)
        scope.setdefault("state", {})["entry"] = entry
        await asyncio.sleep(self.account.settings.latency_ms / 1000)
        fault = self.account.faults.next(method, path)
        entry.fault = fault.kind if fault else ""
        try:
            answer = await self._answer(fault, scope, receive)
        except ClientDisconnect:  # the caller died in the middle of its request: there is nobody to answer
            return
        finally:
            entry.end()
        entry.status = answer.status
        if "route" in scope:
            entry.path = scope["route"].path
        await deliver(answer, fault, send)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive) -> Answer:
        """Carry the call out unless the fault comes instead of it."""
        answer, app = Answer(), self.app
        if fault and fault.kind in (*INSTEAD, "status"):
            app = instead(fault)
        await app(scope, receive, answer.take)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "lost":
            answer = Answer()
            await JSONResponse({"message": "Gateway Timeout"}, 504)(scope, receive, answer.take)
        return answer


def instead(fault: Fault) -> Response:
    if fault.kind == "status":
        headers = {"Retry-After": fault.retryAfter} if fault.retryAfter else None
        return JSONResponse({"message": "Planned by the sandbox"}, fault.status, headers)
    status, media_type, body = INSTEAD[fault.kind]
    return Response(body, status, {"Content-Type": media_type})


async def deliver(answer: Answer, fault: Fault | None, send: Send) -> None:
    half = answer.body[: len(answer.body) // 2]
    match fault.kind if fault else "":
        case "wrong-type":
            answer.label(b"content-type", b"text/plain")
            await answer.give(send, answer.body)
        case "short":
            answer.label(b"content-length", str(len(half)).encode())
            await answer.give(send, half)
        case "truncate":
            await answer.give(send, half, complete=False)
        case _:
            await answer.give(send, answer.body)
