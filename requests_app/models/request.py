"""The request: one right of one person, from receipt to reply. Its ``state`` is the only mutable status there is."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Right as LastLetters
from uuid_utils.compat import uuid7

from requests_app.models.base import Row
from requests_app.models.subject import DataSubject
from requests_app.states import OPEN, State

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that is misread over the telephone
_USER = settings.AUTH_USER_MODEL
_OPEN = sorted(OPEN)


def new_reference() -> str:
    """A reference that can be read out over the telephone and says nothing about how many there are."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"DSR-{text[:4]}-{text[4:]}"


class Right(models.TextChoices):
    """The rights of Articles 15 to 22 (``legal.md`` 1.1 has the codes)."""

    ERASURE = "erasure", "Erasure (Art. 17)"
    ACCESS = "access", "Access (Art. 15)"
    RECTIFICATION = "rectification", "Rectification (Art. 16)"
    RESTRICTION = "restriction", "Restriction of processing (Art. 18)"
    PORTABILITY = "portability", "Data portability (Art. 20)"
    OBJECTION = "objection", "Objection (Art. 21)"
    AUTOMATED_DECISION = "automated_decision", "Review of an automated decision (Art. 22)"


class Channel(models.TextChoices):
    """How the request reached the controller."""

    PHONE = "phone", "Telephone"
    EMAIL = "email", "E-mail"
    POST = "post", "Post"
    WEB_FORM = "web_form", "Web form"
    CHAT = "chat", "Chat"
    IN_PERSON = "in_person", "In person"
    SOCIAL_MEDIA = "social_media", "Social media"


class Jurisdiction(models.TextChoices):
    """The profile whose clock and letters apply (R-JUR-01)."""

    EU = "EU", "European Union"
    EU_DE = "EU-DE", "Germany"
    EU_ES = "EU-ES", "Spain"
    EU_FR = "EU-FR", "France"
    EU_IE = "EU-IE", "Ireland"
    EU_IT = "EU-IT", "Italy"
    EU_NL = "EU-NL", "Netherlands"
    UK = "UK", "United Kingdom"


class Scope(models.TextChoices):
    """How much of what is held the person means."""

    EVERYTHING = "everything", "Everything"
    CONTENT_ONLY = "content_only", "Interaction content only"
    NAMED_INTERACTIONS = "named_interactions", "Named interactions only"


