"""The case file: everything a supervisory authority may ask to see."""

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    """Intake, validation, approval, and below them the ledger."""

    name = "requests_app"
    verbose_name = "Case file"
