"""What an administrator may type about a connected system, and what is refused.

In:  addresses, the prefix of two environment variables, a region.
Out: a valid row, still in shadow mode.
Never here: a secret. The form asks for names of variables and never for their values.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError

from content_app.models import System
from requests_app.admin import labels

_CREDENTIAL = re.compile(r"[A-Z][A-Z0-9_]*")


def check_address(address: str) -> None:
    """Only https, or this machine (a sandbox); no name and password, no query, no fragment in it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValidationError("This is not an address. Write it like https://emea.api.cc.vonage.com.") from None
    if parts.username is not None or parts.password is not None:
        raise ValidationError("Leave the name and the password out of the address; they belong in the environment.")
    if parts.query or parts.fragment:
        raise ValidationError("Leave everything from ? or # on out of the address.")
    here = host in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise ValidationError("The address must begin with https://. Plain http:// is for a sandbox on 127.0.0.1 only.")
    if not host or port == 0:
        raise ValidationError("The address names no host.")


class SystemForm(labels.Plain, forms.ModelForm):
    """The fields that an administrator keeps. Shadow mode and emergency stop are acts, not fields."""

    class Meta:
        model = System
        fields = [
            "name", "gateway_url", "auth_url", "credential", "client_auth", "region", "history_days",
            "reads_statistics", "calls_per_minute", "batches_per_minute", "delete_parallel",
        ]  # fmt: skip
        widgets = {
            "gateway_url": forms.URLInput(attrs={"class": "vTextField"}),
            "auth_url": forms.URLInput(attrs={"class": "vTextField"}),
        }
        labels = {
            "gateway_url": "Address of the API",
            "auth_url": "Address that gives tokens",
            "credential": "Prefix of the credentials' variables",
            "client_auth": "How the credentials are sent",
            "region": "Country",
            "history_days": "Days of history",
            "reads_statistics": "Count what the statistics still hold",
            "calls_per_minute": "Calls a minute",
            "batches_per_minute": "Delete batches a minute",
            "delete_parallel": "Deletes at once",
        }
        help_texts = {
            "gateway_url": "The API gateway of the account's region, such as https://emea.api.cc.vonage.com.",
            "auth_url": "The host that gives tokens, such as https://emea.cc.vonage.com.",
            "credential": "VCC means that the environment has VCC_CLIENT_ID and VCC_CLIENT_SECRET.",
            "region": "Two letters, such as GB: where national telephone numbers are read.",
            "history_days": "How far back the account keeps content. The search goes no further.",
        }

    def clean_gateway_url(self) -> str:
        check_address(self.cleaned_data["gateway_url"])
        return self.cleaned_data["gateway_url"].rstrip("/")

    def clean_auth_url(self) -> str:
        check_address(self.cleaned_data["auth_url"])
        return self.cleaned_data["auth_url"].rstrip("/")

    def clean_credential(self) -> str:
        credential = self.cleaned_data["credential"]
        if not _CREDENTIAL.fullmatch(credential):
            raise ValidationError("Write capital letters, digits and underscores, with a letter first: VCC_EU.")
        return credential

    def clean_region(self) -> str:
        region = self.cleaned_data["region"].upper()
        if not re.fullmatch(r"[A-Z]{2}", region):
            raise ValidationError("Write the country's two letters, such as GB or DE.")
        return region

    def clean(self) -> dict[str, Any] | None:
        days = self.cleaned_data.get("history_days")
        if days is not None and not 1 <= days <= 3660:
            self.add_error("history_days", "Write a number of days between 1 and 3660.")
        return super().clean()
