"""The last net under the logs: whatever looks like a telephone number or an e-mail address is blotted out.

In:  every log record.
Out: the same record, redacted.
Never here: a reason to log personal data. The rule is that nobody does; this filter is for what libraries do.
"""

import logging
import re

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_PHONE = re.compile(r"(?<![\w-])(?:\+|%2B)?\d[\d ()/-]{7,}\d(?![\w-])")


def redact(text: str) -> str:
    """The text without what looks like an address of a person."""
    return _PHONE.sub("[number]", _EMAIL.sub("[address]", text))


class RedactPersonalData(logging.Filter):
    """Formats the record once, redacted, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
