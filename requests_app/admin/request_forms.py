"""The forms of the request page: what people type, kept as they typed it until it is right.

In:  POST data.
Out: the parameters of a room's function, and each fault beside its field.
Never here: a rule of the house. The rooms decide; these forms only read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone

from requests_app import intake, validation
from requests_app.decoding.limits import MAX_PAGES, MAX_PIXELS
from requests_app.file_checks import MAX_BYTES
from requests_app.identifiers import LABELS, Kind
from requests_app.models import Channel, DataSubject, Evidence, Finding, Jurisdiction, Right, Scope

#: Rows for identifiers that the page starts with; a script adds more, and works are never lost without it.
ROWS = 5


@dataclass(slots=True)
class IdentifierRow:
    """One line of the form: kind, value, and what is wrong with it."""

    kind: str
    value: str
    error: str = ""


class StaffChoiceField(forms.ModelChoiceField):
    """Colleagues by the name that colleagues know."""

    def label_from_instance(self, obj: Any) -> str:
        return obj.get_full_name() or obj.get_username()


def _now() -> datetime:
    return timezone.localtime().replace(second=0, microsecond=0)


class MomentField(forms.DateTimeField):
    """A local date and time. The hour that a change of the clocks leaves out, or has twice, is refused in words."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            return super().to_python(value)
        except forms.ValidationError as error:
            if error.code == "ambiguous_timezone":
                raise forms.ValidationError(
                    "The clocks were changed in this hour. Choose a time before or after it.", code="clock_change"
                ) from None
            raise


class CaptureForm(forms.Form):
    """A request, as an agent takes it down. Field names are the parameters of ``intake.open_request``."""

    right = forms.ChoiceField(label="What they ask for", choices=Right, initial=Right.ERASURE)
    name = forms.CharField(
        label="Name of the person", max_length=intake.MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    channel = forms.ChoiceField(label="How it reached us", choices=Channel, initial=Channel.PHONE)
    received_at = MomentField(
        label="When it reached us",
        initial=_now,
        help_text="The clock starts here, not when it is typed in.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Enter a date and a time, such as 2026-11-24 10:30."},
    )
    jurisdiction = forms.ChoiceField(
        label="Law that applies", choices=Jurisdiction, initial=lambda: settings.PORTAL_JURISDICTION
    )
    contact = forms.CharField(
        label="Where to send the reply",
        max_length=intake.MAX_NAME,
        required=False,
        help_text="An e-mail or postal address. Empty: by the channel they used.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(label="How much they mean", choices=Scope, initial=Scope.EVERYTHING)
    date_from = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    date_to = forms.DateField(
        label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    subject_kind = forms.ChoiceField(
        label="Who the person is", choices=DataSubject.Kind, initial=DataSubject.Kind.CUSTOMER
    )
    staff_user = StaffChoiceField(
        label="Which colleague",
        required=False,
        queryset=User.objects.filter(is_active=True).order_by("first_name", "username"),
        empty_label="Choose…",
        help_text="They can then neither validate nor approve this request.",
    )
    unsafe_contact = forms.BooleanField(
        label="Others may read this person's messages: be careful where you write", required=False
    )

    #: Fields under "More details"; the fold opens by itself when one of them is wrong.
    DETAILS = ("contact", "scope", "date_from", "date_to", "subject_kind", "staff_user", "unsafe_contact")

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.rows = _rows(data)
        self.identifiers_error = ""

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(kind.value, LABELS[kind]) for kind in Kind]

    @property
    def details_open(self) -> bool:
        return any(name in self.errors for name in self.DETAILS) or (
            self.is_bound and any(self.data.get(name) for name in ("contact", "date_from", "date_to", "unsafe_contact"))
        )

    @property
    def has_faults(self) -> bool:
        return bool(self.errors or self.identifiers_error or any(row.error for row in self.rows))

    def told(self) -> dict[str, Any]:
        """The parameters for the room, rows without a value left out."""
        filled = [(row.kind, row.value) for row in self.rows if row.value.strip()]
        return {**self.cleaned_data, "identifiers": filled}

    def mark(self, errors: dict[str, str]) -> None:
        """Put the room's sentences beside the fields they are about."""
        filled = [row for row in self.rows if row.value.strip()]
        for name, sentence in errors.items():
            field, _, position = name.partition(".")
            if field == "identifiers" and position:
                filled[int(position)].error = sentence
            elif field == "identifiers":
                self.identifiers_error = sentence
            else:
                self.add_error(field if field in self.fields else None, sentence)


def _rows(data: QueryDict | None) -> list[IdentifierRow]:
    kinds, values = (data.getlist("identifier_kind"), data.getlist("identifier_value")) if data else ([], [])
    rows = [IdentifierRow(kind, value) for kind, value in zip(kinds, values, strict=False)]
    starters = (Kind.PHONE, Kind.EMAIL, Kind.CUSTOMER_NUMBER, Kind.PHONE, Kind.PHONE)
    return rows + [IdentifierRow(kind.value, "") for kind in starters[len(rows) :]]


class FindingForm(forms.Form):
    """One identity check."""

    method = forms.ChoiceField(label="How it was checked", choices=[("", "Choose…"), *Finding.Method.choices])
    level = forms.ChoiceField(label="Level reached", choices=[("", "Choose…"), *Finding.Level.choices])
    result = forms.ChoiceField(label="Result", choices=Finding.Result, initial=Finding.Result.PASSED)
    doubt = forms.ChoiceField(
        label="Reason for doubt",
        choices=Finding.Doubt,
        required=False,
        help_text="Needed before a document may be asked for.",
    )


#: Every limit, before anybody meets one.
LIMITS = (
    f"PDF, JPEG or PNG, at most {MAX_BYTES >> 20} MB, {MAX_PAGES} pages and {MAX_PIXELS // 1_000_000} million pixels; "
    f"{validation.MAX_EVIDENCE} documents a request. Only what can be seen is kept: pages become pictures. "
    "Identity copies are destroyed when the request is validated."
)


class EvidenceForm(forms.Form):
    """One document."""

    kind = forms.ChoiceField(label="What it is", choices=Evidence.Kind)
    file = forms.FileField(
        label="File",
        help_text=LIMITS,
        widget=forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"}),
        error_messages={
            "required": "Choose a file of at most 10 MB.",
            "missing": "Choose a file of at most 10 MB.",
            "empty": "This file is empty. Choose another.",
        },
    )

    def clean_file(self) -> Any:
        """A browser sends one; of two that were sent by hand the last would win without a word."""
        if sum(len(self.files.getlist(name)) for name in self.files) > 1:
            raise forms.ValidationError("Send one file at a time: several came, and none of them was kept.")
        return self.cleaned_data["file"]
