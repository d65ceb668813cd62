"""The answer of a process that may have been taken over is read within limits, or not at all."""

import io
import struct

import pytest

from requests_app.decoding import frames
from requests_app.decoding.frames import Frame, Nonsense, Unfit

pytestmark = pytest.mark.pure

FRAME = Frame("RGB", 2, 3, 150, bytes(18))


def said(*told, end=True):
    stream = io.BytesIO()
    for frame in told:
        frames.write(stream, frame)
    if end:
        frames.write_end(stream)
    stream.seek(0)
    return stream


def read(stream, *, most=2, allows=lambda width, height, dpi: width * height <= 100):
    return list(frames.read(stream, most=most, allows=allows))


def test_what_was_said_is_read():
    assert read(said(FRAME, FRAME)) == [FRAME, FRAME]


@pytest.mark.parametrize("mode", frames.MODES)
def test_every_mode_has_its_size(mode):
    frame = Frame(mode, 9, 3, 0, bytes(frames.size(mode, 9, 3)))
    assert read(said(frame)) == [frame]


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(),
        said(),
        said(FRAME, end=False),
        said(FRAME, FRAME, FRAME),
        io.BytesIO(said(FRAME).getvalue()[:-5]),
        io.BytesIO(said(FRAME).getvalue() + b"x"),
        io.BytesIO(struct.pack(">BIII", 99, 1, 1, 1)),
        io.BytesIO(struct.pack(">BIII", 4, 0, 1, 1)),
        io.BytesIO(struct.pack(">BIII", 4, 2**32 - 1, 2**32 - 1, 1)),
        io.BytesIO(struct.pack(">BIII", 4, 101, 1, 1) + bytes(303)),
    ],
    ids=["nothing", "no frame", "no end", "too many", "cut", "more", "a mode", "no width", "endless", "too large"],
)
def test_nonsense_is_noticed_before_anything_is_allocated(stream):
    with pytest.raises(Nonsense):
        read(stream)


@pytest.mark.parametrize("verdict", frames.VERDICTS[1:])
def test_a_verdict_is_read(verdict):
    with pytest.raises(Unfit, match=verdict):
        frames.read_verdict(io.BytesIO(bytes([frames.VERDICTS.index(verdict)])))


@pytest.mark.parametrize("stream", [b"", b"\xff"])
def test_a_verdict_that_is_none_is_nonsense(stream):
    with pytest.raises(Nonsense):
        frames.read_verdict(io.BytesIO(stream))
