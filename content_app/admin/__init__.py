"""The screens of the workshop, one a file. Importing this package registers them."""

from content_app.admin import operating, plan, sample, system

__all__ = ["operating", "plan", "sample", "system"]
