"""Files are whole or not there; what a killed process left half written goes, and nothing else does."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from requests_app import publisher
from requests_app.tile_store import TileStore
from tests.requests_app.test_publisher import write

_KILLED = """
import os, sys
from pathlib import Path
from requests_app import tile_store
os.fsync = lambda handle: os.kill(os.getpid(), 9)
tile_store.TileStore(Path(sys.argv[1])).write("tile/0/000.p/7", b"half")
"""


def killed_in(directory):
    """A process that is killed before its file is in its place; what it left."""
    done = subprocess.run([sys.executable, "-c", _KILLED, str(directory)], cwd=os.getcwd(), check=False)
    assert done.returncode == -9
    (left,) = (directory / "tile/0/000.p").glob(".7.*")
    return left


def test_what_was_killed_half_way_is_removed_and_whole_files_stay(tmp_path):
    store = TileStore(tmp_path)
    store.write("checkpoint", b"text")
    (tmp_path / ".keep").write_bytes(b"")
    left = killed_in(tmp_path)
    assert store.clear_left_behind(before=datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert not left.exists()
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"checkpoint", ".keep"}


def test_what_is_younger_than_the_lease_may_still_be_written(tmp_path):
    left = killed_in(tmp_path)
    assert TileStore(tmp_path).clear_left_behind(before=datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert left.exists()


@pytest.mark.django_db
def test_the_loop_removes_it_when_it_starts(ledger_directory):
    write(3)
    left = killed_in(publisher.store_of(publisher.publish().log).directory)
    past = datetime.now(UTC) - timedelta(minutes=1)
    os.utime(left, (past.timestamp(), past.timestamp()))
    publisher.check_from_rows()
    assert not left.exists()
    write(1)
    assert publisher.publish().size == 4
