"""Evidence as attackers, scanners and honest people send it. ``T-UP`` numbers are those of docs/evidence.md."""

import contextlib
import io
import threading
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from requests_app import file_checks
from requests_app.decoding import confinement
from requests_app.decoding.limits import DPI, MAX_PAGES
from requests_app.errors import Refused
from requests_app.file_checks import MAX_BYTES, Upload
from tests import hostile_files
from tests.hostile_files import DESCRIPTION, ORIENTATION, archive, huge_png, locked_pdf, pdf, picture

pytestmark = pytest.mark.pure


def check(name, data, *, scan=lambda data: None):
    return file_checks.check(name, data, scan=scan)


JPEG, PNG, PDF = picture("JPEG"), picture("PNG"), pdf()


def code_of(name, data):
    with pytest.raises(Refused) as refusal:
        check(name, data)
    return refusal.value.code


@pytest.mark.parametrize(
    ("name", "data", "media_type", "extension"),
    [
        ("passport.jpg", JPEG, "image/jpeg", "jpg"),
        ("PASSPORT.JPEG", JPEG, "image/jpeg", "jpg"),
        ("passport.png", PNG, "image/png", "png"),
        ("passport.pdf", PDF, "application/pdf", "pdf"),
        ("passport.pdf", pdf(pages=MAX_PAGES), "application/pdf", "pdf"),
        ("passport.pdf", b"\xef\xbb\xbf\r\n" + PDF + b"\r\n\0", "application/pdf", "pdf"),
        ("Ausweis Müller.pdf", PDF, "application/pdf", "pdf"),
    ],
)
def test_an_honest_file_passes(name, data, media_type, extension):
    upload = check(name, data)
    assert (upload.media_type, upload.extension) == (media_type, extension)
    assert upload.data.startswith({"pdf": b"%PDF-", "jpg": b"\xff\xd8\xff", "png": b"\x89PNG"}[extension])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_is_kept_without_its_metadata_and_upright(kind):
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = 6, "taken at home"
    data = picture(kind, exif=exif, icc_profile=b"secret profile", **({"comment": b"c"} if kind == "JPEG" else {}))
    assert b"taken at home" in data
    kept = check(f"a.{kind.lower()}", data).data
    with Image.open(io.BytesIO(kept)) as image:
        image.load()
        assert image.size == (30, 40)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment"} & set(image.info)
    assert b"taken at home" not in kept
    assert b"secret profile" not in kept


@pytest.mark.parametrize(("name", "whole"), [("a.jpg", JPEG), ("a.png", PNG)])
@pytest.mark.parametrize("tail", [archive(), b"<?php system('id'); ?>", b"<script>alert(1)</script>", PDF])
def test_what_hangs_on_behind_a_picture_falls_off(name, whole, tail):
    kept = check(name, whole + tail).data
    assert tail not in kept
    assert not zipfile.is_zipfile(io.BytesIO(kept))
    assert kept == check(name, whole).data


def test_a_payload_in_a_comment_falls_off():
    kept = check("a.jpg", picture("JPEG", comment=b"<?php evil ?>")).data
    assert b"php" not in kept


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_mode_keeps_its_picture(mode):
    buffer = io.BytesIO()
    grey = Image.new("L", (8, 8), 255 if mode == "1" else 200)
    (Image.new("I;16", (8, 8), 51_400) if mode == "I;16" else grey.convert(mode)).save(buffer, "PNG")
    with Image.open(io.BytesIO(check("a.png", buffer.getvalue()).data)) as kept:
        low, high = kept.getextrema() if mode == "I;16" else kept.convert("L").getextrema()
    assert (low, high) == {"1": (255, 255), "I;16": (51_400, 51_400)}.get(mode, (200, 200))


def test_a_transparent_palette_stays_transparent():
    buffer = io.BytesIO()
    Image.new("P", (8, 8), 0).save(buffer, "PNG", transparency=0)
    with Image.open(io.BytesIO(check("a.png", buffer.getvalue()).data)) as kept:
        assert kept.mode == "RGBA"
        assert kept.getchannel("A").getextrema() == (0, 0)


