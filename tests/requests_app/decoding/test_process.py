"""The decoding process: whatever it does, the upload ends with frames or with a verdict, and nothing is left over."""

import io
import os
import threading

import pytest
from PIL import Image

from requests_app.decoding import confinement, process
from requests_app.decoding.frames import Unfit
from tests.hostile_files import pdf, picture

pytestmark = pytest.mark.pure


def verdict(program, data=b"x"):
    with pytest.raises(Unfit) as unfit:
        list(process.decode(data, "image/png", program=program))
    return unfit.value.verdict


def test_pages_come_as_pixels():
    frames = list(process.decode(pdf(pages=3), "application/pdf"))
    assert [(one.mode, one.dpi, len(one.pixels) == one.width * one.height * 3) for one in frames] == [
        ("RGB", 150, True)
    ] * 3


@pytest.mark.parametrize(
    "program",
    [
        "import os; os._exit(0)",
        "import os; os._exit(1)",
        "import os; os.abort()",
        "raise SystemExit",
        "import no_such_module",
        "print('hello')",
        "import os; os.write(1, b'\\0')",
        "import os; os.write(1, b'\\0' + bytes(100))",
        "import os; os.close(0); os.close(1)",
        "import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write(b'\\x07')",
        "import os, sys; sys.stdin.close(); os.write(1, b'\\0\\4' + b'\\xff' * 1000)",
    ],
)
def test_an_answer_that_is_none_is_a_file_that_cannot_be_read(program):
    assert verdict(program, data=bytes(5_000_000)) == "unreadable"


def test_more_frames_than_were_asked_for_are_nonsense():
    two = "import os, struct; f = struct.pack('>BIII', 2, 1, 1, 0) + b'x'; os.write(1, b'\\0' + f + f + bytes(13))"
    assert verdict(two) == "unreadable"


def test_it_starts_with_no_environment_no_open_file_and_an_empty_folder(tmp_path):
    (tmp_path / "open").write_text("secret")
    show = (
        "import os; fds = [int(one) for one in os.listdir('/dev/fd') if int(one) > 2]; "
        "told = sorted(os.environ), fds[1:], os.listdir('.'), os.getsid(0) == os.getpid(); "
        "os.write(1, repr(told).encode())"
    )
    with (tmp_path / "open").open() as held, process._started(show) as (one, _):
        os.set_inheritable(held.fileno(), True)
        told = one.stdout.read().decode()
    environment, descriptors, folder, alone = eval(told)
    assert set(environment) <= {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert (descriptors, folder, alone) == ([], [], True)


def test_nothing_is_left_over(monkeypatch):
    started = []

    def spawn(program, folder):
        started.append((real(program, folder), folder))
        return started[-1][0]

    real = process._spawn
    monkeypatch.setattr(process, "_spawn", spawn)
    list(process.decode(picture("PNG"), "image/png"))
    assert next(process.decode(pdf(pages=2), "application/pdf"))  # the second page is never asked for
    for one, folder in started:
        assert one.poll() is not None
        assert not os.path.exists(folder)
    assert len(started) == 2


def test_whoever_comes_when_all_are_busy_is_asked_to_come_again(monkeypatch):
    monkeypatch.setattr(process, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(process, "PATIENCE", 0.1)
    first = process.decode(pdf(), "application/pdf")
    next(first)
    assert verdict(process.DECODE) == "busy"
    first.close()
    assert list(process.decode(pdf(), "application/pdf"))


def test_a_host_without_room_for_a_process_is_busy(monkeypatch):
    def full(*args, **options):
        raise BlockingIOError

    monkeypatch.setattr(process.subprocess, "Popen", full)
    assert verdict(process.DECODE) == "busy"


def test_a_file_that_takes_too_much_memory_is_told_so(monkeypatch):
    tight = process.DECODE.replace("child.main()", "c = child.confinement; c.MEMORY = 1 << 28; child.main()")
    big = io.BytesIO()
    Image.new("RGB", (7000, 5700)).save(big, "PNG")
    assert verdict(tight, data=big.getvalue()) in {"memory", "unreadable"}


def test_the_locks_are_named():
    assert set(process.locks()) <= set(confinement.LOCKS)
    assert "limits" in process.locks()
