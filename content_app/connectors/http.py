"""The only module that speaks HTTP: one call, one answer or one ``ConnectorError``.

In:  a method, an address, headers, what may come back; the rooms' gate, entered around every single call.
Out: an ``Answer`` whose status was expected, or a ``ConnectorError`` with a code from the closed list.
Never here: retries, redirects, proxies from the environment, and any trace of a body, an address or a token in an
error. What a system's answer means is the business of that system's own file.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import re
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpcore
import httpx

from content_app.connectors.base import Account, ConnectorError, Gate, Purpose

# httpx logs every address at INFO, and a search carries a person's number in its query string.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

#: A page of a thousand interactions is below one MiB. Whatever is larger than this is not the API.
MAX_BODY = 32 * 1024 * 1024
#: A pause longer than a day is a mistake of the other side, and would silently park a request.
MAX_RETRY_AFTER = 24 * 3600.0
#: Seconds for one TCP connect. A dead address shows itself sooner than a slow answer.
CONNECT = 5.0
#: Share of a token's life after which a new one is fetched (S21).
TOKEN_SHARE = 0.9

_CODES = {401: "unauthorised", 403: "forbidden", 404: "not_found", 408: "timeout", 429: "rate_limited"}
_TRANSIENT = frozenset({"unreachable", "timeout", "cut_off", "rate_limited", "server_error", "malformed"})
_BAD_CREDENTIALS = frozenset({"invalid_client", "invalid_grant", "unauthorized_client"})
#: What may stand in a header: no space, no line break, nothing outside ASCII.
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")

_ends: ContextVar[float] = ContextVar("ends")


def code_for(status: int) -> str:
    """The error code for a status that was not expected."""
    if status in _CODES:
        return _CODES[status]
    if status >= 500:
        return "server_error"
    if status >= 400:
        return "rejected"
    # A redirect is never followed: it would carry the token or the person's number to another host.
    return "malformed"


def is_transient(code: str) -> bool:
    """Whether the same call may succeed later."""
    return code in _TRANSIENT


def malformed(status: int | None = None) -> ConnectorError:
    """An answer that makes no sense.

    Not permanent: the usual cause is a maintenance page or a proxy in front of the API, and every verb may be repeated.
    The engine counts its tries, so one that never makes sense ends as failed all the same.
    """
    return ConnectorError("malformed", permanent=False, status=status)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. The body may hold personal data, so it is no part of the ``repr``."""

    status: int
    body: bytes = field(repr=False)

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; ``malformed`` for anything else, ``NaN`` and bottomless nesting included."""
        content = None
        # Suppressed and raised below: a JSONDecodeError carries the whole document and must not hang on our error.
        with contextlib.suppress(ValueError, RecursionError):
            content = json.loads(self.body.decode(), parse_constant=_refuse_constant)
        if not isinstance(content, dict):
            raise malformed(self.status)
        return content


class Http:
    """One client for one account. ``calls`` counts every call that the gate has let through."""

    def __init__(self, gate: Gate, *, deadline: float):
        self.calls = 0
        self._gate = gate
        self._deadline = deadline
        self._counting = threading.Lock()
        self._client = httpx.Client(
            transport=_TimedTransport(),
            timeout=deadline,
            follow_redirects=False,
            trust_env=False,
            # Uncompressed, so that the cap on the body cannot be dodged by one that unpacks to gigabytes.
            headers={"accept-encoding": "identity", "user-agent": "gdpr-portal"},
        )

    def call(
        self,
        method: str,
        *,
        url: str,
        purpose: Purpose,
        expect: Collection[int],
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: object | None = None,
        text: str | None = None,
    ) -> Answer:
        """Make one call inside the gate. Any status outside ``expect`` is raised as its ``ConnectorError``.

        The error passes through the gate, so that the rooms can see a 429. Waiting in the gate is not on the clock.
        """
        with self._gate(purpose):
            with self._counting:
                self.calls += 1
            return self._exchange(
                method, url, expect, headers=headers, params=query, data=form, json=body, content=text
            )

    def close(self) -> None:
        self._client.close()

    def _exchange(self, method: str, url: str, expect: Collection[int], **parts: Any) -> Answer:
        clock = _ends.set(time.monotonic() + self._deadline)
        try:
            with self._client.stream(method, url, **parts) as response:
                return _read(response, expect=expect)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            # Nobody took the call, so that nothing can have come of it.
            error = ConnectorError("unreachable", permanent=False)
        except httpx.TimeoutException:
            error = ConnectorError("timeout", permanent=False)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
            # The address itself cannot be called; only changing the configuration helps.
            error = ConnectorError("unreachable", permanent=True)
        except httpx.HTTPError:
            error = ConnectorError("cut_off", permanent=False)
        finally:
            _ends.reset(clock)
        # Raised out here rather than ``from None`` in there: the httpx exception holds the request with address and
        # token, and would still hang on ``__context__``.
        raise error


class _Cached:
    """One token, for all connections of this process that want the same."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: str | None = None
        self.renew_at = 0.0


#: (address, id, secret, scopes) → token. A secret that was changed is another key.
_cache: dict[tuple[Any, ...], _Cached] = {}


def forget_tokens() -> None:
    """Let every account sign in afresh."""
    _cache.clear()


class Tokens:
    """Client-credentials tokens of one account (RFC 6749, section 4.4), cached, fetched by one thread at a time."""

    def __init__(self, http: Http, *, account: Account, url: str, scopes: Sequence[str]):
        self._http = http
        self._account = account
        self._url = url
        self._scopes = tuple(scopes)
        key = (url, account.client_id, account.client_secret, account.client_auth, self._scopes)
        self._cached = _cache.setdefault(key, _Cached())

    def current(self, *, refused: str | None = None) -> str:
        """The token to use. ``refused`` is one that was answered with 401: unless another thread has already replaced
        it, a new one is fetched."""
        cached = self._cached
        with cached.lock:
            if cached.token is None or cached.token == refused or time.monotonic() >= cached.renew_at:
                asked_at = time.monotonic()
                cached.token, lifetime = self.fetch(self._scopes)
                cached.renew_at = asked_at + lifetime * TOKEN_SHARE
            return cached.token

    def fetch(self, scopes: Sequence[str]) -> tuple[str, int]:
        """Ask for a token with ``scopes``, past the cache. The token, never parsed (S24), and its life in seconds."""
        account = self._account
        if not account.client_id.strip() or not account.client_secret.strip():
            raise ConnectorError("missing_credentials", permanent=True)
        headers = {"accept": "application/json"}
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        if account.client_auth == "basic":
            pair = f"{account.client_id}:{account.client_secret}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": account.client_id, "client_secret": account.client_secret}
        answer = self._http.call(
            "POST", url=self._url, purpose="read", expect=(200, 400, 401), headers=headers, form=form
        )
        if answer.status != 200:
            raise _token_refusal(answer)
        return _granted(answer, scopes=scopes)


def _granted(answer: Answer, *, scopes: Sequence[str]) -> tuple[str, int]:
    grant = answer.object()
    token, lifetime, kind = grant.get("access_token"), grant.get("expires_in"), grant.get("token_type")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise malformed(answer.status)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise malformed(answer.status)
    if not isinstance(lifetime, int) or isinstance(lifetime, bool) or not 0 < lifetime < 2**31:
        raise malformed(answer.status)
    given = grant.get("scope")
    # A server that grants less than was asked for says so here (RFC 6749, section 5.1).
    if isinstance(given, str) and not set(scopes) <= set(given.split()):
        raise ConnectorError("scope_refused", permanent=True, status=answer.status)
    return token, lifetime


def _token_refusal(answer: Answer) -> ConnectorError:
    """What a 400 or 401 of the token endpoint means. 401 needs no body; of a 400 only ``error`` is read (S24)."""
    reason: object = None
    with contextlib.suppress(ConnectorError):
        reason = answer.object().get("error")
    if reason == "invalid_scope":
        return ConnectorError("scope_refused", permanent=True, status=answer.status)
    if answer.status == 401 or (isinstance(reason, str) and reason in _BAD_CREDENTIALS):
        return ConnectorError("bad_credentials", permanent=True, status=answer.status)
    return ConnectorError("rejected", permanent=True, status=answer.status)


def _read(response: httpx.Response, *, expect: Collection[int]) -> Answer:
    status = response.status_code
    if status not in expect:
        code = code_for(status)
        pause = _seconds(response.headers.get("retry-after"))
        raise ConnectorError(code, permanent=not is_transient(code), status=status, retry_after=pause)
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise malformed(status)
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise ConnectorError("too_large", permanent=True, status=status)
    return Answer(status, bytes(body))


def _seconds(value: str | None) -> float | None:
    """``Retry-After`` in seconds, from either of its forms (RFC 9110, section 10.2.3); ``None`` for garbage."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # Nine digits are thirty years; more of them would only make work for ``int``.
        return min(float(value[:9]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
        pause = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(pause, 0.0), MAX_RETRY_AFTER)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# --- one clock for the whole call ------------------------------------------------------------------------------------
# httpx limits every single read, so a server that sends a byte now and then holds a call for ever, be it in its headers
# or in its body. Every wait on the network therefore gets only what is left until the call's own end.


def _left(late: type[httpcore.TimeoutException]) -> float:
    left = _ends.get() - time.monotonic()
    if left <= 0:
        raise late
    return left


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream):
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _TimedBackend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        # Each address of a name gets this long; resolving the name is bounded by the resolver's own configuration only.
        left = min(_left(httpcore.ConnectTimeout), CONNECT)
        return _TimedStream(self._backend.connect_tcp(host, port, left, local_address, socket_options))


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Reading the certificates takes a moment; one context serves all connections."""
    return httpx.create_ssl_context(trust_env=False)


class _TimedTransport(httpx.HTTPTransport):
    """httpx's own transport on our clock.

    It offers no public way to pass a network backend in, so its pool is replaced. httpx is pinned below 0.29, and the
    tests with a dripping server fail if this stops working.
    """

    def __init__(self) -> None:
        context = _trusted()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            network_backend=_TimedBackend(),
            keepalive_expiry=5.0,
        )
