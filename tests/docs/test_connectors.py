"""`docs/connectors.md` says what the connectors say of themselves."""

from content_app.connectors import base, registry
from tests.docs import tables

DOCUMENT = "docs/connectors.md"


def manifests():
    return {kind: registry.manifest(kind) for kind in registry.CONNECTORS}


def test_every_connector_is_described():
    described = {
        tables.code(row["Kind"]): (
            row["System"], tuple(tables.codes(row["Classes of content"])), row["Longest search"],
            row["In one batch"], tuple(tables.codes(row["Searches by"])),
        )
        for row in tables.table(DOCUMENT, "Manifests")
    }  # fmt: skip
    assert described == {
        kind: (one.label, one.content_classes, str(one.window), str(one.batch_size), one.searches_by)
        for kind, one in manifests().items()
    }


def test_what_is_out_of_reach_is_said_with_its_reason():
    rows = tables.table(DOCUMENT, "Out of reach")
    described = {(tables.code(row["Kind"]), tables.code(row["Class"]), row["Why"]) for row in rows}
    assert described == {(kind, name, why) for kind, one in manifests().items() for name, why in one.out_of_reach}


def test_what_goes_together_is_said():
    rows = tables.table(DOCUMENT, "Goes together")
    described = {(tables.code(row["Kind"]), tables.code(row["First"]), tables.code(row["Second"])) for row in rows}
    assert described == {(kind, *pair) for kind, one in manifests().items() for pair in one.goes_with}


def test_what_a_lost_answer_means_is_said_of_each_verb():
    rows = tables.table(DOCUMENT, "When an answer is lost")
    described = {(tables.code(row["Kind"]), tables.code(row["Verb"]), tables.code(row["Class"])) for row in rows}
    assert described == {(kind, *pair) for kind, one in manifests().items() for pair in one.idempotency}


def test_every_error_code_is_described():
    described = {tables.code(row["Code"]): row["What a person reads"] for row in tables.table(DOCUMENT, "Error codes")}
    assert described == base.ERROR_CODES


def test_every_verb_is_described():
    verbs = {name for name, one in vars(base.ContentConnector).items() if callable(one) and not name.startswith("_")}
    assert {tables.code(row["Verb"]) for row in tables.table(DOCUMENT, "Connectors")} == verbs
