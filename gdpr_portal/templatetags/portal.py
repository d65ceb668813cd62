"""Template tags of the frame: the side menu, icons, badges.

In:  what a template has at hand.
Out: markup that is the same on every screen.
Never here: markup of one page alone.
"""

from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from content_app import safeguards
from gdpr_portal.menu import Group, menu
from gdpr_portal.waiting import Waiting, gather
from requests_app.states import State

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of ``static/portal/icons.svg``; decoration, so it is hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("portal/icons.svg"),
        name,
    )


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """The state of a request as a badge."""
    return format_html('<span class="badge {}">{}</span>', state, State(state).label)


@register.simple_tag(takes_context=True)
def portal_menu(context: template.Context) -> list[tuple[Group, list[tuple[Any, bool]]]]:
    """The menu of the person who looks, with the current line marked."""
    request = context.get("request")
    if request is None or not hasattr(request, "user"):
        return []
    return [(group, [(link, link.is_current(request.path)) for link in group.links]) for group in menu(request.user)]


@register.simple_tag
def what_waits(user: User) -> Waiting:
    """The first page's figures and rows. A tag, because the admin site exists before the pages it would import."""
    return gather(user)


@register.simple_tag
def everything_stopped() -> bool:
    """Whether the emergency stop of all systems is set: every page says so."""
    return safeguards.is_stopped()


@register.filter
def initials(user: User) -> str:
    """Two letters for the round mark beside a name."""
    full = f"{user.first_name[:1]}{user.last_name[:1]}"
    return full or user.get_username()[:2]


@register.filter
def display_name(user: User | None) -> str:
    """How colleagues know a person."""
    return (user.get_full_name() or user.get_username()) if user else ""


@register.filter
def role_names(user: User) -> str:
    """The roles a person holds, in one line."""
    names = ", ".join(user.groups.order_by("name").values_list("name", flat=True))
    return names.capitalize() if names else "No role"


@register.filter
def days_ago(moment: datetime) -> str:
    """How long something waits, in whole days of the portal's calendar."""
    days = (timezone.localdate() - timezone.localdate(moment)).days
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
