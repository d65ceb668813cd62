"""Vonage Contact Center: its Interaction Content API, version 3 ("ICS").

In:  an ``Account``, the rooms' gate, the verbs of ``ContentConnector``.
Out: frozen values made of answers that were checked field by field, or a ``ConnectorError``.
Never here: retries, windows, exact comparison, and a delete while the account is read only. An answer that is not
understood in full is ``malformed``: nothing is guessed, dropped or cut to fit.

Source ids (S2, S6, …) are those of the vendor's pages in the interface dossier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

from content_app.connectors import vcc_answers as answers
from content_app.connectors.base import (
    ERROR_CODES,
    Account,
    Check,
    ConnectorError,
    Gate,
    Interaction,
    Manifest,
    Outcome,
    Page,
    Purpose,
    Query,
    StatisticsPage,
)
from content_app.connectors.http import Answer, Http, Tokens, malformed

#: A look into the statistics spans at most 31 days (S27b), less a minute for how the edge is counted. Integrators read
#: up to 5000 rows a page (S32); half of that stays far below ``MAX_BODY``.
_LONGEST_STATISTICS, _STATISTICS_SIZE = timedelta(days=30, hours=23, minutes=59), 2500

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
    # Pages hold up to 1000 interactions (S21).
    page_size=1000,
    sweeps=True,
    statistics=(_LONGEST_STATISTICS, _STATISTICS_SIZE),
    # To delete again deletes nothing twice (S5, S6). But content may have arrived since, which nobody has seen, and an
    # interaction that is not there counts as deleted: so the system is asked first.
    idempotency=(
        ("find", "safe"),
        ("get", "safe"),
        ("statistics", "safe"),
        ("self_test", "safe"),
        ("delete_content", "probe_first"),
        ("delete_interactions", "probe_first"),
    ),
)

READ = "interaction-content:read"
DELETE = "interaction-content:delete"
STATS = "stats"

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


class VccConnector:
    """One account of Vonage Contact Center. See ``base.ContentConnector`` for what each verb promises."""

    manifest = MANIFEST

    def __init__(self, account: Account, *, gate: Gate):
        self._account = account
        self._read_only = account.read_only
        gateway = account.gateway_url.rstrip("/")
        self._base, self._stats = f"{gateway}/interaction-content", f"{gateway}/stats"
        self._http = Http(gate, deadline=account.deadline)
        token_url = account.auth_url.rstrip("/") + "/Auth/connect/token"
        # The statistics want a scope of their own, which an account that never reads them need not have.
        self._stats_tokens = Tokens(self._http, account=account, url=token_url, scopes=(STATS,))
        self._tokens = Tokens(
            self._http,
            account=account,
            url=token_url,
            # A token that cannot delete is the second lock of shadow mode; the first is ``_refuse_in_shadow_mode``.
            scopes=(READ,) if account.read_only else (READ, DELETE),
        )

    @property
    def calls(self) -> int:
        return self._http.calls

    def find(self, query: Query | None, *, start: datetime, end: datetime, token: str | None = None) -> Page:
        """One page of at most 1000 (S2), of everything without a query. ``ValueError`` for an empty address, which
        would match everyone unasked, and for a span that is empty, without time zone, or longer than seven days."""
        _check_span(start, end, longest=_LONGEST_SEARCH)
        asked = _span(start, end) | {"limit": str(MANIFEST.page_size)}
        if query is not None:
            if not query.address.strip():
                raise ValueError("an empty address would match everyone")
            # The match is by prefix, so a longer address is found by its beginning.
            asked["connectFrom" if query.side == "from" else "connectTo"] = query.address[:_LONGEST_ADDRESS]
        if token is not None:
            asked["continuationToken"] = token
        answer = self._ask("GET", path="/interactions", expect=(200,), purpose="read", query=asked)
        return answers.page_of(answer.object(), token=token)

    def statistics(self, *, start: datetime, end: datetime, page: int) -> StatisticsPage:
        """One page of the Insights statistics (S26, S27), which know contacts without content too."""
        _check_span(start, end, longest=_LONGEST_STATISTICS)
        asked = _span(start, end) | {"include": "Started", "limit": str(_STATISTICS_SIZE), "page": str(page)}
        answer = self._with_token(
            self._stats_tokens,
            lambda token: self._http.call(
                "GET", url=f"{self._stats}/interactions", purpose="read", expect=(200,), query=asked,
                headers=_HEADERS | {"authorization": f"Bearer {token}"},
            ),
        )  # fmt: skip
        return answers.statistics_of(answer.object(), page=page)

    def get(self, external_id: str) -> Interaction | None:
        """The interaction with its content (S3a). ``None`` on the vendor's own 404, which means unknown, empty or
        invisible alike, and for one without content."""
        guid = _guid(external_id)
        answer = self._ask("GET", path=f"/interactions/{guid}", expect=(200, 404), purpose="read")
        if answer.status == 404:
            answers.insist_on_message(answer)
            return None
        interaction = answers.interaction_of(answer.object())
        if interaction.external_id != guid:
            raise malformed(answer.status)
        return interaction if interaction.content else None

    def delete_content(self, external_id: str, content_key: str) -> Outcome:
        """Delete one file (S5a). A call recording takes its screen recording with it (S16)."""
        self._refuse_in_shadow_mode()
        if not answers.KEY.fullmatch(content_key):
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
            answers.insist_on_message(answer)
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
            "POST", path="/interactions/delete-batch", expect=(200,), purpose="batch", body={"guids": guids}
        )
        failures = answers.failures_of(answer.object(), asked=guids)
        return [answers.outcome_of(external_ids[i], status=failures.get(guid)) for i, guid in enumerate(guids)]

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

    def another(self, gate: Gate) -> VccConnector:
        return VccConnector(self._account, gate=gate)

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

        return self._with_token(self._tokens, send)

    def _with_token(self, tokens: Tokens, send: Callable[[str], Answer]) -> Answer:
        token = tokens.current()
        try:
            return send(token)
        except ConnectorError as error:
            if error.code != "unauthorised":
                raise
        return send(tokens.current(refused=token))


# --- what is asked ---------------------------------------------------------------------------------------------------


def _check_span(start: datetime, end: datetime, *, longest: timedelta) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("a search needs moments with a time zone")
    if not timedelta(0) < end - start <= longest:
        raise ValueError(f"a search spans more than nothing and at most {longest.days} days")


def _span(start: datetime, end: datetime) -> dict[str, str]:
    # Up to the next whole millisecond: cut off, the last contact of the span could be missed.
    return {"start": _moment(start), "end": _moment(end + timedelta(microseconds=999))}


def _guid(external_id: str) -> str:
    guid = external_id.lower()
    if not answers.is_guid(guid):
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
