"""What a search found, and what staff chose of it before the list is frozen."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from content_app.models.system import System
from requests_app.models import Identifier, Request
from requests_app.models.base import Row, present


class Search(Row):
    """One search of one system for one request. Its cursor survives a crash; it holds no address."""

    class Way(models.TextChoices):
        """How the system is asked: whichever takes fewer calls."""

        SUBJECT = "subject", "For this person alone"
        SWEEP = "sweep", "One pass through the account for all who wait"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="searches")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField(help_text="The end of the last window: when the search began.")
    way = models.CharField(max_length=7, choices=Way, default=Way.SUBJECT)
    #: What is still to be read, as beginnings and ends; for one person alone and from the start, empty: all of it.
    spans = models.JSONField(default=list, blank=True)
    #: What the windows and the spellings depend on. When it changes in the middle, the search begins anew.
    basis = models.CharField(max_length=20, blank=True)
    #: Index of the next (window, query) pair, where a killed run resumes; in a sweep, the windows that were read.
    cursor = models.PositiveIntegerField(default=0)
    calls_expected = models.PositiveIntegerField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    sharers = models.PositiveIntegerField(default=1, help_text="Requests that shared these calls, this one included.")
    interactions = models.PositiveIntegerField(default=0, help_text="Interactions that are theirs.")
    strangers = models.PositiveIntegerField(default=0, help_text="Prefix matches that the exact comparison rejected.")
    left_out = models.PositiveIntegerField(
        default=0, help_text="Spellings too short to be searched for: they would find half the account."
    )
    started_at = models.DateTimeField(default=present, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "searches"
        constraints = [
            models.UniqueConstraint(
                fields=["request", "system"], condition=Q(finished_at__isnull=True), name="search_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"search of {self.system_id}"


class Candidate(Row):
    """One piece of content that may be the person's. ``included`` is undecided while ``None``."""

    class Link(models.TextChoices):
        """How the content is tied to the person, or why it is not (a coded reason)."""

        OWN_IDENTIFIER = "own_identifier", "Their own number or address"
        NAMED_INTERACTION = "named_interaction", "They named this interaction"
        SAID_SO = "said_so", "The person said so, with time and agent"
        SHARED_THEIRS = "shared_theirs", "Shared number, but this contact is theirs"
        SHARED_OTHER = "shared_other", "Shared number, and this contact is another person's"
        OTHER_PERSON = "other_person", "Another person's, in spite of the number"
        OUT_OF_SCOPE = "out_of_scope", "Outside what the person asked for"
        LISTED_ONLY = "listed_only", "Listed only: the request is not for erasure"

    #: The reasons that include, and those that exclude.
    INCLUDES = frozenset({Link.OWN_IDENTIFIER, Link.NAMED_INTERACTION, Link.SAID_SO, Link.SHARED_THEIRS})
    EXCLUDES = frozenset({Link.SHARED_OTHER, Link.OTHER_PERSON, Link.OUT_OF_SCOPE})

    class Doubt(models.TextChoices):
        """Why the match alone does not decide, so that a person must."""

        NONE = "", "None"
        SHARED = "shared", "Other data subjects have the same identifier"
        AMBIGUOUS = "ambiguous", "Without a country code this can be another person's number"
        COMPANY_SIDE = "company_side", "The match is on the company's side of the contact"
        NAMED = "named", "Named by the person; none of their addresses is on it"

    class Kind(models.TextChoices):
        FOUND = "found", "Found before the list was frozen"
        AFTER_SCOPE = "after_scope", "Contact after the scope was frozen"
        DISCOVERED = "discovered", "Turned up later on an approved interaction"
        REAPPEARED = "reappeared", "Still there after the deletion"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="candidates")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=64)
    content_key = models.CharField(max_length=64)
    content_class = models.CharField(max_length=40)
    media_type = models.CharField(max_length=80, blank=True)
    length = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    direction = models.CharField(max_length=8)
    #: The company's side of the contact, never the person's.
    line = models.CharField(max_length=80, blank=True)
    agents = models.JSONField(default=list)
    found_by = models.ForeignKey(Identifier, null=True, on_delete=models.SET_NULL, related_name="+")
    shared = models.BooleanField(default=False, help_text="Other data subjects have the same identifier or contact.")
    doubt = models.CharField(max_length=12, choices=Doubt, blank=True)
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.FOUND)
    included = models.BooleanField(null=True)
    link = models.CharField(max_length=20, choices=Link, blank=True)
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    chosen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["occurred_at", "external_id", "content_key"]
        indexes = [models.Index(fields=["system", "external_id"], name="candidate_of_a_contact")]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "system", "external_id", "content_key"], name="candidate_once_a_request"
            ),
            models.CheckConstraint(
                condition=Q(included__isnull=True) | ~Q(link=""), name="candidate_choice_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.content_class} of {self.external_id}"
