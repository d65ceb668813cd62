"""Whose is it? The compare that stands before every deletion."""

import time

import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from requests_app.errors import Refused
from requests_app.identifiers import (
    ADDRESS_KINDS,
    LABELS,
    MAX_PREFIX,
    MIN_PREFIX,
    Kind,
    formats,
    left_out,
    mask,
    matches,
    normalise,
    spellings,
)

pytestmark = pytest.mark.pure

REGIONS = ("GB", "DE", "US", "IT", "ES", "FR", "RU", "BR", "AU", "AR", "HU", "DK", "JP", "")
#: The ranges regulators set aside for fiction, and what each account writes.
PEOPLE = {
    "+447700900123": ("07700 900123", "GB"),
    "+442079460123": ("020 7946 0123", "GB"),
    "+493023125123": ("030 / 23125-123", "DE"),
    "+491713920001": ("0171 3920001", "DE"),
    "+12025550123": ("(202) 555-0123", "US"),
    "+390669812345": ("06 6981 2345", "IT"),
}
NASTY = (
    "",
    " ",
    "\0",
    "+",
    "00",
    "0",
    "@",
    "()",
    "+0",
    "++44",
    "\ud800",
    "٣",
    "²",
    "x" * 10_000,
    "9" * 10_000,
    "\u202e",
)


@st.composite
def people(draw):
    """A number that ``normalise`` accepts, and the region of the account that holds it."""
    country = draw(st.sampled_from(REGIONS[:-1]))
    kind = draw(st.sampled_from((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)))
    example_number = phonenumbers.example_number_for_type(country, kind)
    assert example_number is not None
    written = phonenumbers.format_number(example_number, 0)
    keep = draw(st.integers(min_value=4, max_value=len(written)))
    written = written[:keep] + draw(st.text("0123456789", min_size=len(written) - keep, max_size=len(written) - keep))
    region = draw(st.sampled_from((country, *REGIONS)))
    try:
        return normalise(Kind.PHONE, written, region=region), region
    except Refused:
        assume(False)


# --- telephone numbers ---


@pytest.mark.parametrize(("normal", "written", "region"), [(n, *rest) for n, rest in PEOPLE.items()])
def test_a_number_reserved_for_fiction_is_accepted_in_every_way_of_writing_it(normal, written, region):
    for text in (written, normal, normal[1:], "00" + normal[1:], f" {normal} ", f"({normal[:3]}) {normal[3:]}"):
        assert normalise(Kind.PHONE, text, region=region) == normal


@pytest.mark.parametrize(
    "text",
    [
        "+44 (0) 7700 900123",
        "+44\N{NO-BREAK SPACE}7700‑900–123",
        "＋４４（７７００）９００１２３",
        "٠٧٧٠٠٩٠٠١٢٣",
        "07700.900.123\n",
    ],
)
def test_harmless_typography_is_read(text):
    assert normalise(Kind.PHONE, text, region="GB") == "+447700900123"


@pytest.mark.parametrize(
    "text",
    [
        *NASTY, "999", "55555", "+44 1234567", "+44 7911 12345", "+44 7700 9001234", "+1 555 0123", "07700 900123 x12",
        "07700900123;ext=3", "07700900123#3", "07700900123,12", "1-800-FLOWERS", "07700 90O123", "07700 900123 ☎",
        "07700 90012²", "07700 90012①", "0️⃣7700900123", "07700\n900123", "07700\x00900123", "\u202a07700900123\u202c",
        "07700\u200b900123", "07700900123/07700900124", "+44+7700900123", "tel:+447700900123", "jane@example.org",
        "+999 1234 5678", "*31#07700900123",
    ],
)  # fmt: skip
def test_what_is_not_one_whole_number_is_refused_without_an_echo(text):
    with pytest.raises(Refused) as refusal:
        normalise(Kind.PHONE, text, region="GB")
    assert refusal.value.code == "bad_phone"
    assert not text.strip() or len(text) < 3 or text not in str(refusal.value)


@pytest.mark.parametrize("text", ["0800 123456", "0909 879 0123", "+1 800 555 0199", "+800 1234 5678"])
def test_a_service_line_is_nobodys_number(text):
    with pytest.raises(Refused, match="service line") as refusal:
        normalise(Kind.PHONE, text, region="GB")
    assert refusal.value.code == "service_number"


