"""The screens of the workshop, one a file. Importing this package registers them."""

from content_app.admin import plan, sample, system

__all__ = ["plan", "sample", "system"]
