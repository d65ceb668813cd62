"""Sets a report as a tagged PDF/A and PDF/UA document, and has it signed.

In:  the facts of a report, a certificate.
Out: a signed PDF. What is signed depends on facts, certificate and template alone: its fonts are the typesetter's, its
     date the facts'.
Never here: a database, the network, markup made from data. Data reaches the template as JSON and stays text.

The typesetter keeps what it has set in memory, to a plateau of about 100 MB; a report has one or two pages.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst

from content_app.reporting import proof_page, signature, wording
from content_app.reporting.certificate import Certificate

TEMPLATE = Path(__file__).with_name("report.typ")


def render(told: dict[str, Any], certificate: Certificate) -> bytes:
    """The report as a signed PDF."""
    page = wording.page(told) | {"proof": proof_page.page(told), "signature": signature.words(certificate)}
    data = typeset(page, attached=proof_page.attachment(told), at=datetime.fromisoformat(told["as_of"]))
    return signature.sign(data, certificate, reason=f"{page['title']} {page['reference']}")


def typeset(page: dict[str, Any], *, attached: str, at: datetime) -> bytes:
    """The page as a PDF. A character that no font of ours has appears as its code point, ``U+1F600``."""
    moment = int(at.replace(microsecond=0).astimezone(UTC).timestamp())
    try:
        return _typeset(page, attached, moment)
    except typst.TypstError as error:
        if "could not be displayed" not in str(error):
            raise
    return _typeset(spell_out(page), attached, moment)


def _typeset(page: dict[str, Any], attached: str, moment: int) -> bytes:
    made = typst.compile(
        TEMPLATE.read_bytes(),
        sys_inputs={"page": json.dumps(page), "attached": attached},
        pdf_standards=["a-3a", "ua-1"],  # for the archive with a file attached, and for screen readers
        ignore_system_fonts=True,
        timestamp=moment,
    )
    return bytes(made)


def spell_out(value: Any) -> Any:
    """The same strings with everything beyond printable Latin letters and common signs as code points."""
    if isinstance(value, dict):
        return {name: spell_out(part) for name, part in value.items()}
    if isinstance(value, list):
        return [spell_out(part) for part in value]
    return "".join(letter if _is_plain(letter) else f"U+{ord(letter):04X}" for letter in value)


def _is_plain(letter: str) -> bool:
    return letter in wording.SIGNS or (letter.isprintable() and ord(letter) < 0x180)