def test_every_spelling_is_a_search_of_its_own():
    assert formats(Kind.PHONE, "+447700900123", region="GB") == (
        "+447700900123", "447700900123", "00447700900123", "07700900123",
    )  # fmt: skip
    assert formats(Kind.PHONE, "+12025550123", region="US") == (
        "+12025550123", "12025550123", "0012025550123", "01112025550123", "2025550123",
    )  # fmt: skip


def test_a_national_spelling_is_read_in_the_accounts_country_only():
    assert matches(Kind.PHONE, "+491713920001", "01713920001", region="DE")
    assert not matches(Kind.PHONE, "+491713920001", "01713920001", region="GB")
    assert not matches(Kind.PHONE, "+491713920001", "01713920001", region="")
    assert left_out(Kind.PHONE, "+491713920001", region="GB") == ("01713920001",)


def test_digits_that_are_two_peoples_numbers_match_neither():
    """Florida's 656 234 5678 and Singapore's +65 6234 5678; Moscow's 8 495 123 45 67 and Viet Nam's +84."""
    for normal in ("+16562345678", "+6562345678"):
        assert not matches(Kind.PHONE, normal, "6562345678", region="US")
        assert "6562345678" in left_out(Kind.PHONE, normal, region="US")
    assert not matches(Kind.PHONE, "+74951234567", "84951234567", region="RU")
    assert matches(Kind.PHONE, "+16562345678", "16562345678", region="US")


def test_a_country_code_without_plus_beats_a_national_number_that_lost_its_zero():
    assert matches(Kind.PHONE, "+4930231251", "4930231251", region="DE")
    assert not matches(Kind.PHONE, "+494930231251", "4930231251", region="DE")
    assert matches(Kind.PHONE, "+447700900123", "7700900123", region="GB")


@pytest.mark.parametrize(
    "address",
    ["+4477009001234", "+44770090012", "07700900123 x1", "+4407700900124", "7700900123a", "+1447700900123", "900123",
     "+447700900123+447700900123", "sip:+447700900123", "anonymous"],
)  # fmt: skip
def test_a_neighbour_is_a_stranger(address):
    assert not matches(Kind.PHONE, "+447700900123", address, region="GB")


@given(people())
@settings(max_examples=400, deadline=None)
def test_every_format_matches_its_own_number_and_is_long_enough(person):
    normal, region = person
    found = formats(Kind.PHONE, normal, region=region)
    assert found[0] == normal
    assert len(set(found)) == len(found)
    assert not set(found) & set(left_out(Kind.PHONE, normal, region=region))
    for spelling in found:
        assert MIN_PREFIX[Kind.PHONE] <= len(spelling) <= MAX_PREFIX
        assert matches(Kind.PHONE, normal, spelling, region=region)
        assert normalise(Kind.PHONE, spelling, region=region) == normal


@given(people(), st.sampled_from("0123456789"))
@settings(max_examples=400, deadline=None)
def test_no_format_with_a_digit_more_or_fewer_matches(person, digit):
    normal, region = person
    for spelling in formats(Kind.PHONE, normal, region=region):
        assert not matches(Kind.PHONE, normal, spelling + digit, region=region)
        assert not matches(Kind.PHONE, normal, spelling[:-1], region=region)


@given(people(), people())
@settings(max_examples=400, deadline=None)
def test_no_spelling_of_one_person_matches_another(one, other):
    (mine, region), (theirs, _) = one, other
    assume(mine != theirs)
    for spelling in formats(Kind.PHONE, mine, region=region):
        assert not matches(Kind.PHONE, theirs, spelling, region=region)
    assert not set(formats(Kind.PHONE, mine, region=region)) & set(formats(Kind.PHONE, theirs, region=region))


@given(people())
@settings(deadline=None)
def test_the_normal_form_of_a_number_is_its_own_normal_form_everywhere(person):
    assert {normalise(Kind.PHONE, person[0], region=region) for region in REGIONS} == {person[0]}


# --- e-mail addresses, handles, keys ---


@pytest.mark.parametrize(
    ("kind", "written", "normal"),
    [
        (Kind.EMAIL, " Jane.Doe+Shop@Example.ORG ", "jane.doe+shop@example.org"),
        (Kind.EMAIL, "jane@MÜNCHEN.example", "jane@xn--mnchen-3ya.example"),
        (Kind.HANDLE, "@Jane_Doe", "jane_doe"),
        (Kind.HANDLE, "ＪＡＮＥ", "jane"),
        (Kind.CUSTOMER_NUMBER, " kd-0042/a ", "KD-0042/A"),
        (Kind.CRM_RECORD_ID, "0015g00000AbCdE", "0015g00000AbCdE"),
        (Kind.INTERACTION_GUID, "017DF6C0-0000-7000-8000-00000000ABCD", "017df6c0-0000-7000-8000-00000000abcd"),
    ],
)
def test_each_kind_has_one_normal_form(kind, written, normal):
    assert normalise(kind, written, region="GB") == normal
    assert normalise(kind, normal, region="GB") == normal
    assert matches(kind, normal, written, region="GB")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, text) for kind in Kind if kind != Kind.PHONE for text in NASTY),
        *((Kind.EMAIL, text) for text in (
            "jane", "jane@", "@example.com", "jane@example", "Jane <jane@example.org>", "jane@@example.org",
            "jane@exa mple.org", "jane\n@example.org", "ja\u200bne@example.org", "j@[127.0.0.1]", "a..b@example.org",
            "jane@example.org, joe@example.org", "x" * 250 + "@example.org",
        )),
        *((Kind.HANDLE, text) for text in (
            "jane doe", "jane@example.org", "https://x.example/jane", "@@jane", "ja\u200bne", "447700900123", "jane😀",
            "jane²",
        )),
        *((Kind.CUSTOMER_NUMBER, text) for text in ("12 34", "12\n34", "Ж12", "12;DROP", "-12", "1" * 101)),
        (Kind.CRM_RECORD_ID, "0015g 0000"),
        *((Kind.INTERACTION_GUID, text) for text in (
            "00000000-0000-0000-0000-000000000000", "017df6c0", "017df6c00000700080000000000000ab",
            "017df6c0-0000-7000-8000-00000000abcg", "urn:uuid:017df6c0-0000-7000-8000-00000000abcd",
        )),
    ],
)  # fmt: skip
def test_bad_input_of_any_kind_is_refused_without_an_echo(kind, text):
    with pytest.raises(Refused) as refusal:
        normalise(kind, text, region="GB")
    assert refusal.value.code == f"bad_{kind.value}"
    assert len(text.strip()) < 3 or text not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "mine", "theirs"),
    [
        (Kind.EMAIL, "weiss@example.org", "weiß@example.org"),
        (Kind.EMAIL, "jane@fass.example", "jane@faß.example"),
        (Kind.EMAIL, "jane@example.org", "jane@example.org.evil.example"),
        (Kind.EMAIL, "jane@example.org", "jane+shop@example.org"),
        (Kind.EMAIL, "jane@example.org", "j.ane@example.org"),
        (Kind.EMAIL, "jane@example.org", "j\u0430ne@example.org"),
        (Kind.HANDLE, "jane2", "jane²"),
        (Kind.HANDLE, "fiona", "ﬁona"),
        (Kind.HANDLE, "jane", "jane_doe"),
        (Kind.HANDLE, "jane", "@@jane"),
        (Kind.HANDLE, "jane", "jane@example.org"),
        (Kind.CRM_RECORD_ID, "0015g00000AbCdE", "0015g00000AbCde"),
        (Kind.CUSTOMER_NUMBER, "1234", "12345"),
    ],
)
def test_two_people_who_look_alike_stay_two(kind, mine, theirs):
    assert not matches(kind, mine, theirs, region="GB")


def test_an_address_is_also_searched_for_as_it_was_written():
    found = formats(Kind.EMAIL, "jane@xn--mnchen-3ya.example", region="GB", written=" Jane@München.example")
    assert found == ("jane@xn--mnchen-3ya.example", "jane@münchen.example", "Jane@München.example")
    assert formats(Kind.HANDLE, "jane", region="GB", written="@Jane") == ("jane", "@jane", "@Jane")


