"""The workshop: everything that touches interaction content or speaks to an outside system."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    """Planning, execution, verification, reporting."""

    name = "content_app"
    verbose_name = "Content"
