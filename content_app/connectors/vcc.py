"""Vonage Contact Center: its Interaction Content API, version 3 ("ICS").

In:  an ``Account``, the rooms' gate, the verbs of ``ContentConnector``.
Out: frozen values made of answers that were checked field by field, or a ``ConnectorError``.
Never here: retries, windows, exact comparison, and a delete while the account is read only. An answer that is not
understood in full is ``malformed``: nothing is guessed, dropped or cut to fit.

Source ids (S2, S6, …) are those of the vendor's pages in the interface dossier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeGuard
from urllib.parse import quote

from content_app.connectors.base import (
    ERROR_CODES,
    Account,
    Check,
    ConnectorError,
    Content,
    Direction,
    Gate,
    Interaction,
    Manifest,
    Outcome,
    Page,
    Purpose,
    Query,
)
from content_app.connectors.http import Answer, Http, Tokens, code_for, is_transient, malformed

MANIFEST = Manifest(
    kind="vcc",
    label="Vonage Contact Center",
    version="1",
    content_classes=(
        "callRecording",
        "transcript",
        "categorizationResult",
        "sentimentSummary",
        "screenRecording",
        "voicemail",
        "ivrAudioRecording",
        "videoRecording",
        "chatTranscript",
        "attachment",
        "conversationSummary",
        "interactionLog",
    ),
    out_of_reach=(
        (
            "interactionStatistics",
            "Statistics keep the addresses; only the Right to be Forgotten screen replaces them by a token",
        ),
        ("auditLog", "The audit log names interactions that were opened; no call changes it"),
        ("exportedCopies", "Copies that an export has put into own storage have to be deleted there"),
        ("crmRecords", "Records that were written to Salesforce or another CRM have to be deleted there"),
        (
            "dataSourceMappings",
            "Data that Data Source Mappings bring in is reached by no call and by no screen for erasure",
        ),
    ),
    # One minute short of the seven days that a search may span (S2), to stay clear of how the edge is counted.
    window=timedelta(days=6, hours=23, minutes=59),
    # The limit is 1000 (S6); the vendor's own sample went down to 56 (S20).
    batch_size=50,
    goes_with=(("callRecording", "screenRecording"),),
    searches_by=("phone", "email", "handle"),
    page_size=1000,
)

READ = "interaction-content:read"
DELETE = "interaction-content:delete"

_LONGEST_SEARCH = timedelta(days=7)
#: Longest address a search takes (S2).
_LONGEST_ADDRESS = 50
#: Nobody's address: the self-test searches for it, so that it sees no person's contacts.
_NOBODY = "gdpr-portal-self-test"

_HEADERS = {
    # Mandatory on every call, downloads included; without it the answer is 400 (S4, S5).
    "accept": "application/vnd.newvoicemedia.v3+json",
    "x-nvm-application": "gdpr-portal",
}

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
#: Wider than the documented pattern (S3c), but nothing that could leave its path segment. ``.`` and ``..`` would:
#: DELETE …/{guid}/content/.. is DELETE …/{guid}, which deletes everything.
_KEY = re.compile(r"(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,64}")
#: What neither a database nor an encoder takes.
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")


class VccConnector:
    """One account of Vonage Contact Center. See ``base.ContentConnector`` for what each verb promises."""

    manifest = MANIFEST

    def __init__(self, account: Account, *, gate: Gate):
        self._read_only = account.read_only
        self._base = account.gateway_url.rstrip("/") + "/interaction-content"
        self._http = Http(gate, deadline=account.deadline)
        self._tokens = Tokens(
            self._http,
            account=account,
            url=account.auth_url.rstrip("/") + "/Auth/connect/token",
            # A token that cannot delete is the second lock of shadow mode; the first is ``_refuse_in_shadow_mode``.
            scopes=(READ,) if account.read_only else (READ, DELETE),
        )

    @property
    def calls(self) -> int:
        return self._http.calls

    def find(self, query: Query, *, start: datetime, end: datetime, token: str | None = None) -> Page:
        """One page of at most 1000 (S2). ``ValueError`` for an empty address, which would match everyone, and for a
        span that is empty, without time zone, or longer than seven days."""
        _check_search(query, start=start, end=end)
        asked = {
            "start": _moment(start),
            # Up to the next whole millisecond: cut off, the last contact of the span could be missed.
            "end": _moment(end + timedelta(microseconds=999)),
            # The match is by prefix, so a longer address is found by its beginning.
            "connectFrom" if query.side == "from" else "connectTo": query.address[:_LONGEST_ADDRESS],
            "limit": str(MANIFEST.page_size),
        }
        if token is not None:
            asked["continuationToken"] = token
        answer = self._ask("GET", path="/interactions", expect=(200,), purpose="read", query=asked)
        return _page(answer.object(), token=token)

    def get(self, external_id: str) -> Interaction | None:
        """The interaction with its content (S3a). ``None`` on the vendor's own 404, which means unknown, empty or
        invisible alike, and for one without content."""
        guid = _guid(external_id)
        answer = self._ask("GET", path=f"/interactions/{guid}", expect=(200, 404), purpose="read")
        if answer.status == 404:
            _insist_on_message(answer)
            return None
        interaction = _interaction(answer.object())
        if interaction.external_id != guid:
            raise malformed(answer.status)
        return interaction if interaction.content else None

    def delete_content(self, external_id: str, content_key: str) -> Outcome:
        """Delete one file (S5a). A call recording takes its screen recording with it (S16)."""
        self._refuse_in_shadow_mode()
        if not _KEY.fullmatch(content_key):
            raise ValueError("not a content key")
        answer = self._ask(
            "DELETE",
            path=f"/interactions/{_guid(external_id)}/content/{quote(content_key, safe='')}",
            expect=(200, 204, 403, 404),
            purpose="delete",
        )
        if answer.status == 403:
            return Outcome(external_id, content_key, "forbidden", code="forbidden")
        if answer.status == 404:
            _insist_on_message(answer)
            return Outcome(external_id, content_key, "already_gone")
        # 204 has no body; a 200 must be the empty object of the sibling call (S5b) and not some proxy's page.
        if answer.status == 200 and answer.object():
            raise malformed(answer.status)
        return Outcome(external_id, content_key, "deleted")

    def delete_interactions(self, external_ids: Sequence[str]) -> list[Outcome]:
        """Delete interactions whole in one batch (S6), one outcome each in the order asked.

        The vendor counts an unknown interaction as no failure, so ``deleted`` means "deleted or not there".
        ``ValueError`` for none, for too many, and for the same one twice.
        """
        self._refuse_in_shadow_mode()
        guids = [_guid(external_id) for external_id in external_ids]
        if not 1 <= len(guids) <= MANIFEST.batch_size or len(set(guids)) != len(guids):
            raise ValueError("a batch needs between one and batch_size interactions, each of them once")
        answer = self._ask(
            "POST", path="/interactions/delete-batch", expect=(200,), purpose="delete", body={"guids": guids}
        )
        failures = _failures(answer.object(), asked=guids)
        return [_outcome(external_ids[i], status=failures.get(guid)) for i, guid in enumerate(guids)]

    def self_test(self) -> list[Check]:
        """Log in with the read scope, search one minute for nobody's address, ask for a token that may delete.

        The last token is thrown away: also a read-only account learns whether deletion could be enabled.
        """
        login = _check("login", lambda: self._tokens.fetch((READ,)))
        if not login.passed:
            # Wrong credentials tried again and again may lock the user out.
            untried = "Not tried, because the login failed"
            return [login, Check("read", False, untried), Check("delete_scope", False, untried)]
        now = datetime.now(UTC)
        nobody = Query("from", _NOBODY)
        return [
            login,
            _check("read", lambda: self.find(nobody, start=now - timedelta(minutes=1), end=now)),
            _check("delete_scope", lambda: self._tokens.fetch((READ, DELETE))),
        ]

    def close(self) -> None:
        self._http.close()

    def _refuse_in_shadow_mode(self) -> None:
        if self._read_only:
            raise ConnectorError("read_only", permanent=True)

    def _ask(
        self,
        method: str,
        *,
        path: str,
        expect: Collection[int],
        purpose: Purpose,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> Answer:
        """One call with a token; on a 401 once more with a fresh one. The token is fetched before the gate is entered
        and never inside it: a gate that hands out one lease must not be asked for a second by its holder."""
        if method != "GET":
            self._refuse_in_shadow_mode()

        def send(token: str) -> Answer:
            return self._http.call(
                method,
                url=self._base + path,
                purpose=purpose,
                expect=expect,
                headers=_HEADERS | {"authorization": f"Bearer {token}"},
                query=query,
                body=body,
            )

        token = self._tokens.current()
        try:
            return send(token)
        except ConnectorError as error:
            if error.code != "unauthorised":
                raise
        return send(self._tokens.current(refused=token))


# --- what is asked ---------------------------------------------------------------------------------------------------


def _check_search(query: Query, *, start: datetime, end: datetime) -> None:
    """The messages name no address: they may end up in a log."""
    if not query.address.strip():
        raise ValueError("an empty address would match everyone")
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("a search needs moments with a time zone")
    if not timedelta(0) < end - start <= _LONGEST_SEARCH:
        raise ValueError("a search spans more than nothing and at most seven days")


def _guid(external_id: str) -> str:
    guid = external_id.lower()
    if not _GUID.fullmatch(guid):
        raise ValueError("not the id of an interaction")
    return guid


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check(code: Literal["login", "read", "delete_scope"], act: Callable[[], object]) -> Check:
    try:
        act()
    except ConnectorError as error:
        return Check(code, False, ERROR_CODES[error.code], outage="" if error.permanent else error.code)
    return Check(code, True)


# --- what is answered ------------------------------------------------------------------------------------------------


def _page(answer: Mapping[str, Any], *, token: str | None) -> Page:
    meta = _object(answer.get("meta"))
    if "nextContinuationToken" not in meta:
        # Taken as the last page, its absence would hide all the others.
        raise malformed()
    following = meta["nextContinuationToken"]
    if following is not None and (_text(following, most=8192, least=1) == token):
        # The same page for ever.
        raise malformed()
    return Page(tuple(_interaction(item) for item in _objects(answer.get("items"))), following)


def _interaction(raw: Mapping[str, Any]) -> Interaction:
    """Fields as in S3a; unknown ones are ignored, missing ones are not."""
    content = tuple(_content(item) for item in _objects(raw.get("content")))
    if len({item.key for item in content}) != len(content):
        # A key names one file. Two under one name could not be deleted, or counted, apart.
        raise malformed()
    return Interaction(
        external_id=_known_guid(raw.get("guid")),
        started_at=_known_moment(raw.get("start")),
        connect_from=_text(raw.get("connectFrom")),
        connect_to=_text(raw.get("connectTo")),
        direction=_direction(raw.get("direction")),
        agents=tuple(_text(agent.get("id"), most=64, least=1) for agent in _objects(raw.get("handlingAgents"))),
        content=content,
    )


def _content(raw: Mapping[str, Any]) -> Content:
    """A class that the manifest does not know is kept as it is: nothing may be deleted unseen."""
    key, length, modified = raw.get("contentKey"), raw.get("contentLength"), raw.get("lastModified")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise malformed()
    if length is not None and not (_is_integer(length) and 0 <= length < 2**63):
        raise malformed()
    return Content(
        key=key,
        content_class=_text(raw.get("type"), most=40, least=1),
        media_type=_text(raw.get("contentType")),
        length=length,
        modified_at=None if modified is None else _known_moment(modified),
    )


def _failures(answer: Mapping[str, Any], *, asked: Collection[str]) -> dict[str, int]:
    """Status by interaction. One that was not asked for, or is named twice, makes the whole answer senseless."""
    failures: dict[str, int] = {}
    for failure in _objects(answer.get("failures")):
        guid, status = _known_guid(failure.get("guid")), failure.get("statusCode")
        if guid not in asked or guid in failures or not _is_integer(status) or not 400 <= status <= 599:
            raise malformed()
        failures[guid] = status
    return failures


def _outcome(external_id: str, *, status: int | None) -> Outcome:
    if status is None:
        return Outcome(external_id, None, "deleted")
    if status == 404:
        return Outcome(external_id, None, "already_gone")
    code = code_for(status)
    if code == "forbidden":
        return Outcome(external_id, None, "forbidden", code=code)
    return Outcome(external_id, None, "failed", code=code, permanent=not is_transient(code))


def _insist_on_message(answer: Answer) -> None:
    """A 404 counts as the vendor's only with its ``{"message": …}`` (S5). A wrong address or a proxy answers 404 as
    well, and must not be taken for "it is gone"."""
    if not isinstance(answer.object().get("message"), str):
        raise malformed(answer.status)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed()
    return value


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise malformed()
    return (_object(item) for item in value)


def _text(value: Any, *, most: int = 255, least: int = 0) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most or _UNUSABLE.search(value):
        raise malformed()
    return value


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _known_guid(value: Any) -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value.lower()):
        raise malformed()
    return value.lower()


def _known_moment(value: Any) -> datetime:
    """ISO 8601 in UTC with ``Z``, with or without a fraction (S2, S26)."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise malformed()
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise malformed() from None


def _direction(value: Any) -> Direction:
    if value == "inbound":
        return "inbound"
    if value == "outbound":
        return "outbound"
    raise malformed()
