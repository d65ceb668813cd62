"""A sample follows from its seed, and an outsider who has the rule draws the same one."""

import hashlib
import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from requests_app import sampling
from requests_app.errors import Refused
from requests_app.models import LedgerLeaf, Request, Sample
from tests import factories
from tests.guards_aside import guards_aside

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 2)


@pytest.fixture
def closed(clock: Any) -> list[Request]:
    """Twelve that ended in February, one before, one that is open, and one of closed history."""
    ended = timezone.now() - timedelta(days=10)
    rows = [factories.RequestFactory(is_closed=True, closed_at=ended) for _ in range(11)]
    rows.append(factories.RequestFactory(state="refused", outcome="refused", closed_at=ended))
    factories.RequestFactory(is_closed=True, closed_at=ended - timedelta(days=60))
    factories.RequestFactory(is_planned=True)
    factories.RequestFactory(origin="history", state="closed", closed_at=ended)
    return rows


def draw(actor: User, **told: Any) -> Sample:
    return sampling.draw(actor=actor, **({"first": date(2026, 2, 1), "last": TODAY, "size": 5} | told))


def test_it_is_drawn_from_the_live_requests_that_ended_in_the_period(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor, size=100)
    assert sample.population == 12
    assert set(sample.drawn) == {str(one.pk) for one in closed}


def test_an_outsider_draws_the_same(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor, seed="dice-3141592")
    ids = sorted(str(one.pk) for one in closed)
    ranked = sorted(ids, key=lambda one: hashlib.sha256(b"dice-3141592\x00" + one.encode()).digest())
    assert sample.drawn == ranked[:5]
    assert sample.population_digest == hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def test_the_same_seed_draws_the_same_and_another_another(closed: list[Request], auditor: User) -> None:
    first, again, other = draw(auditor, seed="a"), draw(auditor, seed="a"), draw(auditor, seed="b")
    assert first.drawn == again.drawn
    assert first.drawn != other.drawn


def test_without_a_seed_it_is_random(closed: list[Request], auditor: User) -> None:
    assert draw(auditor).seed != draw(auditor).seed


def test_the_ledger_has_seed_population_and_draw(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor, seed="dice")
    leaf = LedgerLeaf.objects.get(type="sample.drawn")
    facts = json.loads(bytes(leaf.leaf))["facts"]
    assert leaf.object_id == str(sample.pk)
    assert (facts["seed"], facts["population"], facts["size"]) == ("dice", 12, 5)
    assert facts["population_digest"] == sample.population_digest
    assert facts["drawn_digest"] == sampling.digest(sample.drawn)


def test_it_can_be_drawn_again_later(closed: list[Request], auditor: User, clock: Any) -> None:
    sample = draw(auditor)
    clock.shift(timedelta(days=3))
    factories.RequestFactory(is_closed=True, closed_at=timezone.now() - timedelta(hours=1))
    assert sampling.again(sample).same
    assert [str(one.pk) for one in sampling.requests_of(sample)] == sample.drawn


def test_a_request_that_was_moved_out_of_the_period_is_noticed(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor)
    Request.objects.filter(pk=UUID(sample.drawn[0])).update(closed_at=timezone.now() - timedelta(days=90))
    assert not sampling.again(sample).same


def test_a_sample_that_was_exchanged_is_noticed(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor)
    with guards_aside(connection):
        left = [str(one.pk) for one in closed if str(one.pk) not in sample.drawn]
        Sample.objects.filter(pk=sample.pk).update(drawn=[left[0], *sample.drawn[1:]])
    sample.refresh_from_db()
    assert not sampling.again(sample).same


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"seed": "0dice"}, "bad_seed"),
        ({"seed": "a b"}, "bad_seed"),
        ({"seed": "a" * 41}, "bad_seed"),
        ({"size": 0}, "bad_size"),
        ({"size": 101}, "bad_size"),
        ({"first": TODAY, "last": date(2026, 2, 1)}, "bad_period"),
        ({"first": date(2027, 1, 1), "last": date(2027, 1, 2)}, "bad_period"),
        ({"first": date(2020, 1, 1), "last": date(2020, 1, 2)}, "nobody"),
    ],
)
def test_what_cannot_be_drawn_says_why(told: dict[str, Any], code: str, closed: list[Request], auditor: User) -> None:
    with pytest.raises(Refused) as refused:
        draw(auditor, **told)
    assert refused.value.code == code
    assert not Sample.objects.exists()
    assert not LedgerLeaf.objects.exists()


@pytest.mark.parametrize("who", ["staff", "supervisor", "administrator", "privacy_manager", "agent", "outsider"])
def test_only_auditors_and_the_dpo_draw(who: str, closed: list[Request], request: Any) -> None:
    with pytest.raises(Refused):
        draw(request.getfixturevalue(who))
    assert not Sample.objects.exists()


def test_a_sample_never_changes(closed: list[Request], auditor: User) -> None:
    sample = draw(auditor)
    with pytest.raises(DatabaseError), transaction.atomic():
        Sample.objects.filter(pk=sample.pk).update(seed="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        Sample.objects.filter(pk=sample.pk).delete()
