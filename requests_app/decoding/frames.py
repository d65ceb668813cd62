"""What the decoding process says to the portal: a verdict, then pixels.

In:  a stream.
Out: bytes on it, or what was read from it, within limits that the reader sets.
Never here: trust. The reader takes the other side for hostile: sizes are checked before anything is allocated.

``verdict`` (1 byte), and after a ``0`` frames of ``mode`` (1 byte), ``width``, ``height``, ``dots per inch`` (4 bytes
each, big-endian) and exactly the pixels. A mode of ``0`` ends the stream.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

#: What may be asked for; the position is the byte on the wire.
TYPES = ("application/pdf", "image/jpeg", "image/png")
#: Why a file is not decoded. The position is the byte on the wire; the first stands for success.
VERDICTS = ("", "unreadable", "encrypted", "pages", "bomb", "memory")
#: Pillow's modes → bits a pixel. 16-bit grey is among them: converting it would turn a scan white.
MODES = {"1": 1, "L": 8, "LA": 16, "RGB": 24, "RGBA": 32, "I;16": 16}
_NAMES = ("", *MODES)
_HEAD = struct.Struct(">BIII")


class Unfit(Exception):
    """The file cannot be decoded; ``verdict`` is one of ``VERDICTS``."""

    def __init__(self, verdict: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Nonsense(Exception):
    """The other side broke off, or said what it may not say."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, or one page. ``dpi`` is 0 where nobody knows."""

    mode: str
    width: int
    height: int
    dpi: int
    pixels: bytes = field(repr=False)


def size(mode: str, width: int, height: int) -> int:
    """Bytes that the pixels take: every row begins a byte."""
    return (MODES[mode] * width + 7) // 8 * height


def write(stream: IO[bytes], frame: Frame) -> None:
    """Say one frame. The verdict and the end are the caller's."""
    stream.write(_HEAD.pack(_NAMES.index(frame.mode), frame.width, frame.height, frame.dpi))
    stream.write(frame.pixels)


def write_end(stream: IO[bytes]) -> None:
    """Say that there are no more."""
    stream.write(_HEAD.pack(0, 0, 0, 0))


def read_verdict(stream: IO[bytes]) -> None:
    """Raise ``Unfit`` unless frames follow."""
    verdict = _exactly(stream, 1)[0]
    if verdict >= len(VERDICTS):
        raise Nonsense("unknown verdict")
    if verdict:
        raise Unfit(VERDICTS[verdict])


def read(stream: IO[bytes], *, most: int, allows: Callable[[int, int, int], bool]) -> Iterator[Frame]:
    """At most ``most`` frames, each of a width, height and resolution that ``allows`` lets through."""
    for number in range(most + 1):
        mode, width, height, dpi = _HEAD.unpack(_exactly(stream, _HEAD.size))
        if mode == 0:
            if number == 0 or stream.read(1):
                raise Nonsense("nothing, or more after the end")
            return
        if number == most or mode >= len(_NAMES) or not (width and height) or not allows(width, height, dpi):
            raise Nonsense("a frame beyond the limits")
        name = _NAMES[mode]
        yield Frame(name, width, height, dpi, _exactly(stream, size(name, width, height)))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise Nonsense("broken off")
    return data
