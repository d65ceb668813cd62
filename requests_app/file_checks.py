"""Evidence of identity, as it comes off the street: PDF, JPEG or PNG, and nothing that only claims to be.

In:  a file's name and its bytes.
Out: an ``Upload`` that is safe to keep, or ``Refused``.
Never here: storage, Django, HTTP, scanners. A name serves for its extension, and no message echoes it.

The decoders decide, because sniffing calls a picture with a program behind it a picture. What is kept of a picture
are its pixels, written anew: no EXIF (a photo of a passport carries the place it was taken), nothing after its end.

A PDF cannot be written anew without losing what makes it evidence, so it is kept as uploaded. It may hold scripts:
whoever serves it does so as an attachment, never inline. Before its header and after its end mark only blanks are
allowed, and it must not read as a ZIP archive, so that it is a PDF to everybody or to nobody.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field

from PIL import Image, ImageOps
from pypdfium2 import raw as pdfium

from requests_app.errors import Refused

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_PAGES = 20

_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_DECODERS = {"image/jpeg": "JPEG", "image/png": "PNG"}
_EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
_PICTURE_BEGINNINGS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_PDF_BEGINNING, _PDF_END, _PDF_WINDOW = b"%PDF-", b"%%EOF", 1024
#: White space as ISO 32000-1 (7.2.2) has it, NUL included, and the byte order mark some programs put in front.
_BLANKS = b"\x00\t\n\x0c\r "
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Modes kept as they are. 16-bit grey is among them: converting it would turn a scan white.
_MODES = {"JPEG": {"L", "RGB"}, "PNG": {"1", "L", "LA", "RGB", "RGBA", "I;16"}}

#: PDFium keeps global state and is not thread-safe: one document at a time in a process.
_one_pdf = threading.Lock()
#: So are the filters of ``warnings``.
_one_picture = threading.Lock()

_SAVE: dict[str, dict[str, int]] = {"JPEG": {"quality": 90}, "PNG": {}}
#: What Pillow's decoders raise on damage. ``OSError`` covers the unidentified and the truncated.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, OverflowError, TypeError, struct.error, zlib.error)

_MESSAGES = {
    "evidence_empty": "The file is empty: choose the file again.",
    "evidence_too_large": "The file is larger than 10 MB: scan or photograph the document at a lower resolution.",
    "evidence_type": "Only .pdf, .jpg, .jpeg and .png files are accepted: save the document as one of these.",
    "evidence_mismatch": "The file is not what its ending says: save it anew as PDF, JPEG or PNG.",
    "evidence_unreadable": "The file is damaged or has foreign parts: scan or photograph the document again.",
    "evidence_encrypted": "The PDF is protected by a password: save it without protection.",
    "evidence_pages": f"The PDF must have between 1 and {MAX_PAGES} pages: send only those that identify the person.",
    "evidence_bomb": "The picture has more than 40 million pixels: scan or photograph it at a lower resolution.",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that passed. ``extension`` is ours and has no dot; ``data`` never appears in its ``repr``."""

    media_type: str
    extension: str
    data: bytes = field(repr=False)


def check(name: str, data: bytes) -> Upload:
    """What is kept of the uploaded file. Raises ``Refused`` with an ``evidence_…`` code.

    ``data`` is bounded before it is read: callers refuse by the announced size, this refuses by the real one.
    """
    if len(data) > MAX_BYTES:
        raise _refused("evidence_too_large")
    if not data:
        raise _refused("evidence_empty")
    media_type = _claimed(name)
    if _found(data) != media_type:
        raise _refused("evidence_mismatch")
    if media_type == "application/pdf":
        _check_pdf(data)
    else:
        data = _rewrite(data, media_type=media_type)
    return Upload(media_type=media_type, extension=_EXTENSIONS[media_type], data=data)


def _refused(code: str) -> Refused:
    return Refused(code, _MESSAGES[code])


def _claimed(name: str) -> str:
    """The media type the last extension stands for.

    Folders, earlier extensions and any length are let through: the name is not kept, so they can do no harm. A NUL or
    another control character is there to deceive whoever reads the name.
    """
    stem, _, extension = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    media_type = _TYPES.get(extension.lower())
    if media_type is None or not stem or not name.isprintable():
        raise _refused("evidence_type")
    return media_type


def _found(data: bytes) -> str | None:
    """The type the first bytes belong to. A picture's must be the very first: polyglots hide a PDF behind them."""
    for media_type, beginning in _PICTURE_BEGINNINGS.items():
        if data.startswith(beginning):
            return media_type
    return "application/pdf" if _PDF_BEGINNING in data[:_PDF_WINDOW] else None


def _rewrite(data: bytes, *, media_type: str) -> bytes:
    """The pixels alone, upright. Raises ``Refused`` for a picture that is damaged, cut short or too large."""
    try:
        with _one_picture, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = _pixels(data, decoder=_DECODERS[media_type])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _refused("evidence_bomb") from None
    except _DAMAGE:
        raise _refused("evidence_unreadable") from None
    written = io.BytesIO()
    picture.save(written, format=_DECODERS[media_type], **_SAVE[_DECODERS[media_type]])
    if written.tell() > MAX_BYTES:
        raise _refused("evidence_too_large")
    return written.getvalue()


def _pixels(data: bytes, *, decoder: str) -> Image.Image:
    """The first frame, in a mode its format can hold. ``info`` is emptied: the encoders copy comments out of it."""
    with Image.open(io.BytesIO(data), formats=[decoder]) as image:
        # Known from the header, before a pixel is decoded.
        if image.width * image.height > MAX_PIXELS:
            raise _refused("evidence_bomb")
        image.load()
        upright = ImageOps.exif_transpose(image)
    transparent = decoder == "PNG" and upright.has_transparency_data
    if upright.mode not in _MODES[decoder] or "transparency" in upright.info:
        upright = upright.convert("RGBA" if transparent else "RGB")
    upright.info.clear()
    return upright


def _check_pdf(data: bytes) -> None:
    if _has_foreign_parts(data):
        raise _refused("evidence_unreadable")
    with _one_pdf:
        # The plain calls: the wrapper raises on a document without pages, with the error of an earlier document.
        document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
        if not document:
            locked = pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD
            raise _refused("evidence_encrypted" if locked else "evidence_unreadable")
        pages = pdfium.FPDF_GetPageCount(document)
        # Opens without a password, yet may be encrypted: an owner's password restricts printing or copying.
        encrypted = pdfium.FPDF_GetSecurityHandlerRevision(document) != -1
        pdfium.FPDF_CloseDocument(document)
    if encrypted:
        raise _refused("evidence_encrypted")
    if not 1 <= pages <= MAX_PAGES:
        raise _refused("evidence_pages")


def _has_foreign_parts(data: bytes) -> bool:
    before = data[: data.index(_PDF_BEGINNING)].removeprefix(_BYTE_ORDER_MARK)
    _, mark, after = data.rpartition(_PDF_END)
    return bool(before.strip(_BLANKS)) or not mark or bool(after.strip(_BLANKS)) or zipfile.is_zipfile(io.BytesIO(data))
