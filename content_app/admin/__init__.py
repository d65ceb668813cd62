"""The screens of the workshop, one a file. Importing this package registers them."""

from content_app.admin import plan, safeguarding, sample, system

__all__ = ["plan", "safeguarding", "sample", "system"]
