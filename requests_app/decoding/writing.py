"""Writes pixels as a file of the portal's own making.

In:  frames.
Out: a JPEG, a PNG, or a PDF that consists of pictures.
Never here: a byte of the upload other than its pixels, or a decoder.
"""

import io
from collections.abc import Iterable

from PIL import Image

from requests_app.decoding.frames import Frame

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
_OPTIONS: dict[str, dict[str, int]] = {"JPEG": {"quality": 90}, "PNG": {}}
_PAGE_QUALITY = 80


def picture(frames: Iterable[Frame], media_type: str) -> bytes:
    """The single frame as a picture file. Written before the end is asked for: until then it is this file's turn."""
    written, name = io.BytesIO(), _FORMATS[media_type]
    for frame in frames:
        _image(frame).save(written, format=name, **_OPTIONS[name])
    return written.getvalue()


def paper(frames: Iterable[Frame]) -> bytes:
    """A PDF with a picture for each frame, as large on paper as the page was. One frame is in memory at a time."""
    written = io.BytesIO()
    for frame in frames:
        further = bool(written.tell())
        _image(frame).save(written, format="PDF", append=further, resolution=frame.dpi, quality=_PAGE_QUALITY)
    return written.getvalue()


def _image(frame: Frame) -> Image.Image:
    return Image.frombytes(frame.mode, (frame.width, frame.height), frame.pixels)
