"""The sandbox's control plane, for the demo's story: who there is to ask for, and content that turns up later.

In:  the address of a sandbox.
Out: invented people as a caller would describe themselves, and small changes to their invented world.
Never here: anything that a deployment would use. The portal itself knows no control plane.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

#: What the sandbox calls an address → what intake calls it.
_KINDS = {"mobile": "phone", "landline": "phone", "email": "email", "handle": "handle"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented: a name, one spelling of each identifier, and the contacts that still hold content."""

    name: str
    identifiers: tuple[tuple[str, str], ...]
    contacts: tuple[str, ...]

    @property
    def phone(self) -> tuple[str, str]:
        return self.identifiers[0]

    @property
    def email(self) -> str:
        return next(value for kind, value in self.identifiers if kind == "email")


def people_of(address: str) -> list[Person]:
    """Everybody in the sandbox there whom a request can be about, always in the same order."""
    return [_person(subject) for subject in _call(address, "GET", "/sandbox/subjects")["subjects"]]


def _person(subject: dict[str, Any]) -> Person:
    identifiers = tuple((_KINDS[one["kind"]], one["formats"][0]) for one in subject["identifiers"])
    return Person(subject["name"], identifiers, tuple(subject["guidsWithContent"]))


def add_late_content(address: str, *, guid: str, content_type: str) -> None:
    """Let one file turn up at a contact now, as an analysis that took its time does."""
    _call(address, "POST", "/sandbox/late-content", {"guid": guid, "type": content_type})


def _call(address: str, method: str, path: str, order: dict[str, Any] | None = None) -> Any:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        connection.request(method, path, json.dumps(order) if order else None)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"The sandbox answered {answer.status} to {method} {path}.")
        return json.loads(body)
    finally:
        connection.close()
