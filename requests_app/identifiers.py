"""Identifiers of a person: their one normal form, their spellings in outside systems, and the exact compare.

In:  what somebody wrote down, or an address as a system holds it; the country in which its national numbers are read.
Out: the normal form, the spellings to search for, yes or no, and a masked form for screens.
Never here: queries, keys, Django, logging. No message contains the value it is about.

Outside systems match by prefix and so return strangers. ``matches`` is what stands between a stranger's recordings
and their destruction. Wherever a spelling can be read as two different people's, the answer is no; ``left_out`` names
those spellings, so that a report can say what was not looked for.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from email_validator import validate_email
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from requests_app.errors import Refused


class Kind(enum.StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"
    CUSTOMER_NUMBER = "customer_number"
    CRM_RECORD_ID = "crm_record_id"
    INTERACTION_GUID = "interaction_guid"


LABELS = {
    Kind.PHONE: "Telephone number",
    Kind.EMAIL: "E-mail address",
    Kind.HANDLE: "Handle",
    Kind.CUSTOMER_NUMBER: "Customer number",
    Kind.CRM_RECORD_ID: "CRM record id",
    Kind.INTERACTION_GUID: "Interaction GUID",
}

#: The kinds a system may hold as the address of a party. The others are keys of a record: searched for as an address,
#: a customer number of eleven digits would find the person whose telephone number has the same digits.
ADDRESS_KINDS = frozenset({Kind.PHONE, Kind.EMAIL, Kind.HANDLE})

#: Vonage takes search addresses of 1-50 characters (Interaction Content API, search for interactions).
MAX_PREFIX = 50
#: A shorter prefix finds half the account. ``left_out`` lists what falls below.
MIN_PREFIX = {Kind.PHONE: 7, Kind.EMAIL: 6, Kind.HANDLE: 4}

#: Longest text worth looking at, for each kind. RFC 5321 bounds a mailbox address at 254.
_MAX_TEXT = dict.fromkeys(Kind, 100) | {Kind.PHONE: 64, Kind.EMAIL: 254}

#: Lines of organisations. Nobody calls from one, and the contact centre's own would match everybody who rang it.
_SERVICE_LINES = frozenset(
    getattr(PhoneNumberType, name) for name in ("TOLL_FREE", "PREMIUM_RATE", "SHARED_COST", "UAN", "VOICEMAIL")
)
#: The shortest real numbers, with country code: Niue's.
_MIN_DIGITS = 7
#: No national number is shorter, so readings of one number always agree in so many last digits.
_TAIL = 4

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
_SEPARATORS = frozenset("()./\N{MINUS SIGN}")
_KEY = re.compile(r"(?!0+\Z)[0-9A-Za-z][0-9A-Za-z._/#:-]*")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HANDLE_CATEGORIES = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})
_NIL_GUID = "00000000-0000-0000-0000-000000000000"


def normalise(kind: Kind, text: str, *, region: str) -> str:
    """The one normal form: what is stored, indexed and compared. Raises ``Refused``.

    ``region`` is the country (``GB``) in which a telephone number without country code is read; ``""`` for none.
    """
    _known(region)
    if kind == Kind.PHONE:
        return _phone_of_a_person(text, region)
    normal = _read(kind, text, region)
    if normal is None:
        raise Refused(f"bad_{kind.value}", _ADVICE[kind])
    return normal


def spellings(kind: Kind, normalised: str, *, region: str, written: str | None = None) -> tuple[str, ...]:
    """Every whole spelling a system may hold, the likeliest first: for tools that a person types them into.

    ``written`` is the identifier as the person wrote it. Whether the vendor's match heeds case is unknown, so that
    spelling is added where it differs; one that is not the same identifier is ignored. A spelling that does not read
    back as this identifier is never given.
    """
    _known(region)
    candidates = _candidates(kind, normalised, region)
    if written and kind in (Kind.EMAIL, Kind.HANDLE):
        candidates.append(written.strip())
    return tuple(dict.fromkeys(one for one in candidates if _same(kind, normalised, one, region)))


def formats(kind: Kind, normalised: str, *, region: str, written: str | None = None) -> tuple[str, ...]:
    """The address prefixes to search for, the likeliest first; none for a kind that is not an address.

    Of a spelling longer than ``MAX_PREFIX`` the beginning is searched for: the vendor matches by prefix and
    ``matches`` compares the whole afterwards. Those shorter than ``MIN_PREFIX`` are left out (see ``left_out``).
    """
    if kind not in ADDRESS_KINDS:
        return ()
    whole = spellings(kind, normalised, region=region, written=written)
    return tuple(dict.fromkeys(one[:MAX_PREFIX] for one in whole if len(one) >= MIN_PREFIX[kind]))


def left_out(kind: Kind, normalised: str, *, region: str) -> tuple[str, ...]:
    """Spellings under which a system may hold this identifier and that are not searched for.

    They are too short, or may be somebody else's number in this account. A report tells how many there are: a gap
    that nobody mentions looks like a search that found nothing.
    """
    if kind not in ADDRESS_KINDS:
        return ()
    searched = formats(kind, normalised, region=region)
    every = dict.fromkeys(_candidates(kind, normalised, region))
    return tuple(spelling for spelling in every if spelling[:MAX_PREFIX] not in searched)


def matches(kind: Kind, normalised: str, address: str, *, region: str) -> bool:
    """Whether ``address``, as a system holds it, is this very identifier. Never raises on any text.

    A telephone number without country code is read in ``region``, the country of the account that holds it.
    """
    _known(region)
    return _same(kind, normalised, address, region)


def coarse(kind: Kind, text: str) -> str:
    """A cheap key that all spellings of one identifier share, and few others have. ``matches`` decides, not this."""
    if kind == Kind.PHONE:
        digits = "".join(char for char in text.strip()[: _MAX_TEXT[kind] + 1] if char.isdecimal())
        return _ascii_digits(digits[-_TAIL:]) if len(digits) >= _TAIL else ""
    narrow = _narrow(text.strip())
    own = narrow.rpartition("@")[0] if kind == Kind.EMAIL else narrow.removeprefix("@")
    return unicodedata.normalize("NFC", own.lower())


def mask(kind: Kind, value: str) -> str:
    """Enough to recognise an identifier one already knows, and no more. The dots do not tell the length."""
    if kind == Kind.PHONE and len(value) >= 10 and (number := _parse(value)):
        return f"+{number.country_code} •••• ••{value[-3:]}"
    if kind == Kind.EMAIL and "@" in value:
        local, _, domain = value.rpartition("@")
        return f"{_first(local)}•••@{domain}"
    if kind == Kind.HANDLE:
        return f"@{_first(value.removeprefix('@'))}•••"
    return f"••••{value[-3:]}" if len(value) >= 8 and kind not in ADDRESS_KINDS else "••••"


def _same(kind: Kind, normalised: str, address: str, region: str) -> bool:
    if kind == Kind.PHONE and coarse(kind, address) != normalised[-_TAIL:]:
        return False  # turns away nearly every stranger before the slow reading
    if kind == Kind.EMAIL and address.isascii() and address.strip().lower() != normalised:
        return False  # of plain ASCII the slow validator makes nothing else
    return _read(kind, address, region) == normalised


# The caches hold personal data for as long as the process lives: small, and never more than a search needs.
@lru_cache(maxsize=4096)
def _read(kind: Kind, text: str, region: str) -> str | None:
    """The normal form of what a system holds, or ``None`` where it is not surely one identifier of this kind."""
    text = text.strip()
    if not text or len(text) > _MAX_TEXT[kind] or any(map(_hidden, text)):
        return None
    return _READERS[kind](text, region)


def _hidden(char: str) -> bool:
    """Control, format, surrogate, unassigned, line break: what is not seen was not meant."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _narrow(text: str) -> str:
    """NFC, and full-width forms to ASCII.

    Not NFKC: it also makes ``²`` a 2 and ``ﬁ`` an fi, which would join two people's names.
    """
    return unicodedata.normalize("NFC", text).translate(_FULL_WIDTH)


