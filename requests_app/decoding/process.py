"""Has strangers' bytes decoded by a process of its own, and lets it live no longer than that takes.

In:  the bytes, and the type they are to be read as.
Out: frames, or ``Unfit``. Whatever the process does, this ends in time.
Never here: a decoder, or belief in what the process says. Its answer is read within limits, and what is kept is written
by the portal itself.

The process starts with no environment, no open file but its two pipes, an empty folder that is its own, and locks
itself in before it reads (``confinement``).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from requests_app.decoding import confinement, frames, limits
from requests_app.decoding.frames import Frame, Nonsense, Unfit

#: The folder that holds the package, which the isolated interpreter would not find by itself.
_ROOT = str(Path(__file__).resolve().parents[2])
_PROLOGUE = "import sys; sys.path.append(sys.argv[1]); from requests_app.decoding import child; "
DECODE = f"{_PROLOGUE}child.main()"
REPORT = f"{_PROLOGUE}child.report()"

#: Processes at a time in each process of the web server: each may take a gigabyte.
AT_ONCE = 2
#: Seconds that an upload waits for its turn.
PATIENCE = 10.0
_turns = threading.BoundedSemaphore(AT_ONCE)


def decode(data: bytes, media_type: str, *, program: str = DECODE) -> Generator[Frame]:
    """The frames, one by one. Raises ``Unfit``: ``slow`` at the deadline, ``busy`` without a free process."""
    paper = media_type == "application/pdf"
    most, allows = (limits.MAX_PAGES, limits.page_fits) if paper else (1, limits.picture_fits)
    with _turn(), _started(program) as (process, late):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _hand_over(process, bytes([frames.TYPES.index(media_type)]), data)
            frames.read_verdict(process.stdout)
            yield from frames.read(process.stdout, most=most, allows=allows)
        except Nonsense:
            raise Unfit("slow" if late.is_set() else "unreadable") from None


def locks() -> tuple[str, ...]:
    """The locks that hold on this host; ``Unfit`` where the process does not even start."""
    with _turn(), _started(REPORT) as (process, _):
        assert process.stdout is not None
        told = process.stdout.read(1000).decode(errors="replace").split()
    return tuple(lock for lock in confinement.LOCKS if lock in told)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE):
        raise Unfit("busy")
    try:
        yield
    finally:
        _turns.release()


@contextmanager
def _started(program: str) -> Iterator[tuple[subprocess.Popen[bytes], threading.Event]]:
    """A process, and whether the clock has ended it. It is gone, and so is its folder, when this is left."""
    late = threading.Event()
    with tempfile.TemporaryDirectory(prefix="portal-decoding-") as folder:
        process = _spawn(program, folder)

        def end() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(confinement.SECONDS, end)
        clock.daemon = True
        clock.start()
        try:
            yield process, late
        finally:
            clock.cancel()
            process.kill()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)
            process.wait()


def _spawn(program: str, folder: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 (the program is ours; the file comes by the pipe)
            (sys.executable, "-I", "-B", "-c", program, _ROOT),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={}, cwd=folder, close_fds=True, start_new_session=True,
        )  # fmt: skip
    except OSError:
        raise Unfit("busy") from None


def _hand_over(process: subprocess.Popen[bytes], *parts: bytes) -> None:
    """A process that has died meanwhile is found out by its answer."""
    assert process.stdin is not None
    try:
        for part in parts:
            process.stdin.write(part)
        process.stdin.close()
    except OSError:
        return


def _close(pipe: object) -> None:
    try:
        pipe.close()  # type: ignore[attr-defined]
    except OSError:  # what could not be written any more
        return
