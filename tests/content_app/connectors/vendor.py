"""An account at two hosts that do not exist, a gate that remembers, and what the vendor would answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from content_app.connectors.base import Account, Purpose

GATEWAY = "https://gateway.example"
AUTH = "https://auth.example"
TOKEN_URL = f"{AUTH}/Auth/connect/token"
INTERACTIONS = f"{GATEWAY}/interaction-content/interactions"
SECRET = "s3cr3t-of-the-account"
PERSON = "+447911123456"
GUID = "2480fc2c-bbd7-427c-9439-02f76583aef5"

ACCOUNT = Account(
    name="emea",
    gateway_url=GATEWAY,
    auth_url=AUTH,
    client_id="id-of-the-account",
    client_secret=SECRET,
    read_only=False,
    deadline=5.0,
)


class Ledger:
    """A gate that writes down who passed, and whether one entered while another was inside."""

    def __init__(self) -> None:
        self.passed: list[Purpose] = []
        self.errors: list[BaseException] = []
        self.inside = 0
        self.nested = False

    @contextmanager
    def __call__(self, purpose: Purpose) -> Iterator[None]:
        self.nested = self.nested or self.inside > 0
        self.inside += 1
        self.passed.append(purpose)
        try:
            yield
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.inside -= 1


def grant(token: str = "t0ken-1", **changes: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "expires_in": 7200, "token_type": "Bearer"} | changes)


def content(**changes: Any) -> dict[str, Any]:
    return {
        "contentKey": "callRecording",
        "type": "callRecording",
        "contentType": "audio/wav",
        "contentLength": 359,
        "lastModified": "2020-02-16T14:19:35Z",
        "properties": {},
    } | changes


def interaction(**changes: Any) -> dict[str, Any]:
    return {
        "guid": GUID,
        "start": "2020-02-16T14:11:56Z",
        "connectFrom": PERSON,
        "connectTo": "22222",
        "direction": "inbound",
        "handlingAgents": [{"id": "1342"}],
        "content": [content()],
    } | changes


def page(*items: Any, token: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "meta": {"nextContinuationToken": token}}