def _read_email(text: str, region: str) -> str | None:
    """Lower-case local part, domain as ASCII (``xn--``).

    RFC 5321 lets a host tell ``Jane@`` from ``jane@``; none in practice does, and telephony systems store what was
    typed. ``lower`` and not ``casefold``: the latter makes ``weiß`` and ``weiss`` one mailbox. Dots and ``+tags``
    count: only the provider knows whether they are the same person's.
    """
    try:
        address = validate_email(_narrow(text), check_deliverability=False)
    except ValueError:  # EmailNotValidError, or UnicodeError out of the IDNA tables
        return None
    return f"{unicodedata.normalize('NFC', address.local_part.lower())}@{address.ascii_domain.lower()}"


def _read_handle(text: str, region: str) -> str | None:
    """Lower-case, without its ``@``. Spaces, addresses and links are refused.

    All digits and no longer than a telephone number is refused too: as an address it is somebody's number.
    """
    handle = unicodedata.normalize("NFC", _narrow(text).removeprefix("@").lower())
    allowed = all(char in "._-#" or unicodedata.category(char) in _HANDLE_CATEGORIES for char in handle)
    return handle if allowed and len(handle) > 1 and not (handle.isdecimal() and len(handle) <= 15) else None


def _read_customer_number(text: str, region: str) -> str | None:
    """Upper-case: customer numbers are printed, dictated and typed, and nobody keeps to the case."""
    key = _read_crm_record_id(text, region)
    return key and key.upper()


