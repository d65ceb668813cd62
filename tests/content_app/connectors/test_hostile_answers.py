"""Answers that make no sense: none of them may be taken for a result, and none may show in an error or a log."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from content_app.connectors.base import ERROR_CODES, ConnectorError, Query
from tests.content_app.connectors.vendor import GUID, INTERACTIONS, PERSON, SECRET, content, interaction, page

pytestmark = pytest.mark.pure

START = datetime(2020, 2, 16, tzinfo=UTC)
OTHER = "1870c11f-a216-4967-9f84-e5f39aff17f1"
BATCH = f"{INTERACTIONS}/delete-batch"


def find(vcc, token: str | None = None):
    return vcc.find(Query("from", PERSON), start=START, end=START + timedelta(days=1), token=token)


def without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


#: Bodies that are no JSON object at all.
NO_OBJECT = {
    "empty": b"",
    "space": b"  \n",
    "html": b"<html><body>Maintenance</body></html>",
    "truncated": json.dumps(page(interaction())).encode()[:-9],
    "two documents": b'{"items": []}{"items": []}',
    "list": b"[]",
    "string": b'"items"',
    "number": b"7",
    "null": b"null",
    "nan": b'{"items": [], "meta": {"nextContinuationToken": null}, "x": NaN}',
    "infinity": b'{"items": [], "meta": {"nextContinuationToken": null}, "x": -Infinity}',
    "latin-1": '{"é": 1}'.encode("latin-1"),
    "utf-16": json.dumps(page()).encode("utf-16"),
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "endless number": b'{"a": ' + b"9" * 10_000 + b"}",
    "single quotes": b"{'items': []}",
}

#: Objects that are no page.
NO_PAGE: dict[str, Any] = {
    "nothing": {},
    "an error": {"message": "Internal"},
    "no items": without(page(), "items"),
    "null items": page() | {"items": None},
    "items as object": page() | {"items": {"0": interaction()}},
    "item null": page(None),
    "item string": page(GUID),
    "item list": page([]),
    "no meta": without(page(), "meta"),
    "null meta": page() | {"meta": None},
    "meta of version 2": page() | {"meta": {"page": 1, "count": 25, "pageCount": 14, "totalCount": 359}},
    "token number": page(token=7),  # type: ignore[arg-type]
    "token empty": page(token=""),
    "token list": page() | {"meta": {"nextContinuationToken": []}},
    "token endless": page(token="x" * 10_000),
}

#: One field of an interaction at a time.
BAD_FIELDS: list[tuple[str, list[Any]]] = [
    ("guid", [None, 7, "", "7", GUID[:-1], GUID.replace("-", ""), "{" + GUID + "}", GUID + "\n", [GUID]]),
    (
        "start",
        [
            None,
            1581862316,
            "",
            "yesterday",
            "2020-02-16",
            "2020-02-16T14:11:56",
            "2020-02-30T14:11:56Z",
            "2020-02-16T25:11:56Z",
            "0000-02-16T14:11:56Z",
            "2020-W07-7T14:11:56Z",
            "２０２０-02-16T14:11:56Z",
        ],
    ),
    ("connectFrom", [None, 447911123456, [PERSON], {}, "x" * 256, "\x00", "\ud800"]),
    ("connectTo", [None, 22222, True, "\udfff"]),
    ("direction", [None, "", "Inbound", "sideways", 1, ["inbound"]]),
    ("handlingAgents", [None, {}, "1342", [None], ["1342"], [{}], [{"id": 1342}], [{"id": None}], [{"id": ""}]]),
    ("content", [None, {}, "callRecording", [None], ["callRecording"], [[]], [content(), content()]]),
]

BAD_CONTENT: list[tuple[str, list[Any]]] = [
    ("contentKey", [None, 7, "", ".", "..", "../..", "a/b", "a\\b", "a\n", "\x00", "\ud800", "k" * 65]),
    ("type", [None, 7, "", "t" * 41, ["transcript"]]),
    ("contentType", [None, 7, {}, "x" * 256]),
    ("contentLength", ["359", -1, 1.5, True, 2**63, [], 1e3]),
    ("lastModified", ["", 7, False, "never", "2020-13-01T00:00:00Z"]),
]


def _one_field_wrong() -> dict[str, Any]:
    cases: dict[str, Any] = {}
    for name, values in BAD_FIELDS:
        cases[f"no {name}"] = without(interaction(), name)
        cases |= {f"{name} {i}": interaction(**{name: value}) for i, value in enumerate(values)}
    for name, values in BAD_CONTENT:
        cases |= {f"{name} {i}": interaction(content=[content(**{name: value})]) for i, value in enumerate(values)}
    for name in ("contentKey", "type", "contentType"):
        cases[f"no {name}"] = interaction(content=[without(content(), name)])
    return cases


NO_INTERACTION = _one_field_wrong()

NO_BATCH: dict[str, Any] = {
    "nothing": {},
    "an error": {"message": "Internal"},
    "null": {"failures": None},
    "object": {"failures": {}},
    "item null": {"failures": [None]},
    "item id": {"failures": [GUID]},
    "no id": {"failures": [{"statusCode": 403}]},
    "no status": {"failures": [{"guid": GUID}]},
    "status string": {"failures": [{"guid": GUID, "statusCode": "403"}]},
    "status true": {"failures": [{"guid": GUID, "statusCode": True}]},
    "status float": {"failures": [{"guid": GUID, "statusCode": 403.0}]},
    "failed with 200": {"failures": [{"guid": GUID, "statusCode": 200}]},
    "failed with 0": {"failures": [{"guid": GUID, "statusCode": 0}]},
    "failed with 600": {"failures": [{"guid": GUID, "statusCode": 600}]},
    "not asked for": {"failures": [{"guid": OTHER, "statusCode": 403}]},
    "named twice": {"failures": [{"guid": GUID, "statusCode": 403}, {"guid": GUID.upper(), "statusCode": 500}]},
}


def is_malformed(error: ConnectorError) -> bool:
    # It may be a page of a proxy, so it may be tried again; and nothing hangs on it that could show the answer.
    return error.code == "malformed" and not error.permanent and error.__cause__ is None


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT.keys())
@pytest.mark.parametrize("verb", ["find", "get", "delete_content", "delete_interactions"])
def test_what_is_no_object_is_malformed_for_every_verb(vcc, network, verb: str, body: bytes) -> None:
    network.route(url__startswith=INTERACTIONS).mock(return_value=httpx.Response(200, content=body))
    with pytest.raises(ConnectorError) as caught:
        {
            "find": lambda: find(vcc),
            "get": lambda: vcc.get(GUID),
            "delete_content": lambda: vcc.delete_content(GUID, "transcript"),
            "delete_interactions": lambda: vcc.delete_interactions([GUID]),
        }[verb]()
    assert is_malformed(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("answer", NO_PAGE.values(), ids=NO_PAGE.keys())
def test_what_is_no_page_is_malformed(vcc, network, answer: Any) -> None:
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, content=encoded(answer)))
    with pytest.raises(ConnectorError) as caught:
        find(vcc)
    assert is_malformed(caught.value)


@pytest.mark.parametrize("answer", NO_INTERACTION.values(), ids=NO_INTERACTION.keys())
def test_one_bad_field_makes_the_interaction_and_its_page_malformed(vcc, network, answer: Any) -> None:
    good = interaction(guid=OTHER)
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, content=encoded(page(good, answer))))
    network.get(f"{INTERACTIONS}/{GUID}").mock(return_value=httpx.Response(200, content=encoded(answer)))
    for read in (lambda: find(vcc), lambda: vcc.get(GUID)):
        with pytest.raises(ConnectorError) as caught:
            read()
        assert is_malformed(caught.value)


@pytest.mark.parametrize("answer", NO_BATCH.values(), ids=NO_BATCH.keys())
def test_a_senseless_answer_to_a_batch_is_no_outcome_for_anyone(vcc, network, answer: Any) -> None:
    network.post(BATCH).mock(return_value=httpx.Response(200, content=encoded(answer)))
    with pytest.raises(ConnectorError) as caught:
        vcc.delete_interactions([GUID])
    assert is_malformed(caught.value)


def test_a_page_that_points_to_itself_is_malformed(vcc, network) -> None:
    network.get(INTERACTIONS).mock(return_value=httpx.Response(200, json=page(token="again")))
    assert find(vcc).next_token == "again"
    with pytest.raises(ConnectorError) as caught:
        find(vcc, token="again")
    assert is_malformed(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>Not Found</html>", b"[]", b"{}", b'{"message": 7}'])
def test_a_404_that_is_not_the_vendors_does_not_mean_gone(vcc, network, body: bytes) -> None:
    network.get(f"{INTERACTIONS}/{GUID}").mock(return_value=httpx.Response(404, content=body))
    with pytest.raises(ConnectorError) as caught:
        vcc.get(GUID)
    assert is_malformed(caught.value)


LEAKS = [
    httpx.Response(200, text=f"<html>{PERSON} {SECRET} t0ken-1</html>"),
    httpx.Response(200, json=page(interaction(guid=PERSON))),
    httpx.Response(200, json=page(interaction(start=PERSON))),
    httpx.Response(200, json=page(interaction(start="2020-02-30T00:00:00Z"))),
    httpx.Response(400, json={"message": f"{PERSON} t0ken-1"}),
    httpx.Response(401, json={"message": f"{PERSON} t0ken-1"}),
    httpx.Response(404, text=PERSON),
    httpx.Response(429, headers={"retry-after": PERSON}),
    httpx.Response(500, text=PERSON),
    httpx.Response(302, headers={"location": f"https://x.example/?connectFrom={PERSON}"}),
    httpx.ConnectError(f"could not reach {PERSON}"),
    httpx.ReadTimeout(f"waiting for {PERSON}"),
    httpx.RemoteProtocolError(PERSON),
]


@pytest.mark.parametrize("answer", LEAKS)
def test_no_error_and_no_log_shows_a_person_a_secret_or_a_token(vcc, network, caplog, answer) -> None:
    caplog.set_level(logging.DEBUG)
    network.get(INTERACTIONS).mock(side_effect=lambda request: _give(answer))
    with pytest.raises(ConnectorError) as caught:
        find(vcc)
    error = caught.value
    shown = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error)), caplog.text]
    chained = error.__context__
    while chained is not None:
        assert not isinstance(chained, httpx.HTTPError)
        shown.append(repr(chained))
        chained = chained.__context__
    for secret in (PERSON, PERSON[1:], SECRET, "t0ken-1", "connectFrom="):
        assert secret not in "\n".join(shown)
    assert str(error).startswith(ERROR_CODES[error.code])


def _give(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer
