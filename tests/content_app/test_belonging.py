"""Whose an interaction is, and that nobody whom it concerns is overlooked among many."""

from uuid import uuid4

import hypothesis.strategies as st
import pytest
from django.utils import timezone
from hypothesis import example, given, settings

from content_app import belonging
from content_app.belonging import Crowd, Known
from content_app.connectors.base import Interaction
from requests_app.identifiers import (
    MIN_PREFIX,
    Kind,
    coarse,
    formats,
    left_out,
    matches,
    normalise,
    spellings,
)
from requests_app.models import Identifier

REGIONS = ("GB", "DE", "US", "IT", "")
VALUES = {
    Kind.PHONE: ["+447700900123", "+4917112345678", "+12025550123", "+390612345678", "+6834123"],
    Kind.EMAIL: ["ines@example.org", "ines.q@bücher.example", "jörg@example.org", "o'neil@example.org"],
    Kind.HANDLE: ["ines_q", "straße", "李.雷"],
}
VALUES = {kind: [normalise(kind, value, region="") for value in values] for kind, values in VALUES.items()}
ONE = st.sampled_from([(kind, value) for kind, values in VALUES.items() for value in values])


def dressed(text):
    """The same address as some system may write it."""
    return st.sampled_from([
        text, f" {text} ", text.upper(), text.swapcase(), "-".join(text[at : at + 4] for at in range(0, len(text), 4)),
        text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}), f"({text})",
        text.replace("xn--bcher-kva", "bücher"),
    ])  # fmt: skip


@settings(deadline=None)
@given(ONE, st.sampled_from(REGIONS), st.data())
@example((Kind.PHONE, "+447700900123"), "GB", None)
def test_what_matches_has_the_same_coarse_key(one, region, data):
    kind, value = one
    for written in spellings(kind, value, region=region):
        address = data.draw(dressed(written)) if data else written
        if matches(kind, value, address, region=region):
            assert coarse(kind, address) == coarse(kind, value)


@settings(deadline=None)
@given(ONE, st.text(max_size=30), st.sampled_from(REGIONS))
def test_whatever_text_it_is_what_matches_has_the_same_coarse_key(one, text, region):
    kind, value = one
    assert not matches(kind, value, text, region=region) or coarse(kind, text) == coarse(kind, value)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.PHONE, "+447700900123", "+447700900124"),
        (Kind.EMAIL, "ines@example.org", "ines.q@example.org"),
        (Kind.HANDLE, "ines_q", "ines_r"),
    ],
)
def test_somebody_else_has_another(kind, one, other):
    assert coarse(kind, one) != coarse(kind, other)


def known(kind, value, region):
    others = left_out(kind, value, region=region)
    doubtful = tuple(text for text in others if len(text) >= MIN_PREFIX[kind])
    return Known(
        Identifier(created_at=timezone.now()),
        kind,
        value,
        False,
        tuple(formats(kind, value, region=region)),
        doubtful,
        0,
    )


@settings(deadline=None)
@given(st.lists(ONE, min_size=1, max_size=6), ONE, ONE, st.sampled_from(REGIONS), st.data())
def test_whoever_is_tied_to_a_contact_is_near_it(everybody, person, company, region, data):
    people = {uuid4(): [known(kind, value, region)] for kind, value in everybody}
    crowd = Crowd()
    for who, entries in people.items():
        crowd.add(who, entries)
    sides = [
        data.draw(dressed(data.draw(st.sampled_from([value, *left_out(kind, value, region=region)]))))
        for kind, value in (person, company)
    ]
    contact = Interaction("a", None, *sides, data.draw(st.sampled_from(["inbound", "outbound"])), (), ())
    tied = {who for who, entries in people.items() if belonging.tie(contact, entries, region=region)}
    assert tied <= crowd.near(contact)
