"""The invented world."""

from dataclasses import replace
from datetime import timedelta

import pytest

from content_app.sandbox.generation import generate
from content_app.sandbox.interaction import CONTENT_TYPES
from content_app.sandbox.settings import Settings

from .centre import NOW, Centre

pytestmark = pytest.mark.pure
SMALL = Settings(interactions=800, subjects=8, days=60)


def everything(settings: Settings):
    world = generate(settings, NOW).world
    return list(world.between(NOW - timedelta(days=settings.days + 1), NOW))


def test_the_same_seed_invents_the_same_world_and_another_seed_another():
    assert everything(SMALL) == everything(SMALL)
    assert everything(SMALL) != everything(replace(SMALL, seed=2))


def test_a_world_has_the_size_and_the_span_asked_for():
    interactions = everything(SMALL)
    assert len(interactions) == 800
    assert min(one.start for one in interactions) >= NOW - timedelta(days=60)
    assert {content.type for one in interactions for content in one.content} == set(CONTENT_TYPES)


def test_every_subject_has_strangers_colliding_in_every_format():
    for subject in generate(SMALL, NOW).subjects:
        for address in subject.person.addresses:
            others = [other.person.addresses[0] for other in subject.strangers if other.collision.startswith("begins")]
            rival = next(other for other in others if other.formats[0].startswith(address.formats[0]))
            assert all(long.startswith(short) for short, long in zip(address.formats, rival.formats, strict=True))
            assert not set(address.formats) & set(rival.formats)


def test_every_stranger_has_content_in_every_format():
    for subject in Centre().subjects():
        for stranger in subject["strangers"]:
            parties = {
                p for one in stranger["interactions"] if one["content"] for p in (one["connectFrom"], one["connectTo"])
            }
            assert set(stranger["identifiers"][0]["formats"]) <= parties


def test_no_address_is_two_persons():
    generated = generate(replace(SMALL, subjects=200), NOW)
    people = [p for s in generated.subjects for p in (s.person, *(other.person for other in s.strangers))]
    addresses = [text for person in people for address in person.addresses for text in address.formats]
    assert len(addresses) == len(set(addresses))
    everyone = generated.world.between(NOW - timedelta(days=61), NOW)
    assert not {one.customer for one in everyone if not one.person} & set(addresses)


def test_a_hundred_thousand_interactions_are_generated_and_searched_by_window():
    centre = Centre(interactions=100_000, days=365)
    centre.headers()
    assert centre.search(connectFrom="+4477").status_code == 200