def _read_crm_record_id(text: str, region: str) -> str | None:
    """As it is: in a Salesforce id of 15 characters, two that differ only in case are two people's records."""
    return key if _KEY.fullmatch(key := _narrow(text)) else None


def _read_guid(text: str, region: str) -> str | None:
    guid = text.lower()
    return guid if _GUID.fullmatch(guid) and guid != _NIL_GUID else None


def _known(region: str) -> None:
    """A region is configuration, not input: a wrong one would silently lose every national spelling."""
    if region and region not in _REGIONS:
        raise ValueError("region must be a two-letter country code in capitals, such as GB, or empty")


def _phone_of_a_person(text: str, region: str) -> str:
    if any(map(_hidden, text.strip())):
        raise Refused("bad_phone", "The telephone number has hidden characters: type it by hand instead of pasting it.")
    normal = _read(Kind.PHONE, text, region)
    if normal is None:
        where = f" for region {region}" if region else ""
        advice = "write it with its country code, such as +44 7700 900123."
        raise Refused("bad_phone", f"This is not a telephone number{where}: {advice}")
    if phonenumbers.number_type(phonenumbers.parse(normal)) in _SERVICE_LINES:
        raise Refused("service_number", "This is a service line, not one person's: give the number they call from.")
    return normal


def _read_phone(text: str, region: str) -> str | None:
    """E.164 of the one number these characters can mean in ``region``; ``None`` where there is none, or two.

    A ``+`` leaves no doubt. Without it, digits may begin with ``00`` or the region's own international prefix, with a
    country code (systems drop the ``+``), or be national. Readings that the numbering plans know go before those that
    are merely possible. A national number without the trunk zero its country writes counts only if nothing else fits.
    """
    digits = _dialled(text)
    if digits is None:
        return None
    if digits.startswith("+"):
        return _e164(_parse(digits))
    number = _parse(f"+{phonenumbers.country_code_for_region(region)}{digits}") if region else None
    customary = number is not None and digits in _national(number, region)
    readings = [*_abroad(digits, region), number if customary else None]
    sure = {one for one in map(_e164, readings) if one}
    valid = {one for one in sure if phonenumbers.is_valid_number(phonenumbers.parse(one))}
    fitting = valid or sure
    if len(fitting) > 1:
        return None
    return fitting.pop() if fitting else _e164(number)


def _dialled(text: str) -> str | None:
    """The digits, with a ``+`` if one leads; ``None`` if anything else than digits and separators is there.

    Letters are refused: the parser would read ``FLOWERS`` as digits, and ``x12`` as an extension, that is, a different
    telephone behind the same number. Superscripts and keycaps are no digits: a footnote mark must not become one.
    """
    narrow = text.translate(_FULL_WIDTH)
    kept = "".join(
        char for char in narrow if char not in _SEPARATORS and unicodedata.category(char) not in {"Zs", "Pd"}
    )
    digits = kept.removeprefix("+")
    return kept[: len(kept) - len(digits)] + _ascii_digits(digits) if digits.isdecimal() else None


def _ascii_digits(digits: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in digits)


