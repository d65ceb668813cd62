"""A request that was deleted and reported under the eyes of a witness, and the folders that an auditor got."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from content_app import reporting, witnessing
from requests_app import audit, audit_export, publisher
from tests.flow.conftest import approve, centre, connect, freeze, run, take
from tests.outsiders.witness import Witness
from tests.requests_app.test_publisher import write

__all__ = ["centre", "connect", "take"]


@dataclass
class Story:
    """The auditor's folders: an ``older`` one from before the deletion, and the one in question.

    ``own`` is the key that signs the log: forgers have it, auditors do not.
    """

    older: Path
    folder: Path
    report: Path
    own: Any
    witness_vkey: str

    @property
    def log(self) -> Path:
        """The only year's log."""
        (checkpoint,) = self.folder.glob("*/checkpoint")
        return checkpoint.parent

    @property
    def vkey(self) -> str:
        """The key that the auditor was told by another way."""
        return next(self.older.glob("*/vkey")).read_text().strip()


@pytest.fixture
def witness(tmp_path: Path, settings) -> Iterator[Witness]:
    """A witness that runs, knows this portal's log, and that this portal knows."""
    write(1)
    checkpoint = publisher.publish()
    assert checkpoint
    (tmp_path / "witness").mkdir()
    one = Witness(tmp_path / "witness")
    one.know(checkpoint.log.vkey)
    settings.PORTAL_WITNESS_URL, settings.PORTAL_WITNESS_VKEY = one.start(), one.vkey
    yield one
    one.stop()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what the auditor got is kept, so that it happens once and every test tampers with a copy."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def told(request: pytest.FixtureRequest, kept: Path, tmp_path: Path) -> Story:
    """A whole request, from the call to the report."""
    if not (kept / "out").exists():
        request.getfixturevalue("happened")
    copy = tmp_path / "told"
    shutil.copytree(kept, copy)
    own = serialization.load_pem_private_key((copy / "own.pem").read_bytes(), password=None)
    return Story(copy / "older", copy / "out", copy / "report.pdf", own, (copy / "witness.vkey").read_text())


@pytest.fixture
def happened(kept, centre, connect, take, staff, supervisor, witness, settings) -> None:
    """It happens, and its files are kept."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    write(300)
    connect(centre)
    request = take(centre.ask("/subjects")["subjects"][0])
    run()
    approve(request, freeze(request, staff), supervisor)
    witnessing.publish()
    audit_export.export(kept / "older")
    run()
    request.refresh_from_db()
    assert request.state == "verified"
    exported = reporting.export(request.pk, actor=audit.Machine("export_report"), fmt="pdf")
    (kept / "report.pdf").write_bytes(exported.data)
    witnessing.publish()
    (key,) = settings.PORTAL_LEDGER_KEYS_DIR.iterdir()
    shutil.copy(key, kept / "own.pem")
    (kept / "witness.vkey").write_text(witness.vkey)
    audit_export.export(kept / "out", reference=request.reference, reports=[kept / "report.pdf"])