def test_what_was_written_about_somebody_else_is_not_searched_for():
    assert formats(Kind.EMAIL, "jane@example.org", region="GB", written="joe@example.org") == ("jane@example.org",)


def test_of_a_long_address_the_beginning_is_searched_for_and_the_whole_compared():
    long = "j" * 60 + "@example.org"
    assert formats(Kind.EMAIL, long, region="GB") == ("j" * 50,)
    assert spellings(Kind.EMAIL, long, region="GB") == (long,)
    assert left_out(Kind.EMAIL, long, region="GB") == ()
    assert matches(Kind.EMAIL, long, long, region="GB")
    assert not matches(Kind.EMAIL, long, "j" * 50, region="GB")


def test_a_prefix_too_short_is_left_out_and_said_so():
    assert formats(Kind.HANDLE, "bob", region="GB") == ("@bob",)
    assert left_out(Kind.HANDLE, "bob", region="GB") == ("bob",)
    assert left_out(Kind.PHONE, "+6834123", region="GB") == ("4123",)


@pytest.mark.parametrize("kind", sorted(set(Kind) - ADDRESS_KINDS))
def test_the_key_of_a_record_is_never_searched_for_as_an_address(kind):
    """A customer number of twelve digits has the digits of somebody's telephone."""
    assert formats(kind, "447700900123", region="GB") == ()
    assert left_out(kind, "447700900123", region="GB") == ()


# --- the whole ---


@given(st.sampled_from(Kind), st.text(), st.text(), st.sampled_from(REGIONS))
@example(Kind.EMAIL, "a@b.example", "a@\ud800.example", "GB")
@settings(max_examples=500, deadline=None)
def test_the_compare_never_raises_and_nothing_equals_what_is_not_normal(kind, normal, address, region):
    same = matches(kind, normal, address, region=region)
    assert isinstance(same, bool)
    if same:
        assert normalise(kind, address, region=region) == normal


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("address", NASTY)
def test_the_compare_says_no_to_any_nonsense(kind, address):
    assert not matches(kind, "+447700900123", address, region="GB")
    assert not matches(kind, "", address, region="GB")
    assert not matches(kind, address, address, region="GB")


@given(st.sampled_from(Kind), st.text())
@settings(max_examples=500, deadline=None)
def test_normalising_twice_changes_nothing(kind, text):
    try:
        normal = normalise(kind, text, region="GB")
    except Refused:
        return
    assert normalise(kind, normal, region="GB") == normal
    assert matches(kind, normal, text, region="GB")


def test_an_unknown_region_is_a_mistake_of_ours_and_flies():
    for region in ("gb", "UK", "XX"):
        with pytest.raises(ValueError, match="region"):
            matches(Kind.PHONE, "+447700900123", "07700900123", region=region)


def test_a_hundred_thousand_strangers_are_turned_away_in_seconds():
    strangers = [f"+4477{number:08d}" for number in range(100_000)]
    start = time.perf_counter()
    assert sum(matches(Kind.PHONE, "+447700900123", stranger, region="GB") for stranger in strangers) == 0
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        (Kind.PHONE, "+447700900123", "+44 •••• ••123"),
        (Kind.PHONE, "+6834123", "••••"),
        (Kind.PHONE, "nonsense and more", "••••"),
        (Kind.EMAIL, "anna@example.org", "a•••@example.org"),
        (Kind.EMAIL, "jd@example.org", "•••@example.org"),
        (Kind.EMAIL, "nonsense", "••••"),
        (Kind.HANDLE, "jane_doe", "@j•••"),
        (Kind.CUSTOMER_NUMBER, "KD-0042", "••••"),
        (Kind.CUSTOMER_NUMBER, "KD-0042-17", "••••-17"),
        (Kind.INTERACTION_GUID, "017df6c0-0000-7000-8000-00000000abcd", "••••bcd"),
        (Kind.HANDLE, "", "@•••"),
    ],
)
def test_a_masked_value_shows_little(kind, value, masked):
    assert mask(kind, value) == masked


def test_every_kind_has_a_label():
    assert set(LABELS) == set(Kind)
