"""The admin site's own object: its name, its first page, and the doors of Django's admin that stay shut.

In:  requests of people who are signed in.
Out: the stock admin in the portal's frame.
Never here: what a role may do. ``roles`` says that.
"""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what every page of the portal shows, those of the sign-in too."""
    return {"portal_name": settings.PORTAL_NAME, "demo": settings.DEMO}


class PortalAdminSite(AdminSite):
    """The stock admin under our name; its first page answers «what waits for me?» (``portal/index.html``)."""

    site_title = "GDPR Portal"
    site_header = "GDPR Portal"
    index_title = "What waits for you"
    index_template = "portal/index.html"
    enable_nav_sidebar = False  # the frame brings its own
    site_url = None

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: list[tuple[str, Any, str]] = []

    def add_page(self, route: str, view: Any, name: str) -> None:
        """A page that belongs to no model, right below the site's own address. Whoever has it asks who may open it."""
        self._pages.append((route, view, name))

    def get_urls(self) -> list[Any]:
        own = [path(route, self.admin_view(view), name=name) for route, view, name in self._pages]
        return [*own, *super().get_urls()]

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Applications are no places in this portal."""
        return redirect("admin:index")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """One door for passwords: the one that asks for the old one and is throttled."""
        return redirect("account_change_password")
