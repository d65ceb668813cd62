"""People and their roles: administrators make accounts, give roles, link contact centre agents.

In:  administrators.
Out: accounts in groups; each change leaves an entry in the ledger.
Never here: a superuser, a single permission, a deleted account, or a role that somebody gives to themselves.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from content_app.models import System
from requests_app import audit
from requests_app.admin import labels
from requests_app.admin.absent import NotFoundAdmin
from requests_app.admin.read_only import ReadOnlyAdmin
from requests_app.models import StaffAccount

#: Django and its packages register pages that would be side doors here.
_SHUT = frozenset({"django_q", "account", "mfa", "usersessions", "sites"})


def install(site: AdminSite) -> None:
    """Replace Django's pages for users and groups by ours, and shut what packages opened."""
    for model in list(site._registry):
        if model._meta.app_label in _SHUT:
            site.unregister(model)
    site.unregister([User, Group])
    site.register(User, PersonAdmin)
    site.register(Group, RoleAdmin)
    site.register(StaffAccount, AgentAdmin)


def _note(actor: Any, person: User, change: str) -> None:
    pseudonym = UUID(audit.pseudonym_of(person))
    roles = person.groups.count()
    audit.append("user.changed", actor=actor, about=pseudonym, person=pseudonym, change=change, roles=roles)


class Worded(NotFoundAdmin):
    """Lists and forms that speak of the work: their own titles instead of the models' names."""

    words: dict[str, str] = {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, self.words | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        titled = {"title": self.words["add_label"]} if object_id is None else {"title": self.words["form_title"]}
        return super().changeform_view(request, object_id, form_url, self.words | titled | (extra_context or {}))


class PersonForm(labels.Plain, UserChangeForm):
    """An account; roles as boxes to tick."""

    class Meta(UserChangeForm.Meta):
        model = User
        widgets = {"groups": forms.CheckboxSelectMultiple}


class PersonAddForm(labels.Plain, BaseUserCreationForm):
    """A new account: a name and a first password of twelve characters or more. Roles come on the next page."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email")


class RoleFilter(admin.RelatedFieldListFilter):
    """Groups are roles here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "role"


class PersonAdmin(Worded, UserAdmin):
    """People. Nobody is deleted (the ledger knows their pseudonym); accounts are switched off."""

    words = {"list_title": "People", "add_label": "Add a person", "form_title": "A person and their roles"}

    form = PersonForm
    add_form = PersonAddForm
    actions = None
    list_display = ("name_", "username", "roles_", "is_active", "last_login")
    list_display_links = ("name_",)
    list_filter = (("groups", RoleFilter), "is_active")
    search_fields = ("username", "first_name", "last_name")
    search_help_text = "A name or a user name."
    ordering = ("first_name", "username")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "password_")}),
        (
            "Roles",
            {
                "fields": ("groups",),
                "description": "Nobody changes their own.",
            },
        ),
        ("Account", {"fields": ("is_active", "last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "first_name", "last_name", "email", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An administrator does not reach above themselves: a superuser's account is closed to them."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = ("last_login", "date_joined", "password_")
        return (*fixed, "groups", "is_active") if obj is not None and obj == request.user else fixed

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] in ("groups", "is_active") and super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.is_staff = True  # whoever has an account may come in; the role says how far
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for code in _changes(form, change=change):
            _note(request.user, form.instance, code)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """A new password for a colleague. It is in the ledger, since it could open their account to another."""
        person = self.get_object(request, id)
        if person is not None and not self.has_change_permission(request, person):
            raise PermissionDenied("This account is closed to your role.")
        before = person.password if person else ""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if person is not None:
                person.refresh_from_db()
                if person.password != before:
                    _note(request.user, person, "password_set")
        return response

    @admin.display(description="Password")
    def password_(self, person: User) -> str:
        return format_html(
            '<a href="{}">Set a new password</a>', reverse("admin:auth_user_password_change", args=[person.pk])
        )

    @admin.display(description="Name", ordering="first_name")
    def name_(self, person: User) -> str:
        return person.get_full_name() or person.get_username()

    @admin.display(description="Roles")
    def roles_(self, person: User) -> str:
        names = [group.name for group in person.groups.all()] + (["superuser"] if person.is_superuser else [])
        return format_html_join(" ", '<span class="badge plain">{}</span>', ((name,) for name in names)) or "–"


def _changes(form: Any, *, change: bool) -> list[str]:
    """What this save did, in the codes of the ledger."""
    if not change:
        return ["created"]
    codes = {"groups": "roles", "is_active": "activated" if form.instance.is_active else "deactivated"}
    return sorted({codes.get(name, "details") for name in form.changed_data})


class RoleAdmin(ReadOnlyAdmin):
    """The roles, to look up what each may do. The code says it; nobody edits it here."""

    list_display = ("name", "people_", "permissions_")
    ordering = ("name",)
    fields = ("name", "may_")
    readonly_fields = ("may_",)
    list_title = "Roles"
    list_lede = "What each role may do. Fixed in code, so that nobody widens it by hand."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("permissions", "user_set")

    @admin.display(description="People")
    def people_(self, group: Group) -> int:
        return len(group.user_set.all())

    @admin.display(description="Permissions")
    def permissions_(self, group: Group) -> int:
        return len(group.permissions.all())

    @admin.display(description="May")
    def may_(self, group: Group) -> str:
        lines = format_html_join("", "<li>{}</li>", ((one.name,) for one in group.permissions.all()))
        return format_html("<ul>{}</ul>", lines)


def _uuid(value: str | UUID) -> UUID:
    """What was chosen is text; what the row holds is a UUID already."""
    return UUID(str(value))


class AgentForm(labels.Plain, forms.ModelForm):
    """A contact centre agent by system, agent id and colleague."""

    system_id = forms.TypedChoiceField(label="Connected system", coerce=_uuid)

    class Meta:
        model = StaffAccount
        fields = ("system_id", "external_id", "user")
        labels = {"external_id": "Agent id", "user": "Colleague"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system_id"].choices = [(str(one.pk), one.name) for one in System.objects.order_by("name")]  # type: ignore[attr-defined]


def _note_agent(actor: Any, account: StaffAccount, change: str) -> None:
    """Who counts as heard depends on these rows, so each change is an entry."""
    person = UUID(audit.pseudonym_of(account.user))
    audit.append("agent.linked", actor=actor, about=person, person=person, system=account.system_id, change=change)


class AgentAdmin(Worded):
    """Which colleague is which agent: whoever is heard on a recording cannot approve its deletion."""

    form = AgentForm
    actions = None
    words = {
        "list_title": "Contact centre agents",
        "list_lede": "Which colleague is which agent. Whoever is heard on a recording cannot approve its deletion.",
        "add_label": "Link an agent",
        "form_title": "An agent and the colleague behind it",
        "empty_title": "No agent is linked yet",
        "empty_lede": "Link each agent id to a colleague, so that nobody approves the deletion of their own calls.",
    }
    list_display = ("external_id", "user", "system_")
    search_fields = ("external_id", "user__username")
    list_select_related = ("user",)

    def save_model(self, request: HttpRequest, obj: StaffAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _note_agent(request.user, obj, "changed" if change else "linked")

    def delete_model(self, request: HttpRequest, obj: StaffAccount) -> None:
        _note_agent(request.user, obj, "unlinked")
        super().delete_model(request, obj)

    @admin.display(description="Connected system")
    def system_(self, account: StaffAccount) -> str:
        return System.objects.filter(pk=account.system_id).values_list("name", flat=True).first() or "–"
