"""A caller of the sandbox, over ASGI, as any client of the documented API would call."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from content_app.sandbox.app import create_app
from content_app.sandbox.clock import iso
from content_app.sandbox.settings import Settings

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
V3, V2 = "application/vnd.newvoicemedia.v3+json", "application/vnd.newvoicemedia.v2+json"
EVERYTHING = "interaction-content:read interaction-content:delete stats"
ICS = "/interaction-content/interactions"
BATCH = f"{ICS}/delete-batch"


class Centre:
    def __init__(self, **knobs: Any) -> None:
        chosen: dict[str, Any] = {"now": NOW, "interactions": 600, "subjects": 4, "days": 60, "batch_seconds": 0}
        self.app = create_app(Settings(**(chosen | knobs)))
        self.tokens: dict[str, str] = {}

    def send_all(self, *calls: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Send several calls at once."""

        async def together() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
                return await asyncio.gather(*(client.request(method, path, **rest) for method, path, rest in calls))

        return asyncio.run(together())

    def send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        return self.send_all((method, path, rest))[0]

    def ask_token(self, client: str = "sandbox-admin", scope: str = EVERYTHING, **more: Any) -> httpx.Response:
        form = {"grant_type": "client_credentials", "scope": scope} | more
        return self.send("POST", "/Auth/connect/token", data=form, auth=(client, f"{client}-secret"))

    def headers(self, client: str = "sandbox-admin", accept: str = V3) -> dict[str, str]:
        if client not in self.tokens:
            scope = "interaction-content:read" if client == "sandbox-supervisor" else EVERYTHING
            self.tokens[client] = self.ask_token(client, scope).json()["access_token"]
        return {"Authorization": f"Bearer {self.tokens[client]}", "Accept": accept}

    def call(self, method: str, path: str, client: str = "sandbox-admin", accept: str = V3, **rest: Any) -> Any:
        headers = self.headers(client, accept) | rest.pop("headers", {})
        return self.send(method, path, headers=headers, **rest)

    def search(self, client: str = "sandbox-admin", accept: str = V3, **query: Any) -> httpx.Response:
        window = {"start": iso(NOW - timedelta(days=7)), "end": iso(NOW), "limit": 1000}
        return self.call("GET", ICS, client, accept, params=window | query)

    def sweep(self, client: str = "sandbox-admin", **query: Any) -> list[dict[str, Any]]:
        """Search the account's sixty days, window by window, page by page."""
        found: dict[str, dict[str, Any]] = {}
        for back in range(0, 63, 7):
            window = {"start": iso(NOW - timedelta(days=back + 7)), "end": iso(NOW - timedelta(days=back))}
            token: dict[str, str] = {}
            while True:
                answer = self.search(client, **(window | query | token)).json()
                found |= {item["guid"]: item for item in answer["items"]}
                if answer["meta"]["nextContinuationToken"] is None:
                    break
                token = {"continuationToken": answer["meta"]["nextContinuationToken"]}
        return list(found.values())

    def batch(self, *guids: str, client: str = "sandbox-admin") -> httpx.Response:
        return self.call("POST", BATCH, client, json={"guids": list(guids)})

    def control(self, method: str, path: str, **rest: Any) -> Any:
        return self.send(method, f"/sandbox/{path}", **rest).json()

    def subjects(self) -> list[dict[str, Any]]:
        return self.control("GET", "subjects")["subjects"]

    def remaining(self, guid: str) -> list[str]:
        return self.control("GET", "remaining", params={"guid": guid})["remaining"][guid]

    def log(self) -> list[dict[str, Any]]:
        return self.control("GET", "log")["calls"]

    def rich_call(self, subject: int = 0) -> dict[str, Any]:
        """A subject's call with a recording, a screen recording and a transcript."""
        wanted = {"callRecording", "screenRecording", "transcript"}
        theirs = self.subjects()[subject]["interactions"]
        return next(one for one in theirs if wanted <= set(one["content"].values()))
