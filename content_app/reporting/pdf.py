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

from content_app.reporting import signature, wording
from content_app.reporting.certificate import Certificate

TEMPLATE = Path(__file__).with_name("report.typ")


def render(told: dict[str, Any], certificate: Certificate) -> bytes:
    """The report as a signed PDF."""
    page = wording.page(told)
    reason = f"{page['title']} {page['reference']}"
    return signature.sign(typeset(page | {"signature": signature.words(certificate)}, told), certificate, reason=reason)


def typeset(page: dict[str, Any], told: dict[str, Any]) -> bytes:
    """The page as a PDF. A character that no font of ours has appears as its code point, ``U+1F600``."""
    moment = datetime.fromisoformat(told["as_of"]).replace(microsecond=0)
    try:
        return _typeset(page, moment)
    except typst.TypstError as error:
        if "could not be displayed" not in str(error):
            raise
    return _typeset(spell_out(page), moment)


def _typeset(page: dict[str, Any], moment: datetime) -> bytes:
    made = typst.compile(
        TEMPLATE.read_bytes(),
        sys_inputs={"page": json.dumps(page)},
        pdf_standards=["a-2a", "ua-1"],  # for the archive, and for screen readers
        ignore_system_fonts=True,
        timestamp=int(moment.astimezone(UTC).timestamp()),
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
