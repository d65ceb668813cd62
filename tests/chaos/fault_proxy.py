"""A line to a contact centre on which things go wrong: a proxy between a connector and the sandbox.

In:  the sandbox's address; a fault, the verb that it befalls, and how often.
Out: an address to connect to, and a journal of every call: what it was, what befell it, whether the vendor saw it, what
     the connector made of it.
Never here: a change of the portal's code, or of a good answer. What the vendor answers is passed on byte by byte.

The caller's side says before each call which verb it is (``Line.expect``), so that a port can refuse a connection
before anything of the call is known to it. Several calls may be under way: a header that the vendor never sees says
which is which.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

VERBS = ("token", "search", "get", "statistics", "delete one", "batch")
#: Verbs that change something at the vendor.
SENDS = ("delete one", "batch")
#: Seconds for a call that is to run out of them, and for any other: a slow machine is no fault.
SHORT, LONG = 0.25, 60.0
#: Seconds of a pause that the vendor asks for.
PAUSE = 40
_NUMBER = "x-line-number"


@dataclass(slots=True)
class Entry:
    """One call."""

    verb: str
    ids: tuple[str, ...]
    fault: str = ""
    #: The vendor got it whole, and answered it.
    delivered: bool = False
    #: What the connector made of it: ``ok``, or the code of its error.
    outcome: str = ""
    #: How many calls to delete were under way, this one included, when it began.
    beside: int = 0
    #: The line is done with it.
    over: threading.Event = field(default_factory=threading.Event, repr=False)


@dataclass(slots=True)
class Call:
    """One call as the proxy sees it."""

    line: Line
    entry: Entry
    client: socket.socket
    request: bytes

    def deliver(self) -> bytes:
        """Let the vendor have it; its whole answer."""
        with socket.create_connection(self.line.vendor, timeout=LONG) as vendor:
            vendor.sendall(self.request)
            answer = b"".join(iter(lambda: vendor.recv(1 << 16), b""))
        self.entry.delivered = True
        return answer

    def say(self, data: bytes) -> bool:
        """``False`` when the caller has hung up meanwhile."""
        try:
            self.client.sendall(data)
        except OSError:
            return False
        return True

    def answer(self, status: str, *headers: str, body: bytes = b"", length: int | None = None) -> None:
        told = [f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}", *headers]
        self.say("\r\n".join([*told, "connection: close", "", ""]).encode() + body)

    def reset(self) -> None:
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()

    def wait(self, seconds: float) -> None:
        """As long as that, or until the caller hangs up."""
        self.client.settimeout(seconds)
        with suppress(OSError):
            self.client.recv(1)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of going wrong. ``reaches`` says whether the call has its effect at the vendor all the same."""

    name: str
    reaches: bool
    act: Callable[[Call], object] = field(repr=False)
    #: Nobody listens at the port.
    refuses: bool = False
    #: Only the call's own deadline ends it.
    waits: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Expected:
    """What the caller's side has to know of a call: the seconds that it may take, and a header to send along."""

    seconds: float
    headers: dict[str, str]


class Line:
    """The proxy. ``url`` takes the place of the vendor's address; everything runs in this process."""

    def __init__(self, vendor: str) -> None:
        where = urlsplit(vendor)
        self.vendor = (str(where.hostname), int(where.port or 80))
        self.vendor_url = vendor
        self.journal: list[Entry] = []
        self._armed: tuple[Fault, str, int] | None = None
        self._under_way: dict[str, tuple[Entry, Fault | None]] = {}
        self._lock, self._refusing, self._sending = threading.Lock(), 0, 0
        self._listen(0)
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def arm(self, fault: Fault, verb: str, times: int) -> None:
        """From now on the fault befalls the first so many calls of this verb."""
        self._armed = (fault, verb, times)

    @property
    def left(self) -> int:
        """How many calls it will still befall."""
        return self._armed[2] if self._armed else 0

    def close(self) -> None:
        self._hang_up()

    # --- the caller's side -------------------------------------------------------------------------------------------

    @contextmanager
    def expect(self, method: str, url: str, parts: dict[str, Any]) -> Iterator[Expected]:
        """Around one call of the connector."""
        entry = Entry(*described(method, url, parts))
        with self._lock:
            fault = self._take(entry.verb)
            entry.fault = fault.name if fault else ""
            self._sending += entry.verb in SENDS
            entry.beside = self._sending
            number = str(len(self.journal))
            self.journal.append(entry)
            self._under_way[number] = (entry, fault)
        try:
            with self._refused(fault):
                yield Expected(SHORT if fault and fault.waits else LONG, {_NUMBER: number})
            entry.outcome = "ok"
        except Exception as error:
            entry.outcome = getattr(error, "code", type(error).__name__)
            raise
        finally:
            with self._lock:
                self._sending -= entry.verb in SENDS
            if fault and fault.reaches:  # a slow vendor may not carry it out behind the back of the next look
                entry.over.wait(LONG)

    @contextmanager
    def _refused(self, fault: Fault | None) -> Iterator[None]:
        """Nobody listens at the port, if that is the fault, as long as anybody is refused."""
        if fault is None or not fault.refuses:
            yield
            return
        with self._lock:
            self._refusing += 1
            if self._refusing == 1:
                self._hang_up()
        try:
            yield
        finally:
            with self._lock:
                self._refusing -= 1
                if not self._refusing:
                    self._listen(self.port)

    def _take(self, verb: str) -> Fault | None:
        if self._armed is None or self._armed[1] != verb or not self._armed[2]:
            return None
        fault, verb, times = self._armed
        self._armed = (fault, verb, times - 1)
        return fault

    # --- the port ----------------------------------------------------------------------------------------------------

    def _listen(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._accept, args=(self._server,), daemon=True)
        self._thread.start()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._server.close()
        self._thread.join(LONG)

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(LONG)
            number, request = _read(client)
            if number not in self._under_way:
                return
            entry, fault = self._under_way.pop(number)
            call = Call(self, entry, client, request)
            try:
                if fault is None:
                    call.say(call.deliver())
                else:
                    fault.act(call)
            finally:
                entry.over.set()


