"""`docs/safeguards.md` names the entries that are written, the caps that there are, and the screen."""

from django.conf import settings
from django.urls import reverse

from content_app.models import Cap
from requests_app.ledger_types import TYPES
from tests.docs import tables

DOCUMENT = "docs/safeguards.md"


def test_every_entry_of_a_safeguard_is_named_and_there_is_no_other():
    named = {code for row in tables.table(DOCUMENT, "Safeguards") for code in tables.codes(row["Entries"])}
    assert named <= set(TYPES)
    assert {name for name in TYPES if name.startswith(("stop.", "brake."))} <= named


def test_every_cap_is_described():
    named = [tables.code(row["Cap"]) for row in tables.table(DOCUMENT, "The brake")]
    assert named == [f"PORTAL_{cap.upper()}_CAP" for cap in Cap.values]
    assert all(getattr(settings, name) > 0 for name in named)


def test_the_screen_is_where_it_is_said_to_be(client):
    assert "`/admin/safeguards/`" in tables.text_of(DOCUMENT)
    answer = client.get("/admin/safeguards/")
    assert answer.headers["Location"] == reverse("admin:content_safeguards")
