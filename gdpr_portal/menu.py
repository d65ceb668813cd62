"""The side menu: what each person may open, in the words of the work and not of the database.

In:  a user.
Out: groups of links, only those that the user's permissions open.
Never here: a permission. The menu hides what would be refused; the pages refuse.
"""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the menu."""

    label: str
    url: str
    icon: str

    def is_current(self, path: str) -> bool:
        return path == self.url if self.url == reverse("admin:index") else path.startswith(self.url)


@dataclass(frozen=True, slots=True)
class Group:
    """Links under one heading."""

    title: str
    links: tuple[Link, ...]


#: Who may open the operators' page: one of them is enough.
_RUNS = "content_app.change_system|content_app.stop_system|requests_app.view_ledgerleaf"
#: (heading, ((label, URL name, icon, permissions, one of which is enough), …)). A page that is not installed leaves no
#: line.
_MENU: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Work",
        (
            ("What waits for you", "admin:index", "waiting", ""),
            ("Requests", "admin:requests_app_request_changelist", "requests", "requests_app.view_request"),
            ("Safeguards", "admin:content_safeguards", "roles", "content_app.view_safeguard"),
            ("Suppression list", "admin:requests_app_suppression_changelist", "lock", "requests_app.view_suppression"),
        ),
    ),
    (
        "Evidence",
        (
            ("Ledger", "admin:requests_app_ledgerleaf_changelist", "ledger", "requests_app.view_ledgerleaf"),
            ("Samples", "admin:requests_app_sample_changelist", "sample", "requests_app.view_sample"),
            ("Reconciliation", "admin:content_reconciliation", "balance", "requests_app.view_ledgerleaf"),
            ("Access log", "admin:requests_app_accesslogentry_changelist", "eye", "requests_app.view_accesslogentry"),
        ),
    ),
    (
        "Setup",
        (
            ("Operations", "admin:content_operations", "clock", _RUNS),
            ("Connected systems", "admin:content_app_system_changelist", "system", "content_app.view_system"),
            ("People", "admin:auth_user_changelist", "people", "auth.view_user"),
            ("Agent ids", "admin:requests_app_staffaccount_changelist", "headset", "requests_app.view_staffaccount"),
            ("Roles", "admin:auth_group_changelist", "roles", "auth.view_group"),
        ),
    ),
)


def menu(user: User | AnonymousUser) -> list[Group]:
    """The groups that hold at least one link for this user."""
    groups = []
    for title, lines in _MENU:
        links = tuple(link for line in lines if (link := _link(user, *line)))
        if links:
            groups.append(Group(title, links))
    return groups


def _link(user: User | AnonymousUser, label: str, name: str, icon: str, permission: str) -> Link | None:
    if permission and not any(user.has_perm(one) for one in permission.split("|")):
        return None
    try:
        return Link(label, reverse(name), icon)
    except NoReverseMatch:
        return None
