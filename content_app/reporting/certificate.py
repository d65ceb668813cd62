"""The certificate that signs reports: the one that is configured, or else one that this installation makes for itself.

In:  ``PORTAL_REPORT_CERTIFICATE`` (PKCS#12) and its password; without one a file in ``PORTAL_VAR_DIR``.
Out: a certificate to sign with, and what people compare it by: the SHA-256 of its DER form.
Never here: a way to go without. A certificate that cannot be read or is over refuses the report.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.utils import timezone

from requests_app.errors import Refused

if TYPE_CHECKING:
    from pyhanko.sign import SimpleSigner

#: Where the certificate lies that an installation makes for itself, in ``PORTAL_VAR_DIR``.
SELF_MADE = "report-certificate.p12"
YEARS = timedelta(days=3652)
#: RSA, because every reader of PDF files knows it.
_BITS = 3072
_UNREADABLE = (
    "The certificate that signs reports cannot be read, and no report goes out unsigned. An administrator must check "
    "PORTAL_REPORT_CERTIFICATE and its password."
)
_NO_PLACE = (
    "No certificate to sign reports with can be made, and no report goes out unsigned. An administrator must let the "
    "portal write to PORTAL_VAR_DIR, or set PORTAL_REPORT_CERTIFICATE."
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key."""

    signer: SimpleSigner
    owner: str
    fingerprint: str
    since: datetime
    until: datetime
    self_made: bool


def to_sign_with() -> Certificate:
    """The certificate for a report, made now where there is none yet. ``Refused`` unless it holds today."""
    place = _place()
    if not settings.PORTAL_REPORT_CERTIFICATE and not place.exists():
        _make(place)
    found = _read(place)
    if found.until <= timezone.now():
        day = found.until.strftime("%-d %B %Y")
        raise Refused(
            "certificate_over",
            f"The certificate that signs reports ended on {day}, and no report goes out unsigned. An administrator "
            "must renew it.",
        )
    if found.since > timezone.now():
        raise Refused(
            "certificate_early",
            "The certificate that signs reports does not hold yet, and no report goes out unsigned. An administrator "
            "must look at it, and at the clock.",
        )
    return found


def known() -> Certificate | None:
    """The certificate as it is, over or not; ``None`` where none is configured and none was made yet."""
    place = _place()
    return _read(place) if settings.PORTAL_REPORT_CERTIFICATE or place.exists() else None


def _place() -> Path:
    return Path(settings.PORTAL_REPORT_CERTIFICATE or Path(settings.VAR_DIR) / SELF_MADE)


def _read(place: Path) -> Certificate:
    from pyhanko.sign import SimpleSigner  # noqa: PLC0415  only who signs pays for it, see ``signature``

    password = settings.PORTAL_REPORT_CERTIFICATE_PASSWORD.encode() if settings.PORTAL_REPORT_CERTIFICATE else b""
    try:
        data = place.read_bytes()
        key, found, _ = pkcs12.load_key_and_certificates(data, password or None)
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise Refused("no_certificate", _UNREADABLE) from None
    if key is None or found is None or key.public_key() != found.public_key():
        raise Refused("no_certificate", _UNREADABLE)
    return Certificate(
        signer=SimpleSigner.load_pkcs12_data(data, other_certs=(), passphrase=password or None),
        owner=_name(found.subject),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        since=found.not_valid_before_utc,
        until=found.not_valid_after_utc,
        self_made=not settings.PORTAL_REPORT_CERTIFICATE,
    )


def _name(subject: x509.Name) -> str:
    common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else subject.rfc4514_string()


# --- one of our own --------------------------------------------------------------------------------------------------


def _make(place: Path) -> None:
    """Put a fresh certificate there, whole and readable by the portal alone. Whoever comes second uses the first's."""
    data = _self_signed()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".report-certificate-") as draft:  # 0600
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
            os.link(draft.name, place)
    except FileExistsError:
        return
    except OSError:
        raise Refused("no_certificate", _NO_PLACE) from None


def _self_signed() -> bytes:
    """A key, and a certificate for signing documents and nothing else, as PKCS#12."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, settings.PORTAL_NAME[:64])])
    now = timezone.now()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(b"reports", key, made, None, serialization.NoEncryption())
