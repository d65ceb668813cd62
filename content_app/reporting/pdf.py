"""Sets a report as a tagged PDF/A and PDF/UA document.

In:  the facts of a report.
Out: a PDF whose bytes depend on the facts and the template alone: its fonts are the typesetter's, its date the facts'.
Never here: a database, the network, markup made from data. Data reaches the template as JSON and stays text.

The typesetter keeps what it has set in memory, to a plateau of about 100 MB; a report has one or two pages.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst

from content_app.reporting import wording

TEMPLATE = Path(__file__).with_name("report.typ")
#: PDF/A-2a for the archive, PDF/UA-1 for screen readers. They stand together.
STANDARDS = ["a-2a", "ua-1"]


def render(told: dict[str, Any]) -> bytes:
    """The report as a PDF. A character that no font of ours has appears as its code point, ``U+1F600``."""
    page = json.dumps(wording.page(told), ensure_ascii=False)
    moment = datetime.fromisoformat(told["as_of"]).replace(microsecond=0)
    try:
        return _typeset(page, moment)
    except typst.TypstError as error:
        if "could not be displayed" not in str(error):
            raise
    return _typeset(spell_out(page), moment)


def _typeset(page: str, moment: datetime) -> bytes:
    made = typst.compile(
        TEMPLATE.read_bytes(),
        sys_inputs={"page": page},
        pdf_standards=STANDARDS,
        ignore_system_fonts=True,
        timestamp=int(moment.astimezone(UTC).timestamp()),
    )
    return bytes(made)


def spell_out(text: str) -> str:
    """The same text with everything beyond Latin letters and common signs as code points."""
    return "".join(
        character if ord(character) < 0x180 or character in wording.SIGNS else f"U+{ord(character):04X}"
        for character in text
    )
