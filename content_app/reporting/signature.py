"""Signs a report's PDF (PAdES baseline B-B), and says in words how to check that.

In:  a PDF, a certificate.
Out: the same PDF with a signature behind it, over every byte before; sentences for the page.
Never here: a change to what was set. The signature is an incremental update, and allows no further one.

The field is invisible and lies outside the page, as PDF/A and PDF/UA want it of a field that nobody fills in.
"""

from __future__ import annotations

import io

from content_app.reporting.certificate import Certificate

FIELD = "Signature"


def sign(data: bytes, certificate: Certificate, *, reason: str) -> bytes:
    """The signed PDF. Two signatures of one PDF differ: each says when it was made."""
    # Only who signs pays for it: the library takes as long to load as a third of the portal.
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner  # noqa: PLC0415
    from pyhanko.sign.fields import InvisSigSettings, MDPPerm, SigFieldSpec, SigSeedSubFilter  # noqa: PLC0415

    invisible = InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=True)
    about = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason, certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )  # fmt: skip
    field = SigFieldSpec(FIELD, readable_field_name="Signature of the portal", invis_sig_settings=invisible)
    signed = io.BytesIO()
    signer = PdfSigner(about, certificate.signer, new_field_spec=field)
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(data)), output=signed)
    return signed.getvalue()


def words(certificate: Certificate) -> dict[str, str]:
    """What the page says of its signature."""
    text = (
        f"This file is signed (PAdES) with the certificate of {certificate.owner}. Open it in a reader that checks "
        "signatures, such as Adobe Acrobat, or run: pdfsig FILE. A single changed byte breaks the signature."
    )
    if certificate.self_made:
        text += (
            " The portal made this certificate itself, so no reader knows it: compare its fingerprint with the one "
            "that the controller names to you."
        )
    return {"text": text, "fingerprint": certificate.fingerprint}
