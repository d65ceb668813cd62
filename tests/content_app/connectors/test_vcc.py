"""What each verb asks of Vonage Contact Center, and what it makes of a sensible answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
import respx

from content_app.connectors.base import Check, ConnectorError, ContentConnector, Query
from tests.content_app.connectors.vendor import GATEWAY, GUID, INTERACTIONS, PERSON, content, interaction, page

pytestmark = pytest.mark.pure

START = datetime(2020, 2, 16, tzinfo=UTC)
END = START + timedelta(days=1)
OTHER = "1870c11f-a216-4967-9f84-e5f39aff17f1"
ONE = f"{INTERACTIONS}/{GUID}"
STATISTICS = f"{GATEWAY}/stats/interactions"
GONE = httpx.Response(404, json={"message": "Interaction not found"})


def find(vcc: ContentConnector, *, address: str = PERSON, start: datetime = START, end: datetime = END, **rest):
    return vcc.find(Query(rest.pop("side", "from"), address), start=start, end=end, **rest)


# --- find ------------------------------------------------------------------------------------------------------------


def test_a_search_asks_one_page_of_a_thousand_for_one_side(vcc, network: respx.MockRouter) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    find(vcc, side="to")
    request = route.calls.last.request
    assert dict(request.url.params) == {
        "start": "2020-02-16T00:00:00.000Z",
        "end": "2020-02-17T00:00:00.000Z",
        "connectTo": PERSON,
        "limit": "1000",
    }
    assert b"connectTo=%2B447911123456" in request.url.query
    assert request.headers["accept"] == "application/vnd.newvoicemedia.v3+json"
    assert request.headers["x-nvm-application"] == "gdpr-portal"
    assert request.headers["authorization"] == "Bearer t0ken-1"


def test_a_search_gives_frozen_values_and_the_token_of_the_next_page(vcc, network) -> None:
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(interaction(), token="next")))
    found = find(vcc)
    assert found.next_token == "next"
    (one,) = found.interactions
    assert (one.external_id, one.connect_from, one.connect_to, one.direction) == (GUID, PERSON, "22222", "inbound")
    assert one.started_at == datetime(2020, 2, 16, 14, 11, 56, tzinfo=UTC)
    assert one.agents == ("1342",)
    (file,) = one.content
    assert (file.key, file.content_class, file.media_type, file.length) == (
        "callRecording",
        "callRecording",
        "audio/wav",
        359,
    )
    assert file.modified_at == datetime(2020, 2, 16, 14, 19, 35, tzinfo=UTC)
    assert PERSON not in repr(found)


def test_the_next_page_is_asked_with_its_token_and_the_last_has_none(vcc, network) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    assert find(vcc, token="a+b/c=").next_token is None
    assert route.calls.last.request.url.params["continuationToken"] == "a+b/c="
    assert b"a%2Bb%2Fc%3D" in route.calls.last.request.url.query


def test_an_address_longer_than_a_search_takes_is_searched_by_its_beginning(vcc, network) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    find(vcc, address="x" * 60 + "@example.org")
    assert route.calls.last.request.url.params["connectFrom"] == "x" * 50


def test_moments_are_sent_in_utc_and_the_end_never_cut_off(vcc, network) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    start = datetime(2020, 2, 16, 2, 0, 0, 1500, tzinfo=timezone(timedelta(hours=2)))
    find(vcc, start=start, end=start + timedelta(seconds=1))
    params = route.calls.last.request.url.params
    assert (params["start"], params["end"]) == ("2020-02-16T00:00:00.001Z", "2020-02-16T00:00:01.002Z")


@pytest.mark.parametrize("address", ["", " ", "\t\n"])
def test_an_empty_address_is_refused_because_it_would_match_everyone(vcc, network, address: str) -> None:
    with pytest.raises(ValueError, match="everyone"):
        find(vcc, address=address)
    assert not network.calls


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, START),
        (END, START),
        (START, START + timedelta(days=7, microseconds=1)),
        (START.replace(tzinfo=None), END),
        (START, END.replace(tzinfo=None)),
    ],
)
def test_a_senseless_span_is_refused(vcc, network, start, end) -> None:
    with pytest.raises(ValueError, match="a search"):
        find(vcc, start=start, end=end)
    assert not network.calls


def test_exactly_seven_days_are_allowed(vcc, network) -> None:
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    find(vcc, end=START + timedelta(days=7))


def test_a_search_without_a_query_asks_for_everything(vcc, network) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(interaction(), token="next")))
    found = vcc.find(None, start=START, end=END, token="this")
    assert dict(route.calls.last.request.url.params) == {
        "start": "2020-02-16T00:00:00.000Z",
        "end": "2020-02-17T00:00:00.000Z",
        "limit": "1000",
        "continuationToken": "this",
    }
    assert ([one.external_id for one in found.interactions], found.next_token) == ([GUID], "next")
    with pytest.raises(ValueError, match="at most 7 days"):
        vcc.find(None, start=START, end=START + timedelta(days=8))


def test_what_breaks_the_asked_window_is_returned_as_it_is(vcc, network) -> None:
    stray = interaction(start="1999-01-01T00:00:00.123Z", connectFrom="+447911123456789")
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(stray)))
    (one,) = find(vcc).interactions
    assert (one.started_at.year, one.started_at.microsecond) == (1999, 123000)
    assert one.connect_from == "+447911123456789"


def test_an_unknown_class_of_content_is_kept_and_unknown_fields_are_ignored(vcc, network) -> None:
    item = interaction(content=[content(contentKey="h-1", type="hologram", shape={"a": []})], mood="good")
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(item) | {"extra": 1}))
    (one,) = find(vcc).interactions
    assert [file.content_class for file in one.content] == ["hologram"]


def test_ids_are_lower_case_whatever_the_system_writes(vcc, network) -> None:
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(interaction(guid=GUID.upper()))))
    assert find(vcc).interactions[0].external_id == GUID


def test_length_and_date_of_content_may_be_absent(vcc, network) -> None:
    bare = {"contentKey": "voicemail-123", "type": "voicemail", "contentType": "audio/wav"}
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(interaction(content=[bare]))))
    (file,) = find(vcc).interactions[0].content
    assert (file.length, file.modified_at) == (None, None)


# --- get -------------------------------------------------------------------------------------------------------------


def test_one_interaction_is_found_by_its_id_in_any_case(vcc, network) -> None:
    network.get(ONE).mock(return_value=httpx.Response(200, json=interaction()))
    assert vcc.get(GUID.upper()).external_id == GUID


def test_an_unknown_interaction_is_none(vcc, network) -> None:
    network.get(ONE).mock(return_value=GONE)
    assert vcc.get(GUID) is None


def test_an_interaction_without_content_is_none(vcc, network) -> None:
    network.get(ONE).mock(return_value=httpx.Response(200, json=interaction(content=[])))
    assert vcc.get(GUID) is None


def test_another_interaction_than_the_asked_one_is_malformed(vcc, network) -> None:
    network.get(ONE).mock(return_value=httpx.Response(200, json=interaction(guid=OTHER)))
    with pytest.raises(ConnectorError) as caught:
        vcc.get(GUID)
    assert caught.value.code == "malformed"


@pytest.mark.parametrize("external_id", ["", ".", "..", "delete-batch", GUID + "/", GUID[:-1], GUID + "\n", "²" * 36])
def test_what_is_no_id_never_reaches_an_address(vcc, network, external_id: str) -> None:
    for verb in (
        vcc.get,
        lambda bad: vcc.delete_content(bad, "transcript"),
        lambda bad: vcc.delete_interactions([bad]),
    ):
        with pytest.raises(ValueError, match="not the id"):
            verb(external_id)
    assert not network.calls


# --- statistics ------------------------------------------------------------------------------------------------------


def statistics(*rows: dict[str, object], pages: object = 1, number: object = 1) -> httpx.Response:
    meta = {"page": number, "count": len(rows), "pageCount": pages, "totalCount": len(rows)}
    return httpx.Response(200, json={"meta": meta, "items": list(rows), "upTo": "2020-02-16T00:00:00Z"})


def statistic(**changes: object) -> dict[str, object]:
    known = {"guid": GUID.upper(), "start": "2020-02-16T14:11:56.5Z", "direction": "Inbound", "channels": []}
    return known | {"connectFrom": PERSON, "connectTo": "22222"} | changes


def test_the_statistics_are_read_page_by_page_with_a_scope_of_their_own(vcc, network) -> None:
    route = network.get(STATISTICS).mock(return_value=statistics(statistic(), pages=3, number=2))
    told = vcc.statistics(start=START, end=START + timedelta(days=30), page=2)
    assert dict(route.calls.last.request.url.params) == {
        "start": "2020-02-16T00:00:00.000Z",
        "end": "2020-03-17T00:00:00.000Z",
        "include": "Started",
        "limit": "2500",
        "page": "2",
    }
    assert b"scope=stats" in network["token"].calls.last.request.content
    assert told.pages == 3
    (row,) = told.rows
    assert (row.external_id, row.connect_from, row.connect_to, row.direction) == (GUID, PERSON, "22222", "inbound")
    assert row.started_at == datetime(2020, 2, 16, 14, 11, 56, 500_000, tzinfo=UTC)
    assert PERSON not in repr(told)


def test_a_withheld_number_in_the_statistics_is_nobodys(vcc, network) -> None:
    network.get(STATISTICS).mock(return_value=statistics(statistic(connectFrom=None, direction="Internal")))
    (row,) = vcc.statistics(start=START, end=END, page=1).rows
    assert (row.connect_from, row.direction) == ("", "internal")


@pytest.mark.parametrize(
    "answer",
    [
        statistics(number=2),
        statistics(pages=-1),
        statistics(pages=True),
        statistics(pages="1"),
        statistics(statistic(direction="Sideways")),
        statistics(statistic(guid="x")),
        statistics(statistic(start="yesterday")),
        statistics(statistic(connectTo=7)),
        httpx.Response(200, json={"meta": {"page": 1, "pageCount": 1}}),
        httpx.Response(200, json={"items": []}),
    ],
)
def test_statistics_that_make_no_sense_are_malformed(vcc, network, answer) -> None:
    network.get(STATISTICS).mock(return_value=answer)
    with pytest.raises(ConnectorError, match="could not be understood"):
        vcc.statistics(start=START, end=END, page=1)


def test_a_look_into_the_statistics_spans_at_most_what_the_manifest_says(vcc, network) -> None:
    longest, _ = vcc.manifest.statistics
    network.get(STATISTICS).mock(return_value=statistics())
    vcc.statistics(start=START, end=START + longest, page=1)
    assert longest < timedelta(days=31)
    with pytest.raises(ValueError, match="a search spans"):
        vcc.statistics(start=START, end=START + timedelta(days=31), page=1)


# --- self-test -------------------------------------------------------------------------------------------------------


def test_a_self_test_logs_in_reads_and_asks_for_the_delete_scope(vcc, network, gate) -> None:
    route = network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    assert vcc.self_test() == [Check("login", True), Check("read", True), Check("delete_scope", True)]
    params = route.calls.last.request.url.params
    span = datetime.fromisoformat(params["end"]) - datetime.fromisoformat(params["start"])
    assert span <= timedelta(minutes=2)
    assert params["connectFrom"] == "gdpr-portal-self-test"
    assert set(gate.passed) == {"read"}


def test_a_self_test_that_cannot_log_in_tries_nothing_else(vcc, network) -> None:
    network["token"].mock(return_value=httpx.Response(400, json={"error": "invalid_client"}))
    checks = vcc.self_test()
    assert [check.passed for check in checks] == [False, False, False]
    assert "client id" in checks[0].advice
    assert len(network.calls) == 1


def test_a_self_test_says_that_the_delete_scope_is_missing(vcc, network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if b"delete" in request.content:
            return httpx.Response(400, json={"error": "invalid_scope"})
        return httpx.Response(200, json={"access_token": "t", "expires_in": 7200, "token_type": "bearer"})

    network["token"].mock(side_effect=answer)
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page()))
    checks = {check.code: check for check in vcc.self_test()}
    assert checks["login"].passed
    assert not checks["delete_scope"].passed
    assert "scope" in checks["delete_scope"].advice


def test_a_self_test_tells_an_outage_from_a_refusal(vcc, network) -> None:
    network["token"].mock(return_value=httpx.Response(503))
    assert vcc.self_test()[0].outage
    network["token"].mock(return_value=httpx.Response(400, json={"error": "invalid_client"}))
    assert not vcc.self_test()[0].outage