class Request(Row):
    """A data subject request (DSR): one right, one person."""

    class Origin(models.TextChoices):
        LIVE = "live", "Live"
        HISTORY = "history", "Closed history, imported read-only"

    reference = models.CharField(max_length=13, unique=True, default=new_reference, editable=False)
    group = models.UUIDField(default=uuid7, help_text="Requests that came in one message share it.")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="requests")
    right = models.CharField(max_length=20, choices=Right)
    channel = models.CharField(max_length=14, choices=Channel)
    jurisdiction = models.CharField(max_length=6, choices=Jurisdiction)
    scope = models.CharField(max_length=20, choices=Scope, default=Scope.EVERYTHING)
    date_from = models.DateField(null=True, blank=True)
    date_to = models.DateField(null=True, blank=True)
    scope_as_of = models.DateTimeField(
        null=True, blank=True, help_text="Set when validation ends. Later contacts are listed apart (R-RT-05)."
    )
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.LIVE)
    import_key = models.CharField(max_length=64, unique=True, null=True, blank=True)

    state = models.CharField(max_length=16, choices=State, default=State.RECEIVED)
    outcome = models.CharField(max_length=40, blank=True)
    received_at = models.DateTimeField(help_text="When the request reached the controller (R-RX-04).")
    captured_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    opened_by = models.ForeignKey(_USER, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    validated_by = models.ForeignKey(_USER, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    subject_user = models.ForeignKey(_USER, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(_USER, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    plan_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-received_at"]
        # The list is shown in the order of receipt, filtered by any of three: each way of filtering finds its page
        # without reading what it does not show, however many requests there are.
        indexes = [
            models.Index(fields=["received_at", "id"], name="request_by_day"),
            models.Index(fields=["state", "received_at", "id"], name="request_queue"),
            models.Index(fields=["right", "received_at", "id"], name="request_by_right"),
            models.Index(fields=["jurisdiction", "received_at", "id"], name="request_by_place"),
            models.Index(fields=["state", "right", "received_at", "id"], name="request_by_state_right"),
            models.Index(fields=["state", "jurisdiction", "received_at", "id"], name="request_by_state_place"),
            models.Index(fields=["right", "jurisdiction", "received_at", "id"], name="request_by_right_place"),
            models.Index(fields=["state", "right", "jurisdiction", "received_at", "id"], name="request_by_all_three"),
            # Few are open, however many have ended: what waits, and what the workers look at.
            models.Index(fields=["received_at", "id"], condition=Q(state__in=_OPEN), name="request_open"),
            models.Index(fields=["closed_at"], name="request_by_end"),
            models.Index(fields=["closed_at"], condition=Q(origin="history"), name="request_of_history"),
            models.Index(LastLetters("reference", 4), name="request_by_last_letters"),
        ]
        permissions = [
            ("capture_request", "Can take down a request"),
            ("validate_request", "Can validate, check identity, and choose what was found"),
            ("freeze_request", "Can freeze the list of a request"),
            ("approve_request", "Can approve an exact list"),
            ("refuse_request", "Can refuse a request"),
            ("close_request", "Can record the reply and close"),
            ("export_request", "Can export reports and lists"),
            ("see_personal_data", "Can see names and identifiers in clear"),
            ("reveal_personal_data", "Can see names and identifiers in clear after giving a reason"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="request_state_is_known"),
            models.CheckConstraint(
                condition=Q(origin="history")
                | ~Q(state__in=[State.PLANNED, State.APPROVED, State.EXECUTED, State.VERIFIED, State.CLOSED])
                | ~Q(plan_digest=""),
                name="request_past_planned_has_a_digest",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.APPROVED, State.EXECUTED]) | Q(approved_by__isnull=False),
                name="request_past_approved_has_an_approver",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (
                    (Q(opened_by__isnull=True) | ~Q(approved_by=F("opened_by")))
                    & (Q(validated_by__isnull=True) | ~Q(approved_by=F("validated_by")))
                    & (Q(subject_user__isnull=True) | ~Q(approved_by=F("subject_user")))
                ),
                name="request_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(validated_by__isnull=True)
                | Q(subject_user__isnull=True)
                | ~Q(validated_by=F("subject_user")),
                name="request_subject_does_not_validate",
            ),
            models.CheckConstraint(
                condition=Q(date_from__isnull=True) | Q(date_to__isnull=True) | Q(date_from__lte=F("date_to")),
                name="request_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class RequestLink(models.Model):
    """Two requests that belong together."""

    class Kind(models.TextChoices):
        DUPLICATE = "duplicate", "Asks for the same again"
        BLOCKS = "blocks", "Must be answered first"
        SAME_MESSAGE = "same_message", "Came in the same message"

    a = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="links_out")
    b = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="links_in")
    kind = models.CharField(max_length=12, choices=Kind)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b", "kind"], name="requestlink_once"),
            models.CheckConstraint(condition=~Q(a=F("b")), name="requestlink_not_to_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.a_id} {self.kind} {self.b_id}"


class Party(Row):
    """Who asks, for whom, and who was told. Name and contact are encrypted under the subject's key."""

    class Role(models.TextChoices):
        REQUESTER = "requester", "Requester"
        REPRESENTATIVE = "representative", "Authorised representative"
        RECIPIENT = "recipient", "Recipient"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="parties")
    role = models.CharField(max_length=14, choices=Role)
    name_enc = models.BinaryField()
    contact_enc = models.BinaryField(null=True)

    class Meta:
        verbose_name_plural = "parties"

    def __str__(self) -> str:
        return f"{self.role} of {self.request_id}"
