"""The admin site's own object: its name, its first page."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse


class PortalAdminSite(AdminSite):
    """The stock admin under our name; its first page answers «what waits for me?»."""

    site_title = "GDPR Portal"
    site_header = "GDPR Portal"
    index_title = "What waits for you"
    enable_nav_sidebar = True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "portal_name": settings.PORTAL_NAME, "demo": settings.DEMO}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, extra_context)
