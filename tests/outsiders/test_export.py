"""Strangers check a real export with their own tools, and come to the same result."""

import hashlib
import os
import re
import shutil
from datetime import UTC, datetime

import pytest

from requests_app import audit_export, publisher, signed_note, signing_keys
from requests_app.signed_note import VerifierKey
from tests.outsiders import forger, tools
from tests.outsiders.forger import Forgery
from tests.requests_app.test_publisher import write

pytestmark = [pytest.mark.django_db(transaction=True), tools.strangers]


def test_every_stranger_accepts_a_real_export(told, tmp_path):
    log, vkey = told.log, told.vkey
    proof = sorted((told.folder / "proofs").glob("*-deletion.receipt.leaf"))[0]
    index = int(proof.name.split("-")[4])
    key = ("--log-key", vkey)
    answers = {
        "Go": tools.go(told.folder, told.older),
        "Go, the report": tools.go(told.folder, "report", told.report),
        "checkpoint": tools.aics("verify-checkpoint", "--note", log / "checkpoint", *key),
        "cosigned": tools.aics(
            "verify-checkpoint", "--note", log / "checkpoint", *key, "--witness-key", told.witness_vkey, "--quorum", "1"
        ),
        "inclusion": tools.aics("verify-inclusion", "--tiles", log, *key, "--leaf", proof, "--index", index),
        "consistency": tools.aics(
            "verify-consistency", "--old-checkpoint", next(told.older.glob("*/checkpoint")), "--tiles", log, *key
        ),
        "every tile": tools.audit_tiles(log, vkey),
        "a leaf": tools.scales("get-leaf", "-c", log, index),
        "OpenSSL": tools.openssl(log, vkey, tmp_path),
    }
    assert {name: done.stderr for name, done in answers.items() if done.returncode} == {}
    assert answers["a leaf"].stdout == proof.read_text()
    proved = len(list((told.folder / "proofs").glob("*.leaf")))
    assert f"{proved} proofs hold" in answers["Go"].stdout
    assert re.search(r"^[1-9]\d* intended deletions, each after", answers["Go"].stdout, re.MULTILINE)
    assert VerifierKey.parse(vkey).fingerprint in answers["Go"].stdout


def test_a_stranger_writes_the_same_proof(told):
    leaf = sorted((told.folder / "proofs").glob("*.leaf"))[-1]
    done = tools.scales("gen-proof", told.log, int(leaf.name.split("-")[4]))
    assert done.stdout == leaf.with_suffix(".tlog-proof").read_text()


def test_the_commands_of_the_readme_work_as_they_stand(told, tmp_path):
    """Whoever follows the page word for word comes to the end."""
    kept = tmp_path / "kept"
    shutil.copytree(told.older, kept)
    page = (told.folder / "README.md").read_text()
    commands = re.findall(r"^ +((?:GO111|\./verify|aics-tlog|tlog-tiles).*)$", page, re.MULTILINE)
    words = {"OLDER": str(kept), "report FILE": f"report {told.report}", "WITNESS": told.witness_vkey}
    path = f"{os.path.dirname(tools.program('aics-tlog'))}:{os.environ['PATH']}"
    assert len(commands) == 8
    for command in commands:
        for word, value in words.items():
            command = command.replace(word, value)
        done = tools.asked("sh", "-c", command, cwd=told.folder, environment={"PATH": path, "HOME": str(tmp_path)})
        assert done.returncode == 0, (command, done.stderr)


def test_a_report_that_was_changed_is_none_of_the_portals(told, tmp_path):
    other = tmp_path / "other.pdf"
    other.write_bytes(told.report.read_bytes() + b" ")
    done = tools.go(told.folder, "report", other)
    assert done.returncode
    assert hashlib.sha256(other.read_bytes()).hexdigest() in done.stderr


def test_a_proof_of_another_entry_proves_nothing(told):
    first, *_, last = sorted((told.folder / "proofs").glob("*.leaf"))
    first.write_bytes(last.read_bytes())
    assert "proves nothing" in tools.go(told.folder).stderr


@pytest.mark.parametrize("lost", ["approval.given", "withdrawn"])
def test_a_deletion_that_nobody_approved_is_seen_in_a_ledger_that_fits(told, lost):
    """The operator signs a history in which the approval is missing, or was taken back before."""

    def without_approval(leaves):
        if lost == "withdrawn":
            return [one for leaf in leaves for one in (leaf, *withdrawals(leaf))]
        return [leaf for leaf in leaves if b"approval.given" not in leaf]

    def withdrawals(leaf):
        if b"approval.given" in leaf:
            yield leaf.replace(b"approval.given", b"approval.withdrawn")

    shutil.rmtree(told.folder / "proofs")
    forger.forge(told.log, Forgery("", without_approval, "own"), own=told.own)
    assert "without an approval" in tools.go(told.folder).stderr


def test_each_years_log_names_the_end_of_the_one_before(clock, tmp_path):
    for year in (2026, 2027):
        clock.move_to(datetime(year, 6, 1, tzinfo=UTC))
        write(300)
        publisher.publish()
    audit_export.export(tmp_path / "out")
    done = tools.go(tmp_path / "out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing has changed since") == 2
    newest = tmp_path / "newest"
    newest.mkdir()
    shutil.copytree(tmp_path / "out/2027", newest / "2027")
    shutil.copytree(tmp_path / "out/verifier", newest / "verifier")
    assert "an older log is not in this folder: it ended at 600" in tools.go(newest).stdout
    assert "there is no log" in tools.go(newest, tmp_path / "out").stderr
    own = signing_keys.load(signing_keys.file_of("2026"))
    forger.forge(tmp_path / "out/2026", Forgery("", forger.rolled_back, "own"), own=own)
    assert "names another end of the log before it" in tools.go(tmp_path / "out").stderr


def test_the_fingerprint_is_that_of_the_line(told):
    assert hashlib.sha256(told.vkey.encode()).hexdigest() in (told.folder / "README.md").read_text()
    assert signed_note.opened((told.log / "checkpoint").read_text(), VerifierKey.parse(told.vkey))
