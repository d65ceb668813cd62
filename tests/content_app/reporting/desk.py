"""What the tests of the reporting room share: a contact centre in memory, and eyes for the three formats."""

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path

import pypdf
import pytest
from django.utils import timezone

from content_app import pipeline
from content_app.connectors import registry
from content_app.connectors.base import Check, Content, Interaction, Outcome, Page
from requests_app import sequencer
from requests_app.errors import Refused

SCHEMA = json.loads(Path("docs/report.schema.json").read_text())
NAME, PHONE, EMAIL = "Ines Quillfeather", "+44 7700 900123", "ines.quill@example.org"
#: Every spelling in which the person could leak.
THEIRS = ("Ines", "Quillfeather", "7700 900", "7700900", "900123", "ines.quill", "example.org")
COMPANY_LINE = "+442079460000"
A, B, C = (f"00000000-0000-4000-8000-{number:012d}" for number in (1, 2, 3))


class Centre:
    """What a connector would see: interaction → its content keys and classes."""

    manifest = registry.CONNECTORS["vcc"].manifest
    calls = 0

    def __init__(self):
        self.held = {}
        self.forbidden = set()
        self.stubborn = set()

    def hold(self, external_id, *classes):
        self.held[external_id] = {name: name for name in classes}

    def get(self, external_id):
        contents = self.held.get(external_id)
        if not contents:
            return None
        files = tuple(Content(key, name, "audio/wav", 1, None) for key, name in contents.items())
        return Interaction(external_id, timezone.now(), PHONE, COMPANY_LINE, "inbound", (), files)

    def find(self, query, *, start, end, token=None):
        return Page(tuple(filter(None, (self.get(one) for one in self.held))), None)

    def delete_content(self, external_id, content_key):
        if (external_id, content_key) in self.forbidden:
            return Outcome(external_id, content_key, "forbidden", "forbidden")
        gone = self.held[external_id].pop(content_key, None)
        return Outcome(external_id, content_key, "deleted" if gone else "already_gone")

    def delete_interactions(self, external_ids):
        return [self._delete(external_id) for external_id in external_ids]

    def _delete(self, external_id):
        if external_id in self.forbidden:
            return Outcome(external_id, None, "forbidden", "forbidden")
        if external_id not in self.stubborn:
            self.held.pop(external_id, None)
        return Outcome(external_id, None, "deleted")

    def self_test(self):
        return [Check("login", True)]

    def close(self):
        pass


def run(request):
    """The worker, until the request is read back or waits for a person."""
    request.refresh_from_db()
    while request.state in pipeline.WORKING and pipeline.advance(request.pk):
        request.refresh_from_db()
    sequencer.drain()
    request.refresh_from_db()


@contextmanager
def refused(code):
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


def text_of(pdf_bytes):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf_bytes)).pages)


def rows_of(csv_bytes):
    return list(csv.DictReader(io.StringIO(csv_bytes.decode("utf-8-sig"))))
