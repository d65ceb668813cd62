"""`docs/data.md` knows every table, what is sealed in it, and which rows cannot change."""

import re
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.apps import apps

from requests_app.models.guards import TruncateGuard
from tests.docs import tables

DOCUMENT = "docs/data.md"
OURS = {"requests_app": "Case file", "content_app": "Workshop"}
_SEALED = re.compile(r".*_enc|wrapped.*")


def models_of(label):
    return {model._meta.db_table: model for model in apps.get_app_config(label).get_models(include_auto_created=True)}


def described(label):
    return {tables.code(row["Table"]): row for row in tables.table(DOCUMENT, OURS[label])}


def guards_of(label):
    package = import_module(f"{label}.migrations")
    modules = [import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__)]
    return [guard for module in modules for guard in getattr(module, "GUARDS", ())], {
        table for module in modules for table in getattr(module, "APPEND_ONLY", ())
    }


@pytest.mark.parametrize("label", OURS)
def test_every_table_is_described_and_no_other(label):
    assert set(described(label)) == set(models_of(label))


def test_every_table_of_a_package_is_described_too():
    every = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    ours = {table for label in OURS for table in models_of(label)}
    rows = tables.table(DOCUMENT, "Tables of Django and its packages")
    assert {tables.code(row["Table"]) for row in rows} == every - ours


@pytest.mark.parametrize("label", OURS)
def test_every_sealed_column_is_named(label):
    for table, model in models_of(label).items():
        sealed = {field.name for field in model._meta.local_fields if _SEALED.fullmatch(field.name)}
        named = {name for name in tables.codes(described(label)[table]["Encrypted"]) if _SEALED.fullmatch(name)}
        assert named == sealed, table


@pytest.mark.parametrize("label", OURS)
def test_append_only_is_what_the_guards_make_so(label):
    guards, append_only = guards_of(label)
    by_table = {}
    for guard in guards:
        if not isinstance(guard, TruncateGuard):
            by_table.setdefault(guard.table, {})[guard.event] = guard.condition
    told = {table: row["Rows"] for table, row in described(label).items()}
    assert {table for table, word in told.items() if word == "append-only"} == append_only
    for table in append_only:
        assert by_table[table]["UPDATE"] == by_table[table]["DELETE"] == "1 = 1"
    assert {table for table, word in told.items() if word in ("frozen", "moves")} == set(by_table) - append_only
    assert set(told.values()) <= {"append-only", "frozen", "moves", "free", "bookkeeping"}
