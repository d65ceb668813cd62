"""Evidence of identity, as it comes off the street: PDF, JPEG or PNG, and nothing that only claims to be.

In:  a file's name and its bytes, and who scans them for viruses.
Out: an ``Upload`` that is safe to keep, or ``Refused``.
Never here: storage, Django, a decoder. A name serves for its extension, and no message echoes it.

The decoders decide, because sniffing calls a picture with a program behind it a picture. They run in a process of their
own (``decoding``). What is kept are the pixels, written anew: of a picture without EXIF (a photo of a passport carries
the place it was taken), of a PDF a picture of each page, without its scripts, attachments and hidden text.

Before a PDF's header and after its end mark only blanks are allowed, and it must not read as a ZIP archive, so that
what was uploaded is a PDF to everybody or to nobody.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from requests_app.decoding import process, writing
from requests_app.decoding.frames import Unfit
from requests_app.decoding.limits import MAX_PAGES
from requests_app.errors import Refused

MAX_BYTES = 10 * 1024 * 1024
#: Of what is kept. Twenty pages of noise, drawn, are larger than what they were drawn from.
MAX_KEPT_BYTES = 40 * 1024 * 1024

PDF = "application/pdf"
_TYPES = {"pdf": PDF, "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_EXTENSIONS = {PDF: "pdf", "image/jpeg": "jpg", "image/png": "png"}
_PICTURE_BEGINNINGS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_PDF_BEGINNING, _PDF_END, _PDF_WINDOW = b"%PDF-", b"%%EOF", 1024
#: White space as ISO 32000-1 (7.2.2) has it, NUL included, and the byte order mark some programs put in front.
_BLANKS = b"\x00\t\n\x0c\r "
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: The codes after ``evidence_``, and the sentences. Every verdict of the decoding process is among them.
_MESSAGES = {
    "empty": "The file is empty: choose the file again.",
    "too_large": "The file is larger than 10 MB: scan or photograph the document at a lower resolution.",
    "type": "Only .pdf, .jpg, .jpeg and .png files are accepted: save the document as one of these.",
    "mismatch": "The file is not what its ending says: save it anew as PDF, JPEG or PNG.",
    "unreadable": "The file is damaged or has foreign parts: scan or photograph the document again.",
    "encrypted": "The PDF is protected by a password: save it without protection.",
    "pages": f"The PDF must have between 1 and {MAX_PAGES} pages: send only those that identify the person.",
    "bomb": "The picture has more than 40 million pixels, or a page is metres wide: scan it at a lower resolution.",
    "memory": "The file takes too much memory to be drawn: scan or photograph the document again.",
    "slow": "The file takes too long to be drawn: scan or photograph the document again.",
    "busy": "Too many files are being checked at the moment: try again in a minute.",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that passed. ``extension`` is ours and has no dot; ``data`` never appears in its ``repr``."""

    media_type: str
    extension: str
    data: bytes = field(repr=False)


def check(name: str, data: bytes, *, scan: Callable[[bytes], None]) -> Upload:
    """What is kept of the uploaded file. Raises ``Refused`` with an ``evidence_…`` code.

    ``data`` is bounded before it is read: callers refuse by the announced size, this refuses by the real one. ``scan``
    sees the bytes as they came, before anything looks into them, and refuses by raising.
    """
    if len(data) > MAX_BYTES:
        raise _refused("too_large")
    if not data:
        raise _refused("empty")
    media_type = _claimed(name)
    scan(data)
    if _found(data) != media_type:
        raise _refused("mismatch")
    if media_type == PDF and _has_foreign_parts(data):
        raise _refused("unreadable")
    return Upload(media_type, _EXTENSIONS[media_type], _rewritten(data, media_type))


def _refused(code: str) -> Refused:
    return Refused(f"evidence_{code}", _MESSAGES[code])


def _claimed(name: str) -> str:
    """The media type the last extension stands for.

    Folders, earlier extensions and any length are let through: the name is not kept, so they can do no harm. A NUL or
    another control character is there to deceive whoever reads the name.
    """
    stem, _, extension = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    media_type = _TYPES.get(extension.lower())
    if media_type is None or not stem or not name.isprintable():
        raise _refused("type")
    return media_type


def _found(data: bytes) -> str | None:
    """The type the first bytes belong to. A picture's must be the very first: polyglots hide a PDF behind them."""
    for media_type, beginning in _PICTURE_BEGINNINGS.items():
        if data.startswith(beginning):
            return media_type
    return PDF if _PDF_BEGINNING in data[:_PDF_WINDOW] else None


def _has_foreign_parts(data: bytes) -> bool:
    before = data[: data.index(_PDF_BEGINNING)].removeprefix(_BYTE_ORDER_MARK)
    _, mark, after = data.rpartition(_PDF_END)
    return bool(before.strip(_BLANKS)) or not mark or bool(after.strip(_BLANKS)) or zipfile.is_zipfile(io.BytesIO(data))


def _rewritten(data: bytes, media_type: str) -> bytes:
    """The pixels, as a file that the portal wrote."""
    try:
        with closing(process.decode(data, media_type)) as frames:
            kept = writing.paper(frames) if media_type == PDF else writing.picture(frames, media_type)
    except Unfit as unfit:
        raise _refused(unfit.verdict) from None
    if len(kept) > MAX_KEPT_BYTES:
        raise _refused("too_large")
    return kept
