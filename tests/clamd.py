"""A ClamAV daemon of the tests' own, with a database of one signature; and one that answers what it is told.

In:  a folder.
Out: the path of its socket.
Never here: the system's daemon, or the network. No mirror of signatures is asked.
"""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import needs
from tests.hostile_files import virus

#: What a deployment should have (docs/evidence.md), and a stream that ends below what a test sends.
SETTINGS = """
LocalSocket {folder}/clamd.socket
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
Foreground yes
AlertExceedsMax yes
AlertEncrypted yes
StreamMaxLength 11M
MaxRecursion 5
"""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The real one. It ends with the block."""
    (folder / "signatures").mkdir(parents=True)
    (folder / "signatures" / "tests.ndb").write_text(f"Tests.Eicar:0:*:{virus().hex()}\n")
    (folder / "clamd.conf").write_text(SETTINGS.format(folder=folder))
    program = needs.find("clamd")
    assert program
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen((program, f"--config-file={folder}/clamd.conf"), stdout=log, stderr=log)
    try:
        _wait(daemon, folder)
        yield str(folder / "clamd.socket")
    finally:
        daemon.kill()
        daemon.wait()


def _wait(daemon: "subprocess.Popen[bytes]", folder: Path) -> None:
    for _ in range(600):
        assert daemon.poll() is None, (folder / "log").read_text()
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(folder / "clamd.socket"))
            except OSError:
                time.sleep(0.1)
            else:
                return
    raise AssertionError((folder / "log").read_text())


@contextmanager
def answering(folder: Path, *parts: bytes, reads: bool = True, ends: bool = True) -> Iterator[str]:
    """One that reads a stream, or does not, sends these parts, and hangs up, or does not."""
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "fake.socket"))
        server.listen()
        thread = threading.Thread(target=_serve, args=(server, parts, reads, ends, over), daemon=True)
        thread.start()
        try:
            yield str(folder / "fake.socket")
        finally:
            over.set()
            thread.join(timeout=10)


def _serve(server: socket.socket, parts: tuple[bytes, ...], reads: bool, ends: bool, over: threading.Event) -> None:
    line, _ = server.accept()
    with line:
        line.settimeout(10)
        data = b""
        while reads and not data.endswith(bytes(4)):
            data += line.recv(1 << 20)
        for part in parts:
            line.sendall(part)
        if not ends:
            over.wait(timeout=60)
