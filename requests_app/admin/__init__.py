"""The screens of the case file, one noun a file. Importing this package registers them."""

from requests_app.admin import access_log, audit_event, request, subject, suppression

__all__ = ["access_log", "audit_event", "request", "subject", "suppression"]
