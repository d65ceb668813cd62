"""The PDF is signed: whoever has it can check who vouches for it, and that no byte was changed."""

import io
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta

import pypdf
import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from content_app import reporting
from content_app.reporting import certificate, pdf, signature
from requests_app.models import LedgerLeaf
from tests import certificates
from tests.content_app.reporting.desk import refused, text_of


@pytest.fixture
def self_made(settings, tmp_path):
    """An installation without a certificate, and where it puts the one it makes."""
    settings.PORTAL_REPORT_CERTIFICATE = settings.PORTAL_REPORT_CERTIFICATE_PASSWORD = ""
    settings.VAR_DIR = tmp_path / "var"
    return settings.VAR_DIR / certificate.SELF_MADE


@pytest.fixture(scope="module")
def bare():
    """A PDF as the typesetter makes it, without a request behind it."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


def checked(data):
    """What a validator says that trusts our certificate and no other."""
    (found,) = PdfFileReader(io.BytesIO(data)).embedded_signatures
    trusted = x509.Certificate.load(certificate.known().signer.signing_cert.dump())
    return validate_pdf_signature(found, ValidationContext(trust_roots=[trusted]))


def test_an_exported_pdf_is_intact_and_trusted_under_the_certificate(walk, staff):
    data = reporting.export(walk.to().pk, actor=staff, fmt="pdf").data
    verdict = checked(data)
    assert (verdict.intact, verdict.valid, verdict.trusted, verdict.bottom_line) == (True, True, True, True)
    assert verdict.coverage.name == "ENTIRE_FILE"
    assert verdict.docmdp_ok
    assert PdfFileReader(io.BytesIO(data)).embedded_signatures[0].docmdp_level == MDPPerm.NO_CHANGES
    (found,) = PdfFileReader(io.BytesIO(data)).embedded_signatures
    assert found.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"


@pytest.mark.needs("pdfsig")
def test_pdfsig_says_the_same(walk, staff, tmp_path):
    place = tmp_path / "report.pdf"

    def told(data):
        place.write_bytes(data)
        return subprocess.run(["pdfsig", "-nocert", place], capture_output=True, text=True, check=False).stdout

    data = reporting.export(walk.to().pk, actor=staff, fmt="pdf").data
    assert "Signature is Valid" in told(data)
    assert "Total document signed" in told(data)
    at = data.index(b"/Title")
    assert "Signature is Valid" not in told(data[: at + 7] + b"X" + data[at + 8 :])


def test_any_changed_byte_breaks_it(bare):
    data = signature.sign(bare, certificate.to_sign_with(), reason="A test")
    assert checked(data).intact
    (found,) = PdfFileReader(io.BytesIO(data)).embedded_signatures
    start, length, resumed, _ = (int(number) for number in found.byte_range)
    places = [at for at in range(start, length, 97) if data[at : at + 1].isdigit()]
    assert places
    broken = 0
    for at in places:
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            broken += not checked(changed).intact
        except Exception:  # noqa: BLE001  a file that cannot be read any more is not intact either
            broken += 1
    assert (broken, data[resumed:] != b"") == (len(places), True)


def test_what_is_added_behind_the_signature_shows(bare):
    data = signature.sign(bare, certificate.to_sign_with(), reason="A test")
    writer = pypdf.PdfWriter(io.BytesIO(data), incremental=True)
    writer.pages[0].merge_page(pypdf.PageObject.create_blank_page(width=50, height=50))
    writer.add_metadata({"/Title": "Another"})
    writer.pages[0].rotate(90)
    more = io.BytesIO()
    writer.write(more)
    assert more.getvalue().startswith(data)
    verdict = checked(more.getvalue())
    assert verdict.modification_level == ModificationLevel.OTHER
    assert not verdict.bottom_line


def test_the_signature_changes_nothing_that_was_set(walk, staff):
    told = reporting.facts(walk.to().pk)
    vouching = certificate.to_sign_with()
    signed = pdf.render(told, vouching)
    fields = pypdf.PdfReader(io.BytesIO(signed)).get_fields()
    (found,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    revision = PdfFileReader(io.BytesIO(signed)).get_historical_root(0)
    assert "/AcroForm" not in revision
    assert list(fields) == [signature.FIELD]
    assert found.sig_object["/Reason"] == f"Completion report {told['request']['reference']}"


def test_the_page_says_how_to_check_it_and_names_the_fingerprint(walk, staff, self_made):
    text = " ".join(text_of(reporting.export(walk.to().pk, actor=staff, fmt="pdf").data).split())
    assert certificate.known().fingerprint in text
    assert "pdfsig FILE" in text
    assert "The portal made this certificate itself" in text


def test_without_one_a_certificate_is_made_once_and_kept_from_others(self_made):
    assert certificate.known() is None
    first, again = certificate.to_sign_with(), certificate.to_sign_with()
    assert first.self_made
    assert (first.fingerprint, again.fingerprint) == (certificate.known().fingerprint,) * 2
    assert stat.S_IMODE(self_made.stat().st_mode) == 0o600
    assert os.listdir(self_made.parent) == [self_made.name]


def test_of_two_that_make_one_at_once_the_first_wins(self_made, monkeypatch):
    monkeypatch.setattr(certificate, "_self_signed", lambda: certificates_first(self_made) or b"the second's")
    assert certificate.to_sign_with().owner == "Tests"
    assert os.listdir(self_made.parent) == [self_made.name]


def certificates_first(place):
    place.parent.mkdir(exist_ok=True)
    certificates.write(place)


def test_a_self_made_certificate_signs_what_validators_accept(self_made, bare):
    verdict = checked(signature.sign(bare, certificate.to_sign_with(), reason="A test"))
    assert (verdict.intact, verdict.trusted) == (True, True)


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("certificate_over", {"until": datetime(2026, 3, 1, tzinfo=UTC)}),
        ("certificate_early", {"since": datetime(2026, 3, 3, tzinfo=UTC)}),
        ("no_certificate", {"password": "another"}),
    ],
)
def test_a_certificate_that_does_not_hold_refuses_the_report(clock, walk, staff, settings, tmp_path, code, made):
    request = walk.to()
    settings.PORTAL_REPORT_CERTIFICATE = certificates.write(tmp_path / "one.p12", **{"password": "not-a-secret"} | made)
    with refused(code):
        reporting.export(request.pk, actor=staff, fmt="pdf")
    assert LedgerLeaf.objects.filter(type="attempt.refused", object_id=str(request.pk)).exists()
    assert not LedgerLeaf.objects.filter(type="report.exported").exists()
    assert reporting.export(request.pk, actor=staff, fmt="json").data


@pytest.mark.parametrize("content", [None, b"", b"no PKCS#12"])
def test_a_certificate_that_cannot_be_read_refuses_and_none_is_made(settings, tmp_path, content):
    place = tmp_path / "one.p12"
    settings.PORTAL_REPORT_CERTIFICATE = str(place)
    if content is not None:
        place.write_bytes(content)
    with refused("no_certificate"):
        certificate.to_sign_with()
    with refused("no_certificate"):
        certificate.known()
    assert place.exists() is (content is not None)


def test_a_key_that_is_not_the_certificate_s_refuses(monkeypatch):
    loaded = certificate.pkcs12.load_key_and_certificates
    stranger = ec.generate_private_key(ec.SECP256R1())
    monkeypatch.setattr(certificate.pkcs12, "load_key_and_certificates", lambda *told: (stranger, *loaded(*told)[1:]))
    with refused("no_certificate"):
        certificate.to_sign_with()


def test_where_none_can_be_made_it_says_so(settings, tmp_path):
    settings.PORTAL_REPORT_CERTIFICATE = ""
    settings.VAR_DIR = tmp_path / "file"
    settings.VAR_DIR.write_text("no folder")
    with refused("no_certificate"):
        certificate.to_sign_with()


def test_the_self_made_one_holds_ten_years(self_made, clock):
    made = certificate.to_sign_with()
    assert made.until - made.since > timedelta(days=3650)
    clock.shift(timedelta(days=3653))
    with refused("certificate_over"):
        certificate.to_sign_with()