def described(method: str, url: str, parts: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The verb of a call, and the interactions (or interaction/key) that it names."""
    path = urlsplit(url).path
    rest = path.partition("/interaction-content/interactions")[2].strip("/")
    if path.lower().endswith("/connect/token"):
        return "token", ()
    if path.startswith("/stats/"):
        return "statistics", ()
    if rest == "delete-batch":
        return "batch", tuple(parts["json"]["guids"])
    if method == "DELETE":
        guid, _, key = rest.partition("/content/")
        return "delete one", (f"{guid}/{key}",)
    return ("get", (rest,)) if rest else ("search", ())


def _read(client: socket.socket) -> tuple[str, bytes]:
    """The number of a call and its request, with the wish for one answer only; nothing when the caller hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := client.recv(1 << 16)):
            return "", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *told = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in told)}
    while len(body) < int(headers.get(b"content-length", 0)):
        body += client.recv(1 << 16)
    number = headers.pop(_NUMBER.encode(), b"").decode()
    headers[b"connection"] = b"close"
    lines = [first, *(name + b": " + value for name, value in headers.items())]
    return number, b"\r\n".join(lines) + b"\r\n\r\n" + body


# --- what goes wrong -------------------------------------------------------------------------------------------------


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _slow(call: Call) -> None:
    answer = call.deliver()
    call.wait(SHORT / 5)
    call.say(answer)


def _late(call: Call) -> None:
    answer = call.deliver()
    call.wait(SHORT * 3)
    call.say(answer)


def _reset_after(call: Call) -> None:
    call.deliver()
    call.reset()


def _half(call: Call) -> None:
    answer = call.deliver()
    call.say(answer[: len(answer) // 2])


def _drip(call: Call) -> None:
    """A byte now and then, each of them well within what one read may take."""
    for byte in call.deliver():
        if not call.say(bytes([byte])):
            return
        call.wait(SHORT / 5)


def _garbage(call: Call) -> None:
    call.deliver()
    call.say(bytes(range(256)) * 4)


def _long(call: Call) -> None:
    body = _body(call.deliver())
    call.answer("200 OK", "content-type: application/json", body=body, length=len(body) + 10)


def _short(call: Call) -> None:
    body = _body(call.deliver())
    call.answer("200 OK", "content-type: application/json", body=body, length=max(1, len(body) // 2))


def _shape(call: Call) -> None:
    call.deliver()
    call.answer("200 OK", "content-type: application/json", body=b'["unexpected", 42, null]')


def _page(call: Call) -> None:
    call.answer("200 OK", "content-type: text/html", body=b"<!DOCTYPE html><title>Maintenance</title>")


def _expired(call: Call) -> None:
    """The vendor forgets every token, and says so itself; its token endpoint would not, so there the line does."""
    httpx.post(f"{call.line.vendor_url}/sandbox/expire-tokens", trust_env=False).raise_for_status()
    if call.entry.verb == "token":
        call.answer("401 Unauthorized", body=b"{}")
    else:
        call.say(call.deliver())
        call.entry.delivered = False


def _status(status: str, *headers: str, after: bool = False) -> Callable[[Call], None]:
    def act(call: Call) -> None:
        if after:
            call.deliver()
        call.answer(status, *headers, body=b'{"message": "Not now"}')

    return act


def _later(call: Call) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=PAUSE), usegmt=True)
    call.answer("429 Too Many Requests", f"retry-after: {moment}", body=b"{}")


FAULTS = (
    Fault("slow, but in time", True, _slow),
    Fault("answer after the deadline", True, _late, waits=True),
    Fault("connection refused", False, lambda call: None, refuses=True),
    Fault("reset before delivery", False, Call.reset),
    Fault("reset after delivery", True, _reset_after),
    Fault("half an answer", True, _half),
    Fault("a byte now and then", True, _drip, waits=True),
    Fault("black hole", False, lambda call: call.wait(LONG), waits=True),
    Fault("garbage", True, _garbage),
    Fault("content-length too large", True, _long),
    Fault("content-length too small", True, _short),
    Fault("JSON of another shape", True, _shape),
    Fault("a web page with 200", False, _page),
    Fault("an empty 204", False, lambda call: call.answer("204 No Content")),
    Fault("redirect", False, _status("302 Found", "location: http://127.0.0.1:1/")),
    Fault("token refused", False, _expired),
    Fault("429", False, _status("429 Too Many Requests")),
    Fault("429, seconds", False, _status("429 Too Many Requests", f"retry-after: {PAUSE}")),
    Fault("429, date", False, _later),
    Fault("500, carried out", True, _status("500 Internal Server Error", after=True)),
    Fault("502", False, _status("502 Bad Gateway")),
    Fault("503", False, _status("503 Service Unavailable")),
    Fault("503, seconds", False, _status("503 Service Unavailable", f"retry-after: {PAUSE}")),
    Fault("504, carried out", True, _status("504 Gateway Timeout", after=True)),
)