def test_a_cmyk_jpeg_is_read():
    assert check("a.jpg", picture("JPEG", mode="CMYK")).media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.jpg", b"", "evidence_empty"),
        ("a.pdf", PDF + bytes(MAX_BYTES), "evidence_too_large"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "evidence_type"),
        ("a.html", b"<html>", "evidence_type"),
        ("a.zip", archive(), "evidence_type"),
        ("a.jpg", b"<html><script>alert(1)</script>", "evidence_mismatch"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "evidence_mismatch"),
        ("a.pdf", archive(bytes(50_000_000)), "evidence_mismatch"),
        ("a.jpg", picture("GIF"), "evidence_mismatch"),
        ("a.jpg", PNG, "evidence_mismatch"),
        ("a.png", JPEG, "evidence_mismatch"),
        ("a.pdf", JPEG, "evidence_mismatch"),
        ("a.jpg", PDF, "evidence_mismatch"),
        ("a.pdf", JPEG[:20] + PDF, "evidence_mismatch"),
        ("a.jpg", b"\n" + JPEG, "evidence_mismatch"),
        ("a.pdf", bytes(1024) + PDF, "evidence_mismatch"),
        ("a.jpg", JPEG[: len(JPEG) // 2], "evidence_unreadable"),
        ("a.png", PNG[: len(PNG) // 2], "evidence_unreadable"),
        ("a.pdf", PDF[: len(PDF) // 2], "evidence_unreadable"),
        ("a.jpg", b"\xff\xd8\xff", "evidence_unreadable"),
        ("a.jpg", b"\xff\xd8\xff" + bytes(500), "evidence_unreadable"),
        ("a.pdf", b"%PDF-1.7\n%%EOF", "evidence_unreadable"),
        ("a.pdf", b"<html><script>alert(1)</script>" + PDF, "evidence_unreadable"),
        ("a.pdf", PDF + archive(), "evidence_unreadable"),
        ("a.pdf", PDF + archive() + b"%%EOF", "evidence_unreadable"),
        ("a.pdf", archive() + PDF, "evidence_unreadable"),
        ("a.pdf", PDF + b"<script>", "evidence_unreadable"),
        ("a.pdf", locked_pdf("secret"), "evidence_encrypted"),
        ("a.pdf", locked_pdf(""), "evidence_encrypted"),
        ("a.pdf", pdf(pages=MAX_PAGES + 1), "evidence_pages"),
        ("a.pdf", pdf(pages=5000), "evidence_pages"),
        ("a.pdf", pdf(pages=0), "evidence_pages"),
        ("a.png", huge_png(30_000, 30_000), "evidence_bomb"),
        ("a.png", huge_png(10_000, 9_500), "evidence_bomb"),
        ("a.png", huge_png(8_000, 5_001), "evidence_bomb"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_or_broken_file_is_refused(name, data, code):
    assert code_of(name, data) == code


@pytest.mark.parametrize(
    "name",
    ["", ".", "passport", ".jpg", "passport.", "passport.jpg.php", "passport.jpg\0.php", "passport.php\0.jpg",
     "pass\nport.jpg", "\u202egpj.jpg", "passport.jpg ", "passport.jpg/", "passport.jpg::$DATA"],
)  # fmt: skip
def test_a_name_that_does_not_plainly_end_in_an_accepted_type_is_refused(name):
    assert code_of(name, JPEG) == "evidence_type"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.jpg", "C:\\evidence\\me.jpg", "shell.php.jpg", "x" * 300 + ".jpg", "' OR 1=1 --.jpg"]
)
def test_nothing_of_a_strange_name_survives(name):
    upload = check(name, JPEG)
    assert upload == check("a.jpg", JPEG)
    assert upload.extension == "jpg"


@pytest.mark.parametrize("name", ["jane-doe-passport.exe", "jane-doe-passport.png", "jane-doe-passport.pdf"])
def test_a_refusal_says_what_to_do_and_not_what_the_file_is_called(name):
    with pytest.raises(Refused) as refusal:
        check(name, b"jane doe was here")
    assert "jane" not in str(refusal.value)
    assert refusal.value.message.endswith(".")
    assert ":" in refusal.value.message


def test_ten_megabytes_are_allowed_and_a_byte_more_is_not():
    room = MAX_BYTES - len(PDF)
    assert check("a.pdf", PDF + b" " * room).media_type == "application/pdf"
    assert code_of("a.pdf", PDF + b" " * (room + 1)) == "evidence_too_large"


def test_what_is_kept_has_an_end_too(monkeypatch):
    monkeypatch.setattr(file_checks, "MAX_KEPT_BYTES", 1000)
    assert code_of("a.pdf", PDF) == "evidence_too_large"


def test_a_page_stays_as_large_on_paper_as_it_was():
    kept = PdfReader(io.BytesIO(check("a.pdf", pdf(pages=2, size=(420, 595))).data))
    assert len(kept.pages) == 2
    for page in kept.pages:
        assert [round(float(side)) for side in page.mediabox[2:]] == [420, 595]
        (image,) = page.images
        assert image.image.size == pytest.approx((420 * DPI / 72, 595 * DPI / 72), abs=1)


def test_what_somebody_filled_into_a_form_is_kept():
    kept = PdfReader(io.BytesIO(check("a.pdf", hostile_files.filled_form()).data))
    image = kept.pages[0].images[0].image.convert("L")
    middle = (200 * DPI // 72, (842 - 625) * DPI // 72)
    assert image.getpixel(middle) < 50
    assert image.getpixel((10, 10)) > 200


def test_a_page_of_metres_is_drawn_at_a_lower_resolution():
    kept = PdfReader(io.BytesIO(check("a.pdf", pdf(size=(4000, 3000))).data))
    page = kept.pages[0]
    assert page.images[0].image.size[0] * page.images[0].image.size[1] <= 10_000_000
    assert round(float(page.mediabox.width)) in range(3990, 4010)


def test_the_scanner_sees_the_file_as_it_came_and_before_anything_looks_into_it():
    seen = []

    def scan(data):
        seen.append(data)
        raise Refused("evidence_infected", "Stop.")

    for data in (JPEG, b"no picture at all"):
        with pytest.raises(Refused, match="Stop"):
            check("a.jpg", data, scan=scan)
    assert seen == [JPEG, b"no picture at all"]


def test_an_upload_does_not_show_its_bytes_and_cannot_be_changed():
    upload = Upload(media_type="application/pdf", extension="pdf", data=b"jane")
    assert "jane" not in repr(upload)
    with pytest.raises(AttributeError):
        setattr(upload, "data", b"")  # noqa: B010


def test_many_at_once_do_not_disturb_each_other():
    results: list[str] = []

    def work():
        results.extend(check(name, data).extension for name, data in [("a.pdf", PDF), ("a.jpg", JPEG)])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["jpg"] * 6 + ["pdf"] * 6


@given(st.text(max_size=40), st.binary(max_size=2000))
@settings(deadline=None)
def test_noise_is_refused(name, data):
    assert code_of(name, data).startswith("evidence_")


# --- T-UP-1 ----------------------------------------------------------------------------------------------------------

#: What a file may claim to be, by its name …
ENDINGS = ("pdf", "jpg", "jpeg", "png", "PDF", "gif", "svg", "html", "zip", "exe", "jpg.php", "")
#: … and what it may be.
CONTENTS = {
    "pdf": PDF, "jpg": JPEG, "png": PNG, "gif": picture("GIF"), "tiff": picture("TIFF"), "webp": picture("WEBP"),
    "bmp": picture("BMP"), "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<!doctype html><script>alert(1)</script>", "zip": archive(), "exe": b"MZ" + bytes(200),
    "text": b"only words",
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_t_up_1_only_a_listed_ending_over_its_own_content_passes(ending):
    passing = {"pdf": "pdf", "jpg": "jpg", "jpeg": "jpg", "png": "png", "PDF": "pdf"}
    for content, data in CONTENTS.items():
        if passing.get(ending) == content:
            assert check(f"a.{ending}", data).extension == content
        else:
            assert code_of(f"a.{ending}", data) in {"evidence_type", "evidence_mismatch"}
    assert len(ENDINGS) == len(CONTENTS) == 12


# --- T-UP-2 ----------------------------------------------------------------------------------------------------------

#: Words that the hostile files carry and no rewritten file may.
CARRIED = (
    b"<script", b"<?php", b"PK\x03\x04", b"etc/passwd", b"SCRIPT-INSIDE", b"ATTACHED", b"METADATA", b"JavaScript",
    b"OpenAction", b"EmbeddedFile", b"visible", b"jane", b"Exif", b"GPS",
)  # fmt: skip


REFUSED = {"a PDF before a script", "a script before a PDF", "a PDF that is a ZIP"}


@pytest.mark.parametrize("name", hostile_files.polyglots())
def test_t_up_2_a_file_that_is_two_things_is_refused_or_only_its_pixels_are_kept(name):
    file_name, data = hostile_files.polyglots()[name]
    assert any(word in data for word in CARRIED)
    if name in REFUSED:
        assert code_of(file_name, data) == "evidence_unreadable"
    else:
        kept = check(file_name, data).data
        assert not [word for word in CARRIED if word in kept]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_t_up_2_where_a_photograph_was_taken_is_not_kept(kind):
    data = hostile_files.with_place(kind)
    with Image.open(io.BytesIO(data)) as came:
        assert came.getexif().get_ifd(hostile_files.GPS)
    kept = check(f"a.{kind.lower()}", data).data
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
    assert not [word for word in CARRIED if word in kept]


def test_t_up_2_of_a_pdf_the_pixels_remain_and_no_word():
    kept = check("a.pdf", hostile_files.loaded_pdf()).data
    assert hostile_files.text_of(hostile_files.loaded_pdf()).strip() == "visible"
    assert hostile_files.text_of(kept) == ""
    assert set(PdfReader(io.BytesIO(kept)).root_object) == {"/Type", "/Pages"}


# --- T-UP-3 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "make", "codes"),
    [
        ("a.png", lambda: hostile_files.flood_png(12_000, 12_000), {"evidence_bomb"}),
        ("a.pdf", hostile_files.zip_bomb, {"evidence_mismatch"}),
        ("a.pdf", lambda: PDF + hostile_files.zip_bomb() + b"%%EOF", {"evidence_unreadable"}),
        ("a.pdf", lambda: pdf(pages=10_000), {"evidence_pages"}),
        ("a.pdf", hostile_files.looping_pdf, {"evidence_unreadable"}),
    ],
    ids=["pixels", "zip", "zip behind a PDF", "pages", "loops"],
)
def test_t_up_3_what_unfolds_without_end_is_refused_at_once(name, make, codes):
    assert code_of(name, make()) in codes


def test_t_up_3_a_page_that_is_never_done_is_given_up_at_the_deadline(monkeypatch):
    monkeypatch.setattr(confinement, "SECONDS", 2)
    assert code_of("a.pdf", hostile_files.endless_pdf()) == "evidence_slow"
    assert check("a.png", PNG).extension == "png"


def test_t_up_3_a_page_of_the_largest_size_is_drawn_within_the_limits():
    assert check("a.pdf", pdf(size=(14_400, 14_400))).media_type == "application/pdf"


SEEDS = {
    "a.jpg": JPEG, "b.jpg": hostile_files.with_place("JPEG"), "a.png": PNG, "b.png": picture("PNG", mode="P"),
    "a.pdf": PDF, "b.pdf": hostile_files.loaded_pdf(), "c.pdf": hostile_files.filled_form(),
}  # fmt: skip


@given(st.sampled_from(sorted(SEEDS)), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_t_up_3_damage_is_refused_or_repaired_and_never_a_crash(seed, chance):
    damaged = bytearray(SEEDS[seed])
    for _ in range(chance.randint(1, 12)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    kept = damaged[: chance.randint(1, len(damaged))] if chance.random() < 0.2 else damaged
    with contextlib.suppress(Refused):
        assert check(seed[-5:], bytes(kept)).data
