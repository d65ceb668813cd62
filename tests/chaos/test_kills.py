"""Whatever is killed, and whenever: the ledger has no gap, no double, and never two roots for one size."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest
from django.db import connection

from requests_app import audit, publisher
from requests_app.models import Checkpoint, LedgerIndex, LedgerLeaf
from tests.chaos import rfc6962

pytestmark = pytest.mark.django_db(transaction=True)

#: How often, and after how many seconds, in the suite. For longer: CHAOS_KILLS="26 0.5 1.1".
KILLS = os.environ.get("CHAOS_KILLS", "30 0.1 0.5").split()
SEED = os.environ.get("CHAOS_SEED", str(int.from_bytes(os.urandom(4), "big")))
WRITERS = 2


def process(directory, *words):
    """A process on this test's database and ledger."""
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        parts = urlsplit(os.environ["DATABASE_URL"])
        url = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    environment = os.environ | {
        "DATABASE_URL": url, "TESTS_LEDGER_DIR": str(directory), "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.getcwd(),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery", *words], env=environment, stdout=subprocess.PIPE, text=True
    )


class Observer(threading.Thread):
    """Somebody outside who keeps every checkpoint that is ever published, in order."""

    def __init__(self, directory: Path) -> None:
        super().__init__(daemon=True)
        self.directory, self.seen, self.over = directory, [], threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.002):
            self.look()

    def look(self) -> None:
        for file in self.directory.glob("*/checkpoint"):
            text = file.read_text(encoding="utf-8")
            if not self.seen or self.seen[-1] != text:
                self.seen.append(text)


def test_publishers_that_are_killed_all_the_time_lose_nothing_and_contradict_nothing(ledger_directory, tmp_path):
    observer = Observer(ledger_directory)
    observer.start()
    told = [tmp_path / f"written-{number}" for number in range(WRITERS)]
    writers = [process(ledger_directory, "write", str(file)) for file in told]
    killer = process(ledger_directory, "publish", *KILLS, SEED)
    kills = killer.communicate()[0].strip()
    assert all(writer.poll() is None for writer in writers), "a writer ended by itself"
    for writer in writers:
        writer.kill()
        writer.communicate()
    assert killer.returncode == 0, f"seed {SEED}"
    assert int(kills) >= int(KILLS[0])
    last = publisher.publish()
    observer.over.set()
    observer.join()
    observer.look()
    sys.stdout.write(f"{kills} kills, {last.size} entries, {len(observer.seen)} checkpoints seen, seed {SEED}\n")

    _assert_numbered(told)
    _assert_nothing_contradicts(observer, last)
    assert audit.verify().ok


def _assert_numbered(told):
    """Every committed entry has one number; the numbers run from 0 without a gap."""
    rows = list(LedgerIndex.objects.order_by("seq").values_list("seq", "leaf_id"))
    assert [seq for seq, _ in rows] == list(range(len(rows)))
    numbered = {leaf for _, leaf in rows}
    assert len(numbered) == len(rows)
    assert numbered == set(LedgerLeaf.objects.values_list("pk", flat=True))
    written = {UUID(line) for file in told for line in file.read_text(encoding="ascii").splitlines() if len(line) == 36}
    assert len(written) > 100
    assert written <= numbered


def _assert_nothing_contradicts(observer, last):
    """Every checkpoint that was seen is the beginning of the last, by the bundles alone; no size has two roots."""
    directory = observer.directory / str(last.log.year)
    vkey = (directory / "vkey").read_text(encoding="utf-8")
    seen = [rfc6962.opened(text, vkey) for text in observer.seen]
    assert len(seen) > 5
    assert [size for size, _ in seen] == sorted(size for size, _ in seen), "it went back"
    stored = [(row.size, bytes(row.root)) for row in Checkpoint.objects.all()]
    roots = dict(stored)
    assert len(roots) == len(stored)
    assert set(seen) <= set(stored), "something was published that is not stored"
    assert seen[-1] == (last.size, bytes(last.root))

    leaves = rfc6962.entries(directory, last.size)
    assert leaves == [bytes(leaf) for leaf in LedgerIndex.objects.order_by("seq").values_list("leaf__leaf", flat=True)]
    tree = rfc6962.Tree(leaves)
    for size, root in stored:
        assert tree.root(size) == root
        path = publisher.consistency(last.log, size, last.size)
        rfc6962.check_consistency(size, root, last.size, bytes(last.root), path)
