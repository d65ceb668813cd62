"""History is rewritten in every way, and strangers notice: the table of `docs/ledger.md`, measured."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.docs import tables
from tests.outsiders import forger, tools

pytestmark = [pytest.mark.django_db(transaction=True), tools.strangers]


def noticed(told, scratch):
    """Who notices that something is wrong with this folder. The auditor was told the key by another way."""
    log, key = told.log, ("--log-key", told.vkey)
    old = next(told.older.glob("*/checkpoint"))
    questions = {
        "Go": (tools.go, told.folder),
        "Go, older folder": (tools.go, told.folder, told.older),
        "aics-tlog, every tile": (tools.audit_tiles, log, told.vkey),
        "aics-tlog, older checkpoint": (
            tools.aics, "verify-consistency", "--old-checkpoint", old, "--tiles", log, *key
        ),
        "aics-tlog, witness": (
            tools.aics, "verify-checkpoint", "--note", log / "checkpoint", *key, "--witness-key", told.witness_vkey,
            "--quorum", "1",
        ),
        "tlog-tiles, the entry": (tools.scales, "get-leaf", "-c", log, forger.AT),
        "OpenSSL": (tools.openssl, log, told.vkey, scratch),
    }  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        answers = {name: pool.submit(*question) for name, question in questions.items()}
    return {name: bool(answer.result().returncode) for name, answer in answers.items()}


def test_every_forgery_is_noticed_by_a_verifier_that_is_not_ours(told, tmp_path):
    measured = []
    untouched = tmp_path / "untouched"
    shutil.copytree(told.log, untouched)
    shutil.rmtree(told.folder / "proofs")  # the leaves beside the proofs would give it away
    assert not any(noticed(told, tmp_path).values()), "what nobody has touched is accepted by all"
    for forgery in forger.FORGERIES:
        shutil.rmtree(told.log)
        shutil.copytree(untouched, told.folder / untouched_year(told))
        forger.forge(told.log, forgery, own=told.own)
        found = noticed(told, tmp_path)
        assert any(found.values()), forgery.name
        measured.append({"Forged": forgery.name} | {name: "yes" if caught else "no" for name, caught in found.items()})
    assert measured == tables.table("docs/ledger.md", "Who notices what")


def untouched_year(told):
    return next(told.older.glob("*/checkpoint")).parent.name
