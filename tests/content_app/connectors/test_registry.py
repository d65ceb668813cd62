"""What must hold for every connector, the ones to come included."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from content_app.connectors.base import ContentConnector, Idempotency, Manifest
from content_app.connectors.registry import CONNECTORS, connect
from tests.content_app.connectors.vendor import ACCOUNT

pytestmark = pytest.mark.pure

VERBS = ("find", "get", "statistics", "delete_content", "delete_interactions", "self_test", "another", "close")


@pytest.fixture(params=sorted(CONNECTORS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("verb", VERBS)
def test_a_connector_has_every_verb_with_the_parameters_of_the_contract(kind: str, verb: str) -> None:
    promised = inspect.signature(getattr(ContentConnector, verb)).parameters
    kept = inspect.signature(getattr(CONNECTORS[kind], verb)).parameters
    assert [(p.name, p.kind, p.default) for p in kept.values()] == [
        (p.name, p.kind, p.default) for p in promised.values()
    ]


def test_the_contract_has_no_other_verbs() -> None:
    public = {name for name, _ in inspect.getmembers(ContentConnector, inspect.isfunction) if name[0] != "_"}
    assert public == set(VERBS)


def test_a_manifest_makes_sense(kind: str) -> None:
    manifest = CONNECTORS[kind].manifest
    assert isinstance(manifest, Manifest)
    assert manifest.kind == kind
    assert manifest.label
    assert manifest.version
    assert manifest.content_classes
    assert len(set(manifest.content_classes)) == len(manifest.content_classes)
    assert timedelta(0) < manifest.window
    assert 1 <= manifest.batch_size <= 1000
    assert set(manifest.searches_by) <= {"phone", "email", "handle"}
    assert manifest.searches_by


def test_what_goes_with_what_and_what_is_out_of_reach_fits_the_classes(kind: str) -> None:
    manifest = CONNECTORS[kind].manifest
    for pair in manifest.goes_with:
        assert set(pair) <= set(manifest.content_classes)
    for content_class, reason in manifest.out_of_reach:
        assert content_class not in manifest.content_classes
        assert re.fullmatch(r"[A-Z].{20,140}[^.]", reason)


def test_every_verb_that_calls_says_whether_it_may_be_repeated(kind: str) -> None:
    declared = CONNECTORS[kind].manifest.idempotency
    assert sorted(verb for verb, _ in declared) == sorted(set(VERBS) - {"close", "another"})
    assert {said for _, said in declared} <= set(get_args(Idempotency))
    deletes = {verb: said for verb, said in declared if verb.startswith("delete")}
    assert "safe" not in deletes.values()
    assert {said for verb, said in declared if verb not in deletes} == {"safe"}


def test_a_verb_that_declares_nothing_is_never_repeated_unseen(kind: str) -> None:
    assert replace(CONNECTORS[kind].manifest, idempotency=()).repeats("delete_content") == "probe_first"


def test_connecting_makes_no_call_and_closing_needs_none(kind: str, gate) -> None:
    connector: ContentConnector = connect(kind, ACCOUNT, gate)
    connector.close()
    connector.close()
    assert connector.calls == 0
    assert gate.passed == []


def test_a_connector_does_not_show_its_secrets(kind: str, gate) -> None:
    connector = connect(kind, ACCOUNT, gate)
    assert ACCOUNT.client_secret not in repr(connector) + repr(ACCOUNT)
    assert ACCOUNT.client_id not in repr(connector) + repr(ACCOUNT)
    connector.close()


def test_an_unknown_kind_is_a_mistake(gate) -> None:
    with pytest.raises(KeyError):
        connect("nothing", ACCOUNT, gate)


def test_the_classes_of_vonage_have_the_vendors_names() -> None:
    assert len(CONNECTORS["vcc"].manifest.content_classes) == 12
    assert CONNECTORS["vcc"].manifest.window == timedelta(days=6, hours=23, minutes=59)
    assert CONNECTORS["vcc"].manifest.batch_size == 50
