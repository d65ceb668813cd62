"""The screens of the workshop, one a file. Importing this package registers them."""

from content_app.admin import operating, plan, safeguarding, sample, system

__all__ = ["operating", "plan", "safeguarding", "sample", "system"]
