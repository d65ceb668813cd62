"""A witness: a stranger's machine that signs a checkpoint when the log has only grown (C2SP ``tlog-witness``).

In:  the size it saw last, what shows that the log grew from there, the checkpoint.
Out: its signature lines, or the size it really saw last.
Never here: whether a signature holds. Whoever keeps it checks it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from content_app.connectors.base import Purpose
from content_app.connectors.http import Http, malformed

_DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness said: signature ``lines``, or with none of them the ``size`` that it saw last."""

    lines: str
    size: int


@contextmanager
def _open(purpose: Purpose) -> Iterator[None]:
    """A witness has no limits that are ours to keep."""
    yield


def cosign(url: str, *, old: int, proof: Sequence[bytes], note: str) -> Answer:
    """Ask a witness to sign ``note``. Raises ``ConnectorError``; a fork is its ``rejected``."""
    http = Http(_open, deadline=_DEADLINE)
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", note]
    try:
        answer = http.call(
            "POST", url=f"{url.rstrip('/')}/add-checkpoint", purpose="read", expect=(200, 409),
            headers={"content-type": "text/plain; charset=utf-8"}, text="\n".join(lines),
        )  # fmt: skip
    finally:
        http.close()
    try:
        said = answer.body.decode()
        return Answer(said, old) if answer.status == 200 else Answer("", int(said))
    except ValueError:
        raise malformed(answer.status) from None
