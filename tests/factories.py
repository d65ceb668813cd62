"""Makes rows for tests, as far along as a test needs them.

In:  what matters to the test; everything else gets a harmless value.
Out: rows in the database, people in their groups.
Never here: a way round a rule. A request is *made* in its state, with the digest and the people which that state
demands; to *move* one, a test calls its room.
"""

from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import Group, User
from django.utils import timezone

from content_app.models import Heartbeat, System
from requests_app import keys
from requests_app.models import Channel, DataSubject, Identifier, Jurisdiction, Request, Right, SubjectKey

PASSWORD = "a long enough password"


def person(username: str, role: str = "", **more: Any) -> User:
    """Someone who can sign in (``PASSWORD``), in the group of ``role``, if there is one."""
    first, _, last = username.partition(".")
    user = User.objects.create_user(
        username, password=PASSWORD, first_name=first.title(), last_name=last.title(), is_staff=True, **more
    )
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


class UserFactory(factory.django.DjangoModelFactory[User]):
    """One more person, beside the cast."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person-{n}")
    password = factory.django.Password(PASSWORD)
    is_staff = True


class DataSubjectFactory(factory.django.DjangoModelFactory[DataSubject]):
    """A data subject with a fresh key for each purpose."""

    class Meta:
        model = DataSubject
        skip_postgeneration_save = True

    @factory.post_generation
    def with_keys(self: DataSubject, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        if create and extracted is not False:
            for purpose in SubjectKey.Purpose:
                keys.create_subject_key(self, purpose)


class RequestFactory(factory.django.DjangoModelFactory[Request]):
    """A request, received two days ago by telephone, for erasure."""

    class Meta:
        model = Request

    subject = factory.SubFactory(DataSubjectFactory)
    right = Right.ERASURE
    channel = Channel.PHONE
    jurisdiction = Jurisdiction.UK
    received_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=2))
    opened_by = factory.SubFactory(UserFactory)

    class Params:
        is_validated = factory.Trait(
            state="validated",
            validated_by=factory.SubFactory(UserFactory),
            scope_as_of=factory.LazyFunction(timezone.now),
        )
        is_planned = factory.Trait(is_validated=True, state="planned", plan_digest="d" * 64)
        is_approved = factory.Trait(is_planned=True, state="approved", approved_by=factory.SubFactory(UserFactory))
        is_executed = factory.Trait(is_approved=True, state="executed")
        is_verified = factory.Trait(is_approved=True, state="verified")
        is_closed = factory.Trait(is_approved=True, state="closed", closed_at=factory.LazyFunction(timezone.now))


class SystemFactory(factory.django.DjangoModelFactory[System]):
    """A connected contact centre in shadow mode, at an address where nobody answers."""

    class Meta:
        model = System

    name = factory.Sequence(lambda n: f"Contact centre {n}")
    credential = factory.Sequence(lambda n: f"TEST{n}")
    gateway_url = "http://127.0.0.1:9"
    auth_url = "http://127.0.0.1:9"
    history_days = 7


def identifier(subject: DataSubject, kind: str, value: str) -> Identifier:
    """An identifier of a subject, sealed and indexed. ``value`` is taken as it is: already normalised."""
    index, key_id = keys.blind_index(kind, value)
    row = Identifier(subject=subject, kind=kind, blind_index=index, index_key_id=key_id)
    row.value_enc = keys.seal(row, "value_enc", value, subject_id=subject.pk)
    row.save(force_insert=True)
    return row


def heartbeat(part: str, *, node: str = "", ago: timedelta = timedelta(0), **more: Any) -> Heartbeat:
    """A cluster or a loop on another host, which gave its last sign of life a while ago."""
    at, node = timezone.now() - ago, node or f"{part}-1"
    told = {"node": node, "host": "another-host", "started_at": at, "at": at, "pulled_at": at} | more
    return Heartbeat.objects.create(name=f"{part} {node}", part=part, **told)
