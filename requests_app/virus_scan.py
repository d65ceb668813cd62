"""Asks a ClamAV daemon about a file. What it does not call clean is not accepted.

In:  bytes as they came, and ``PORTAL_CLAMD``: the path of a Unix socket, or host:port. Empty: nothing is asked.
Out: nothing, or ``Refused``.
Never here: a file that passes because nobody answered, or the name of what was found.

The protocol is clamd's ``INSTREAM`` (clamd(8)): chunks with their length before them, and one line for an answer.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

from django.conf import settings

from requests_app.errors import Refused

#: Seconds for the whole conversation.
SECONDS = 30.0
_CHUNK = 1 << 16
_LONGEST_ANSWER = 4096
_CLEAN = b"stream: OK"
#: What clamd "finds" when it could not look at everything (``AlertExceedsMax``, ``AlertEncrypted``).
_NOT_SEEN = (b"stream: Heuristics.Limits.", b"stream: Heuristics.Encrypted.")

_MESSAGES = {
    "infected": "The virus scanner found something harmful in the file. Do not open it, and tell your administrator.",
    "unscannable": "The virus scanner cannot see all of the file: scan or photograph the document again.",
    "unscanned": "The virus scanner does not answer, so nothing is accepted. Try again later, or ask an administrator.",
}


def scan(data: bytes) -> None:
    """Raise ``Refused`` unless the daemon says that the file is clean, or no daemon is configured."""
    if settings.PORTAL_CLAMD:
        judge(ask(b"zINSTREAM\0", data))


def judge(answer: bytes) -> None:
    """Anything but the one good answer refuses."""
    if answer == _CLEAN:
        return
    if not (answer.startswith(b"stream: ") and answer.endswith(b" FOUND")):
        raise _refused("unscanned")
    raise _refused("unscannable" if answer.startswith(_NOT_SEEN) else "infected")


def ask(command: bytes, data: bytes | None = None) -> bytes:
    """One command to the daemon, with a stream where there is one; its answer, or nothing when it fails to answer."""
    until = time.monotonic() + SECONDS
    try:
        with _reach(settings.PORTAL_CLAMD) as line:
            with suppress(BrokenPipeError, ConnectionResetError):  # it has stopped listening, and may say why
                _send(line, command, data, until=until)
            return _read(line, until=until)
    except (OSError, ValueError, OverflowError):
        return b""


def _refused(code: str) -> Refused:
    return Refused(f"evidence_{code}", _MESSAGES[code])


def _reach(place: str) -> socket.socket:
    if "/" in place:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(SECONDS)
        try:
            line.connect(place)
        except OSError:
            line.close()
            raise
        return line
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)


def _send(line: socket.socket, command: bytes, data: bytes | None, *, until: float) -> None:
    line.sendall(command)
    if data is None:
        return
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        line.settimeout(_left(until))
        line.sendall(struct.pack(">I", len(chunk)) + chunk)
    line.sendall(struct.pack(">I", 0))


def _read(line: socket.socket, *, until: float) -> bytes:
    """Up to the NUL that ends an answer. One that breaks off before is none."""
    answer = b""
    while not answer.endswith(b"\0"):
        line.settimeout(_left(until))
        part = line.recv(_LONGEST_ANSWER)
        answer += part
        if not part or len(answer) > _LONGEST_ANSWER:
            return b""
    return answer[:-1]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