def _abroad(digits: str, region: str) -> Iterator[PhoneNumber | None]:
    """The readings of digits without ``+`` as a number that begins with its country code."""
    for prefix in _international_prefixes(region):
        if digits.startswith(prefix):
            yield _parse("+" + digits.removeprefix(prefix))
    if not digits.startswith("0"):
        yield _parse("+" + digits)


@lru_cache(maxsize=256)
def _international_prefixes(region: str) -> tuple[str, ...]:
    """``00`` everywhere, because carriers deliver it everywhere, and the region's own (``011`` in North America)."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    own = (metadata.preferred_international_prefix or metadata.international_prefix or "") if metadata else ""
    return tuple(dict.fromkeys(["00", own] if own.isdecimal() else ["00"]))


def _parse(text: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None


def _e164(number: PhoneNumber | None) -> str | None:
    if number is None or not _complete(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _complete(number: PhoneNumber) -> bool:
    """Valid in its numbering plan; or possible, and as long as its country's ordinary numbers.

    The second half lets in ranges the plan does not know: new ones, and those reserved for fiction. A possible number
    of any other length is mostly a real one with digits missing.
    """
    national = phonenumbers.national_significant_number(number)
    if len(national) < _TAIL or len(f"{number.country_code}{national}") < _MIN_DIGITS:
        return False
    if phonenumbers.is_valid_number(number):
        return True
    reason = phonenumbers.is_possible_number_with_reason(number)
    return reason == ValidationResult.IS_POSSIBLE and len(national) in _ordinary_lengths(number.country_code)


@lru_cache(maxsize=256)
def _ordinary_lengths(country_code: int) -> frozenset[int]:
    region = phonenumbers.region_code_for_country_code(country_code)
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
    return frozenset(len(phonenumbers.national_significant_number(one)) for one in examples if one)


def _national(number: PhoneNumber, region: str) -> tuple[str, ...]:
    """How the number is dialled inside its country, in digits: as it is printed, and with the trunk prefix."""
    national = phonenumbers.national_significant_number(number)
    printed = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    spelled = "".join(char for char in printed if char.isdecimal())
    takes_zero = phonenumbers.ndd_prefix_for_region(region, True) == "0"
    return (spelled, f"0{national}") if takes_zero else (spelled,)


def _candidates(kind: Kind, normalised: str, region: str) -> list[str]:
    """The spellings worth thinking of, the likeliest first, before asking which of them read back."""
    if kind == Kind.PHONE:
        return _phone_candidates(normalised, region)
    if kind == Kind.EMAIL:
        return [normalised, _unicode_domain(normalised)]
    return [normalised, f"@{normalised}"] if kind == Kind.HANDLE else [normalised]


def _phone_candidates(normalised: str, region: str) -> list[str]:
    number = _parse(normalised)
    if number is None or number.country_code is None:
        return [normalised]
    digits = normalised.removeprefix("+")
    abroad = [prefix + digits for prefix in ("+", "", *_international_prefixes(region))]
    own = phonenumbers.region_code_for_country_code(number.country_code)
    return abroad + [*_national(number, own)] if own in _REGIONS else abroad


def _unicode_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{validate_email(f'a@{domain}', check_deliverability=False).domain}"
    except ValueError:
        return address


_ADVICE = {
    Kind.EMAIL: "This is not an e-mail address: write the address alone, such as name@example.org.",
    Kind.HANDLE: "This is not a handle: write the name alone, such as @name, without spaces or a link. "
    "If it is a telephone number or an e-mail address, choose that kind.",
    Kind.CUSTOMER_NUMBER: "This is not a customer number: write letters and digits only, without spaces.",
    Kind.CRM_RECORD_ID: "This is not a CRM record id: copy it from the record's address, without spaces.",
    Kind.INTERACTION_GUID: "This is not an interaction GUID: copy its 32 digits with their hyphens.",
}


def _first(name: str) -> str:
    return name[0] if len(name) > 2 else ""  # of two characters, one is half the name


_READERS = {
    Kind.PHONE: _read_phone,
    Kind.EMAIL: _read_email,
    Kind.HANDLE: _read_handle,
    Kind.CUSTOMER_NUMBER: _read_customer_number,
    Kind.CRM_RECORD_ID: _read_crm_record_id,
    Kind.INTERACTION_GUID: _read_guid,
}
