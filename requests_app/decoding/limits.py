"""How much of a file is decoded. Both sides of the pipe ask here, so that neither believes the other.

In:  a page's size.
Out: the resolution it is drawn at, and whether pixels are within bounds.
Never here: a limit on bytes; ``requests_app.file_checks`` has those.
"""

import math

MAX_PAGES = 20
#: Of a picture, and of a page. Forty million are a camera's best; ten million are a page of A4 at 300 dots per inch.
MAX_PIXELS = 40_000_000
MAX_PAGE_PIXELS = 10_000_000
#: Dots per inch at which a page is drawn. One whose pixels would be too many is drawn at fewer.
DPI = 150
#: Units of PDF in an inch.
POINTS = 72


def page_dpi(width: float, height: float) -> int:
    """Dots per inch for a page of this size in points; 0 for one so large that nothing would be seen."""
    fitting = math.sqrt(MAX_PAGE_PIXELS / (width * height)) * POINTS
    # Rounding up may add a pixel in each direction, and another where a size cannot be told exactly.
    for dpi in (DPI, int(fitting), int(fitting) - 1):
        if dpi > 0 and page_fits(math.ceil(width * dpi / POINTS) + 1, math.ceil(height * dpi / POINTS) + 1, dpi):
            return dpi
    return 0


def page_fits(width: int, height: int, dpi: int) -> bool:
    """Whether a page may have this many pixels."""
    return width * height <= MAX_PAGE_PIXELS and 0 < dpi <= DPI


def picture_fits(width: int, height: int, dpi: int) -> bool:
    """Whether a picture may."""
    return width * height <= MAX_PIXELS and dpi == 0
