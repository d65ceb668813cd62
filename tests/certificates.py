"""Certificates for tests, as an authority would give them: PKCS#12 files that hold through any test's clock."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

LONG_AGO, FAR_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def write(place: str | Path, *, password: str = "", since: datetime = LONG_AGO, until: datetime = FAR_AHEAD) -> str:
    """Make a certificate, write it there with its key, and return the place."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    made = (
        x509.CertificateBuilder(name, name, own.public_key(), x509.random_serial_number(), since, until)
        .add_extension(usage, critical=True)
        .sign(own, hashes.SHA256())
    )
    how = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    Path(place).write_bytes(pkcs12.serialize_key_and_certificates(b"tests", own, made, None, how))
    return str(place)
