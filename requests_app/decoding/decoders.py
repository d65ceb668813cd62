"""Decodes: a picture to its pixels, a PDF to pictures of its pages.

In:  bytes, and what they are to be read as.
Out: frames, one after the other, or ``Unfit``.
Never here: a second document. The process that runs this ends with the file; PDFium keeps global state.

Runs in the decoding process alone (``child``); tests may call it where the bytes are their own.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator

import pypdfium2
from PIL import Image, ImageOps
from pypdfium2 import raw as pdfium

from requests_app.decoding.frames import Frame, Unfit
from requests_app.decoding.limits import MAX_PAGES, MAX_PIXELS, POINTS, page_dpi

_ORIENTATION = 0x0112
DECODERS = {"image/jpeg": "JPEG", "image/png": "PNG"}
#: Modes kept as they are.
_KEPT = {"JPEG": {"L", "RGB"}, "PNG": {"1", "L", "LA", "RGB", "RGBA", "I;16"}}
#: What Pillow's decoders raise on damage. ``OSError`` covers the unidentified and the truncated.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, OverflowError, TypeError, struct.error, zlib.error)


def warm_up() -> None:
    """Decode something of our own, so that every part is loaded: once the locks are closed nothing can be fetched."""
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    for mode, media_type in (("RGB", "image/jpeg"), ("P", "image/png")):
        sample = io.BytesIO()
        Image.new(mode, (8, 8)).save(sample, DECODERS[media_type], exif=exif)
        list(decode(sample.getvalue(), media_type))
    paper = io.BytesIO()
    document = pypdfium2.PdfDocument.new()
    document.new_page(8, 8)
    document.save(paper)
    list(decode(paper.getvalue(), "application/pdf"))


def decode(data: bytes, media_type: str) -> Iterator[Frame]:
    """Every frame that is kept, or ``Unfit``; a later page may be unfit though earlier ones were drawn."""
    try:
        if media_type == "application/pdf":
            yield from _pages(data)
        else:
            yield _picture(data, decoder=DECODERS[media_type])
    except MemoryError:
        raise Unfit("memory") from None


# --- pictures --------------------------------------------------------------------------------------------------------


def _picture(data: bytes, *, decoder: str) -> Frame:
    """The pixels alone, upright. What is damaged, cut short or too large is unfit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = _pixels(data, decoder=decoder)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unfit("bomb") from None
    except _DAMAGE:
        raise Unfit("unreadable") from None
    return Frame(picture.mode, picture.width, picture.height, 0, picture.tobytes())


def _pixels(data: bytes, *, decoder: str) -> Image.Image:
    """The first frame, in a mode its format can hold."""
    with Image.open(io.BytesIO(data), formats=[decoder]) as image:
        # Known from the header, before a pixel is decoded.
        if image.width * image.height > MAX_PIXELS:
            raise Unfit("bomb")
        image.load()
        upright = ImageOps.exif_transpose(image)
    transparent = decoder == "PNG" and upright.has_transparency_data
    if upright.mode not in _KEPT[decoder] or "transparency" in upright.info:
        upright = upright.convert("RGBA" if transparent else "RGB")
    return upright


# --- PDF -------------------------------------------------------------------------------------------------------------


def _pages(data: bytes) -> Iterator[Frame]:
    # The plain calls: the wrapper tells a document without pages from a broken one by an error that may be stale.
    handle = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if not handle:
        locked = pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD
        raise Unfit("encrypted" if locked else "unreadable")
    # Opens without a password, yet may be encrypted: an owner's password restricts printing or copying.
    if pdfium.FPDF_GetSecurityHandlerRevision(handle) != -1:
        raise Unfit("encrypted")
    pages = pdfium.FPDF_GetPageCount(handle)
    if not 1 <= pages <= MAX_PAGES:
        raise Unfit("pages")
    document = pypdfium2.PdfDocument(handle)
    document.init_forms()
    for number in range(pages):
        yield _page(document, number)


def _page(document: pypdfium2.PdfDocument, number: int) -> Frame:
    """What somebody sees who looks at the page: annotations and filled-in fields too."""
    try:
        page = document[number]
        width, height = page.get_size()
        if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
            raise Unfit("unreadable")
        dpi = page_dpi(width, height)
        if not dpi:
            raise Unfit("bomb")
        drawn = page.render(scale=dpi / POINTS, rev_byteorder=True)
    except pypdfium2.PdfiumError:
        raise Unfit("unreadable") from None
    return Frame("RGB", drawn.width, drawn.height, dpi, bytes(drawn.buffer))
