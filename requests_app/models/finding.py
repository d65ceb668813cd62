"""What was checked and what was decided: append-only, coded, without free text."""

from django.conf import settings
from django.db import models

from requests_app.models.base import Row, present
from requests_app.models.request import Request


class Finding(Row):
    """One identity check (``legal.md`` 4.5). Never an image, a document number or a code value."""

    class Method(models.TextChoices):
        PORTAL_SESSION = "portal_session", "Signed-in session with a second factor"
        ONE_TIME_CODE = "one_time_code", "One-time code to a contact point on file"
        CALLBACK = "callback", "Call back to the number on file"
        REGISTERED_EMAIL = "registered_email", "Reply from the registered e-mail"
        NAME_AND_NUMBER = "name_and_number", "Name and customer number match"
        DOCUMENT = "document", "Identity document"
        STAFF_SESSION = "staff_session", "Employment account session"
        SUPPLIED_FACTS = "supplied_facts", "Facts both sides know (Art. 11(2))"
        AUTHORITY = "authority", "Authority of a representative"

    class Level(models.TextChoices):
        IAL_0 = "IAL-0", "IAL-0 · none"
        IAL_1 = "IAL-1", "IAL-1 · plausible"
        IAL_2 = "IAL-2", "IAL-2 · verified by possession"
        IAL_3 = "IAL-3", "IAL-3 · verified by document"

    class Result(models.TextChoices):
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"

    class Doubt(models.TextChoices):
        """Why more than the first factor was asked (Art. 12(6)); a document needs one (R-ID-01)."""

        NONE = "", "No doubt"
        UNKNOWN_CONTACT = "unknown_contact", "Came from a contact point not on file"
        CONTACT_CHANGED = "contact_changed", "Contact point changed recently"
        DATA_MISMATCH = "data_mismatch", "Details do not match"
        SENSITIVE_CONTENT = "sensitive_content", "Content is particularly sensitive"
        SUSPECTED_FRAUD = "suspected_fraud", "Suspected impersonation"

    #: The highest level that each method can reach (``legal.md`` 4.2).
    REACHES = {
        Method.PORTAL_SESSION: Level.IAL_2,
        Method.ONE_TIME_CODE: Level.IAL_2,
        Method.CALLBACK: Level.IAL_2,
        Method.REGISTERED_EMAIL: Level.IAL_1,
        Method.NAME_AND_NUMBER: Level.IAL_1,
        Method.DOCUMENT: Level.IAL_3,
        Method.STAFF_SESSION: Level.IAL_2,
        Method.SUPPLIED_FACTS: Level.IAL_1,
        Method.AUTHORITY: Level.IAL_0,
    }

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="findings")
    method = models.CharField(max_length=20, choices=Method)
    level = models.CharField(max_length=5, choices=Level)
    result = models.CharField(max_length=6, choices=Result)
    doubt = models.CharField(max_length=20, choices=Doubt, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.get_method_display()}: {self.result}"


class Decision(Row):
    """A decision about a request that is not an approval: refused, sent back, withdrawn, replied."""

    class Kind(models.TextChoices):
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn by the person"
        NOT_IDENTIFIED = "not_identified", "Not identified"
        SENT_BACK = "sent_back", "Sent back"
        APPROVAL_WITHDRAWN = "approval_withdrawn", "Approval withdrawn"
        REPLIED = "replied", "Reply sent"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=18, choices=Kind)
    reason = models.CharField(max_length=40)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=present, editable=False)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"
